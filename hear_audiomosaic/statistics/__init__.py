"""How firm a number is: arrays in, numbers out. Knows nothing of encoders, tasks, probes or metrics."""

from hear_audiomosaic.statistics.bootstrap import (
    bootstrap_interval,
    folds_draws,
    mean_draws,
    mean_interval,
    score_draws,
)
from hear_audiomosaic.statistics.hear_score import hear_normalised_scores, hear_standardised, place
from hear_audiomosaic.statistics.intervals import Interval, bca_interval, draws_interval
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
    paired_difference,
    paired_from_draws,
)
from hear_audiomosaic.statistics.rankings import Ranking
from hear_audiomosaic.statistics.ranks import (
    Friedman,
    cliques,
    friedman,
    mean_rank,
    nemenyi_critical_difference,
    rank_intervals,
    ranks,
    separable_pairs,
    win_rate,
)
from hear_audiomosaic.statistics.resampling import count_chunks, resample_counts
from hear_audiomosaic.statistics.seeds import Variances, score_variances

__all__ = [
    "Friedman",
    "Interval",
    "Overall",
    "PairedResult",
    "Ranking",
    "Variances",
    "bca_interval",
    "benjamini_hochberg",
    "bootstrap_interval",
    "cliques",
    "count_chunks",
    "draws_interval",
    "folds_draws",
    "friedman",
    "generalisability",
    "hear_normalised_scores",
    "hear_standardised",
    "holm",
    "mcnemar",
    "mean_draws",
    "mean_interval",
    "mean_rank",
    "nemenyi_critical_difference",
    "overall_mean",
    "overall_mean_rank",
    "overall_win_rate",
    "paired_difference",
    "paired_from_draws",
    "place",
    "rank_intervals",
    "ranks",
    "resample_counts",
    "score_draws",
    "score_variances",
    "separable_pairs",
    "win_rate",
]
