"""How uncertain scores and rankings are: arrays in, numbers out. Knows nothing of encoders, tasks, probes or metrics.

A library of its own: the reports use a part of it, and every name in ``__all__`` is for callers outside as well.

- One score of test clips, by the jackknife, which holds its level with few groups, too: :func:`standard_error` of
  :class:`FoldReplicates`, :func:`score_interval`; ranking scores without each clip: :class:`Ranking`.
- Two encoders on the same clips: :func:`paired_t_test`, :func:`mcnemar`; many comparisons at once: :func:`holm`,
  :func:`benjamini_hochberg`.
- A mean over tasks, by the bootstrap: :func:`mean_interval`; from scores of resamples: :func:`percentile_interval`.
- Many encoders and tasks: :func:`ranks`, :func:`mean_rank`, :func:`win_rate`, :func:`rank_intervals`,
  :func:`separable_pairs`, :func:`friedman`, :func:`nemenyi_critical_difference`, :func:`cliques`.
- One number per encoder: :func:`overall_mean`, :func:`overall_mean_rank`, :func:`overall_win_rate`,
  :func:`generalisability`, :func:`hear_normalised_scores`, :func:`hear_standardised`.
"""

from hear_audiomosaic.statistics.bootstrap import mean_interval
from hear_audiomosaic.statistics.critical_difference import (
    Friedman,
    cliques,
    friedman,
    nemenyi_critical_difference,
)
from hear_audiomosaic.statistics.hear_score import hear_normalised_scores, hear_standardised
from hear_audiomosaic.statistics.intervals import Interval, percentile_interval
from hear_audiomosaic.statistics.jackknife import (
    FoldReplicates,
    StandardError,
    paired_t_test,
    score_interval,
    standard_error,
)
from hear_audiomosaic.statistics.overall import (
    Overall,
    generalisability,
    overall_mean,
    overall_mean_rank,
    overall_win_rate,
)
from hear_audiomosaic.statistics.paired import PairedResult, benjamini_hochberg, holm, mcnemar, mcnemar_of_all
from hear_audiomosaic.statistics.rankings import Ranking
from hear_audiomosaic.statistics.ranks import (
    mean_rank,
    rank_intervals,
    ranks,
    separable_pairs,
    win_rate,
)

__all__ = [
    "FoldReplicates",
    "Friedman",
    "Interval",
    "Overall",
    "PairedResult",
    "Ranking",
    "StandardError",
    "benjamini_hochberg",
    "cliques",
    "friedman",
    "generalisability",
    "hear_normalised_scores",
    "hear_standardised",
    "holm",
    "mcnemar",
    "mcnemar_of_all",
    "mean_interval",
    "mean_rank",
    "nemenyi_critical_difference",
    "overall_mean",
    "overall_mean_rank",
    "overall_win_rate",
    "paired_t_test",
    "percentile_interval",
    "rank_intervals",
    "ranks",
    "score_interval",
    "separable_pairs",
    "standard_error",
    "win_rate",
]
