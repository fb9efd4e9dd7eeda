"""Confidence intervals, and the percentile interval of resampled scores.

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.statistics._arrays import check_level, resampled_scores

__all__ = ["Interval", "percentile_interval"]

_LARGEST_LEFT_OUT = 0.05
"""Largest share of resamples without a score that may be left out; beyond it there is no interval."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval, or the reason why there is none."""

    low: float
    """Lower end, in the unit of the score; NaN where there is no interval."""
    high: float
    """Upper end."""
    level: float
    """Confidence level, such as 0.95."""
    reason: str | None = None
    """Why there is no interval; None where there is one."""

    @property
    def is_defined(self) -> bool:
        """Whether there is an interval."""
        return self.reason is None

    def excludes(self, value: float) -> bool:
        """Whether ``value`` lies strictly outside; a missing interval excludes nothing."""
        return self.low > value or self.high < value


def percentile_interval(scores: npt.ArrayLike, level: float = 0.95, *, outwards: bool = False) -> Interval:
    """Percentile interval.

    Formula: [q(alpha), q(1 - alpha)] of the scores with alpha = (1 - level) / 2.

    Args:
        scores: (n_resamples,) the score of each resample of tasks; NaN where a resample has none. For scores of
            resampled test clips these intervals do not hold their level:
            :func:`hear_audiomosaic.statistics.jackknife.score_interval` does.
        level: between 0 and 1. (Default: 0.95)
        outwards: ends are scores that occurred, the next ones outwards, as for ranks; else they are interpolated
            between scores, as :func:`numpy.quantile` does by default. (Default: False)

    Returns:
        The interval; undefined when more than 5 % of the scores are NaN.

    Raises:
        MetricError: no scores, infinite ones, or a level that is not a probability.

    Source: Efron and Tibshirani, 1993, section 13.3.
    """
    check_level(level)
    every = resampled_scores(scores)
    kept = every[~np.isnan(every)]
    left_out = len(every) - len(kept)
    if left_out > _LARGEST_LEFT_OUT * len(every):
        reason = f"{left_out} of {len(every)} resamples have no score, more than {_LARGEST_LEFT_OUT:.0%}"
        return Interval(np.nan, np.nan, level, reason)
    tail = (1.0 - level) / 2.0
    low = np.quantile(kept, tail, method="lower" if outwards else "linear")
    high = np.quantile(kept, 1.0 - tail, method="higher" if outwards else "linear")
    return Interval(float(low), float(high), level)
