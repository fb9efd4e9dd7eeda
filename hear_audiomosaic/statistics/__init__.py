"""How uncertain scores and rankings are: arrays in, numbers out. Knows nothing of encoders, tasks, probes or metrics.

A library of its own: the reports use a part of it, and every name in ``__all__`` is for callers outside as well.

- Intervals of one score: :func:`mean_interval`, :func:`bootstrap_interval`; from given scores of
  resamples: :func:`percentile_interval`, :func:`bca_interval`.
- The scores of the resamples: :func:`bootstrap_means`, :func:`bootstrap_scores`, :func:`bootstrap_fold_scores`,
  :class:`Ranking`; the resamples themselves: :func:`resample_counts`, :func:`count_chunks`.
- Two encoders: :func:`paired_difference`, :func:`paired_bootstrap_test`, :func:`mcnemar`; many comparisons at once:
  :func:`holm`, :func:`benjamini_hochberg`.
- The same by the jackknife, which holds its level with few groups, too: :func:`standard_error`, :func:`score_interval`,
  :func:`paired_t_test`.
- Many encoders and tasks: :func:`ranks`, :func:`mean_rank`, :func:`win_rate`, :func:`rank_intervals`,
  :func:`separable_pairs`, :func:`friedman`, :func:`nemenyi_critical_difference`, :func:`cliques`.
- One number per encoder: :func:`overall_mean`, :func:`overall_mean_rank`, :func:`overall_win_rate`,
  :func:`generalisability`, :func:`hear_normalised_scores`, :func:`hear_standardised`.
- Variance due to the seed and due to the test clips: :func:`score_variances`.
"""

from hear_audiomosaic.statistics.bootstrap import (
    bootstrap_fold_scores,
    bootstrap_interval,
    bootstrap_means,
    bootstrap_scores,
    mean_interval,
)
from hear_audiomosaic.statistics.critical_difference import (
    Friedman,
    cliques,
    friedman,
    nemenyi_critical_difference,
)
from hear_audiomosaic.statistics.hear_score import hear_normalised_scores, hear_standardised
from hear_audiomosaic.statistics.intervals import Interval, bca_interval, percentile_interval
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
from hear_audiomosaic.statistics.paired import (
    PairedResult,
    benjamini_hochberg,
    holm,
    mcnemar,
    paired_bootstrap_test,
    paired_difference,
)
from hear_audiomosaic.statistics.rankings import Ranking
from hear_audiomosaic.statistics.ranks import (
    mean_rank,
    rank_intervals,
    ranks,
    separable_pairs,
    win_rate,
)
from hear_audiomosaic.statistics.resampling import count_chunks, resample_counts
from hear_audiomosaic.statistics.seeds import Variances, score_variances

__all__ = [
    "FoldReplicates",
    "Friedman",
    "Interval",
    "Overall",
    "PairedResult",
    "Ranking",
    "StandardError",
    "Variances",
    "bca_interval",
    "benjamini_hochberg",
    "bootstrap_fold_scores",
    "bootstrap_interval",
    "bootstrap_means",
    "bootstrap_scores",
    "cliques",
    "count_chunks",
    "friedman",
    "generalisability",
    "hear_normalised_scores",
    "hear_standardised",
    "holm",
    "mcnemar",
    "mean_interval",
    "mean_rank",
    "nemenyi_critical_difference",
    "overall_mean",
    "overall_mean_rank",
    "overall_win_rate",
    "paired_bootstrap_test",
    "paired_difference",
    "paired_t_test",
    "percentile_interval",
    "rank_intervals",
    "ranks",
    "resample_counts",
    "score_interval",
    "score_variances",
    "separable_pairs",
    "standard_error",
    "win_rate",
]
