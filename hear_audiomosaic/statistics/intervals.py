"""From the scores of bootstrap resamples to an interval.

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993 (chapters 13 and 14); Efron, "Better bootstrap
confidence intervals", 1987.

Conventions
-----------
- NaN means that a resample has no score (an AUC without positives): it is left out and counted. Where more than 5 %
  are left out there is no interval: its ends are NaN, and ``reason`` says why.
- Ends are interpolated between scores, as :func:`numpy.quantile` does by default.

Functions
---------
- :func:`percentile_interval`: the percentile interval.
- :func:`bca_interval`: bias-corrected and accelerated, for skewed scores and small n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from hear_audiomosaic.statistics._arrays import Floats, check_level, resampled_scores

__all__ = ["LARGEST_LEFT_OUT", "Interval", "bca_interval", "percentile_interval"]

LARGEST_LEFT_OUT = 0.05
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
    left_out: int = 0
    """Resamples without a score."""
    reason: str | None = None
    """Why there is no interval; None where there is one."""

    @property
    def is_defined(self) -> bool:
        """Whether there is an interval."""
        return self.reason is None

    def excludes(self, value: float) -> bool:
        """Whether ``value`` lies strictly outside; a missing interval excludes nothing."""
        return self.low > value or self.high < value


def percentile_interval(scores: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Percentile interval.

    Formula: [q(alpha), q(1 - alpha)] of the scores with alpha = (1 - level) / 2.

    Args:
        scores: (n_resamples,) the score of each resample; NaN where a resample has none.
        level: between 0 and 1. (Default: 0.95)

    Returns:
        The interval; undefined when more than 5 % of the scores are NaN.

    Raises:
        MetricError: no scores, or a level that is not a probability.

    Source: Efron and Tibshirani, 1993, section 13.3.
    """
    check_level(level)
    kept, left_out, reason = _scored(resampled_scores(scores))
    if reason:
        return Interval(np.nan, np.nan, level, left_out, reason)
    tail = (1.0 - level) / 2.0
    low, high = _quantiles(kept, np.array([tail, 1.0 - tail]))
    return Interval(low, high, level, left_out)


def bca_interval(
    scores: npt.ArrayLike, observed: float, jackknife: Sequence[npt.ArrayLike], level: float = 0.95
) -> Interval:
    """Bias-corrected and accelerated interval.

    Formula: the percentiles Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the scores at z = Phi^-1(alpha) and
    Phi^-1(1 - alpha), where Phi(z0) is the share of scores below the observed score (equal ones count half). With
    U_ki = (n_k - 1) (mean of J_k - J_ki), a = sum U_ki^3 / n_k^3 / (6 (sum U_ki^2 / n_k^2)^(3/2)); for a single fold
    that is the sum of cubes over six times the sum of squares to the power 3/2.

    Args:
        scores: (n_resamples,) the score of each resample; NaN where a resample has none.
        observed: the score of all clips.
        jackknife: for each fold (one without folds) (G,) the score without one group, for each of its groups; NaN
            where there is none.
        level: between 0 and 1. (Default: 0.95)

    Returns:
        The interval; undefined when more than 5 % of the scores are NaN, when the observed score is not finite,
        when it lies beyond all scores, or when the correction diverges.

    Raises:
        MetricError: as :func:`percentile_interval`.

    Source: Efron, 1987; Efron and Tibshirani, 1993, section 14.3; several folds are several samples, as in
    :func:`scipy.stats.bootstrap`.
    """
    check_level(level)
    kept, left_out, reason = _scored(resampled_scores(scores))
    if reason:
        return Interval(np.nan, np.nan, level, left_out, reason)
    if not np.isfinite(observed):
        return Interval(np.nan, np.nan, level, left_out, f"the score itself is {observed}; take the percentile method")
    is_equal = np.abs(kept - observed) <= 1e-9 * abs(observed)  # up to rounding: many scores are multiples of 1 / n
    below = np.count_nonzero((kept < observed) & ~is_equal) + 0.5 * np.count_nonzero(is_equal)
    z0 = ndtri(below / len(kept))
    if not np.isfinite(z0):
        return Interval(
            np.nan,
            np.nan,
            level,
            left_out,
            "the observed score lies beyond those of all resamples; take the percentile method",
        )
    tail = (1.0 - level) / 2.0
    shifted = z0 + ndtri(np.array([tail, 1.0 - tail]))
    denominator = 1.0 - _acceleration(jackknife) * shifted
    if (denominator <= 0.0).any():
        return Interval(np.nan, np.nan, level, left_out, "the acceleration is too large; take the percentile method")
    low, high = _quantiles(kept, ndtr(z0 + shifted / denominator))
    return Interval(low, high, level, left_out)


def _acceleration(jackknife: Sequence[npt.ArrayLike]) -> float:
    """Skewness of the influence of single groups; 0 when there is none."""
    cubes, squares = 0.0, 0.0
    for fold in jackknife:
        left = resampled_scores(fold, "jackknife")
        left = left[np.isfinite(left)]
        if len(left) > 1:
            influence = (len(left) - 1) / len(left) * (left.mean() - left)  # (G,) U / n
            cubes += float((influence**3).sum())
            squares += float((influence**2).sum())
    return cubes / (6.0 * squares**1.5) if squares > 0.0 else 0.0


def _scored(scores: Floats) -> tuple[Floats, int, str | None]:
    """The resamples with a score, the number without, and a reason if those are too many."""
    kept = scores[~np.isnan(scores)]
    left_out = len(scores) - len(kept)
    if left_out > LARGEST_LEFT_OUT * len(scores):
        return kept, left_out, f"{left_out} of {len(scores)} resamples have no score, more than {LARGEST_LEFT_OUT:.0%}"
    return kept, left_out, None


def _quantiles(scores: Floats, levels: Floats) -> tuple[float, float]:
    """Two quantiles; infinite scores (of d') cannot be interpolated, so there the nearest one is taken."""
    with np.errstate(invalid="ignore"):
        ends = np.quantile(scores, levels)
    if np.isnan(ends).any():
        ends = np.where(np.isnan(ends), np.quantile(scores, levels, method="nearest"), ends)
    return float(ends[0]), float(ends[1])
