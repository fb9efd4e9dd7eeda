"""Is one encoder better than another on the same clips?

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; McNemar, 1947; Fagerland, Lydersen and Laake,
2013; Holm, 1979; Benjamini and Hochberg, 1995.

Clips that are hard for one encoder tend to be hard for the other, so the difference varies far less than the two scores
on their own. Both encoders are scored on the same resamples.

Functions
---------
- :func:`paired_difference`: scores that are means over clips.
- :func:`paired_bootstrap_test`: any score, from the scores of the same resamples.
- :func:`mcnemar`: right and wrong answers, exact.
- :func:`holm`, :func:`benjamini_hochberg`: many comparisons at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest, false_discovery_control

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, clip_values, resampled_scores
from hear_audiomosaic.statistics.bootstrap import bootstrap_means
from hear_audiomosaic.statistics.intervals import Interval, percentile_interval
from hear_audiomosaic.statistics.resampling import Groups, Seed, fold_members

__all__ = [
    "PairedResult",
    "benjamini_hochberg",
    "holm",
    "mcnemar",
    "paired_bootstrap_test",
    "paired_difference",
]


@dataclass(frozen=True)
class PairedResult:
    """Encoder a compared with encoder b."""

    difference: float
    """Score of a minus score of b."""
    interval: Interval
    """Of the difference."""
    p: float
    """Two-sided; NaN where there is no interval."""


def paired_difference(
    values_a: npt.ArrayLike,
    values_b: npt.ArrayLike,
    groups: Groups = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: Seed = 0,
    *,
    folds: npt.ArrayLike | None = None,
) -> PairedResult:
    """Compare two encoders by a score that is a mean over clips.

    Formula: the mean of a_i - b_i, its percentile interval, and p as in :func:`paired_bootstrap_test`.

    Args:
        values_a: (n,) a value per clip of encoder a.
        values_b: (n,) the same clips of encoder b.
        groups: (n,) a label per clip; None: every clip is its own group.
        level: between 0 and 1. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        folds: (n,) the fold of each clip: resampled within folds, the score is the mean over folds. None: one fold.

    Returns:
        Difference, interval, p.

    Raises:
        MetricError: other clips for a than for b, or see :func:`hear_audiomosaic.statistics.bootstrap.bootstrap_means`.

    Source: Efron and Tibshirani, 1993, chapters 13 and 16.
    """
    a, b = clip_values(values_a, "values_a"), clip_values(values_b, "values_b")
    if a.ndim != 1 or a.shape != b.shape:
        raise MetricError(f"expected a value per clip for both, shape (n,), found {a.shape} and {b.shape}.")
    values = a - b
    resampled = bootstrap_means(values, groups, n_resamples, seed, folds=folds)
    parts = [np.arange(len(values))] if folds is None else fold_members(folds, len(values))
    return _compare(resampled, float(np.mean([values[part].mean() for part in parts])), level)


def paired_bootstrap_test(
    scores_a: npt.ArrayLike, scores_b: npt.ArrayLike, observed_difference: float, level: float = 0.95
) -> PairedResult:
    """Compare two encoders by any score.

    Formula: with the differences d* of the resamples and the observed difference d, the percentile interval of d*, and
    p = (1 + #{|d* - d| >= |d|}) / (1 + B): how often a difference centred on zero would be as large. It cannot
    be less than 1 / (1 + B).

    Args:
        scores_a: (n_resamples,) scores of encoder a; NaN where a resample has none.
        scores_b: (n_resamples,) scores of encoder b on the same resamples (same clips, groups, number and seed).
        observed_difference: score of a minus score of b on all clips.
        level: between 0 and 1. (Default: 0.95)

    Returns:
        Difference, interval, p. A resample without a score for either is left out; beyond 5 % of them the interval and
        p are NaN.

    Raises:
        MetricError: different numbers of resamples.

    Source: Efron and Tibshirani, 1993, section 16.4 (resamples shifted to the null hypothesis); Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, chapter 4 (the two added ones).
    """
    a, b = resampled_scores(scores_a, "scores_a"), resampled_scores(scores_b, "scores_b")
    if a.shape != b.shape:
        raise MetricError(f"expected the same number of resamples for both, found {len(a)} and {len(b)}.")
    return _compare(a - b, observed_difference, level)


def mcnemar(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike, *, mid_p: bool = False) -> float:
    """Exact test of whether two encoders are right equally often.

    Formula: of the m clips that exactly one encoder gets right, a gets k; under the null hypothesis k is
    Binomial(m, 1/2). p is the probability of a k at least as far from m / 2; the mid-p counts those equally far half,
    which makes the exact test less conservative.

    Args:
        correct_a: (n,) whether encoder a is right, bool or 0 and 1.
        correct_b: (n,) the same clips of encoder b.
        mid_p: count ties half. (Default: False)

    Returns:
        Two-sided p; 1 when the encoders never differ. Clips must be independent: with groups of clips use
        :func:`paired_difference`.

    Raises:
        MetricError: other clips for a than for b, or values other than 0 and 1.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; Fagerland,
    Lydersen and Laake, "The McNemar test for binary matched-pairs data", 2013 (exact and mid-p).
    """
    a, b = clip_values(correct_a, "correct_a"), clip_values(correct_b, "correct_b")
    if a.ndim != 1 or a.shape != b.shape:
        raise MetricError(f"expected right or wrong per clip for both, shape (n,), found {a.shape} and {b.shape}.")
    if not (np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all()):
        raise MetricError("expected only 0 and 1 (wrong and right), found other values.")
    k, m = int(np.count_nonzero(a > b)), int(np.count_nonzero(a != b))
    if m == 0:
        return 1.0
    p = float(binomtest(k, m, 0.5).pvalue)
    if mid_p:
        p -= 0.5 * float(binom.pmf(k, m, 0.5)) * (1 if 2 * k == m else 2)
    return p


def holm(p: npt.ArrayLike) -> Floats:
    """Adjust p-values so that the family-wise error rate (the chance of any false positive) stays below the level.

    Formula: with m values in rising order, the i-th becomes the largest of (m - j + 1) p_j over j <= i, at most 1.

    Args:
        p: p-values of any shape; NaN (no test) stays NaN and does not count in m.

    Returns:
        Adjusted p-values of the same shape.

    Raises:
        MetricError: values outside 0 .. 1.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    adjusted, tested = _p_values(p)
    values = adjusted[tested]
    order = np.argsort(values)
    factors = np.arange(len(values), 0, -1)
    values[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1.0)
    adjusted[tested] = values
    return adjusted


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Adjust p-values so that the false discovery rate (the expected share of false positives among
    the significant results) stays below the level.

    Formula: with m values in rising order, the i-th becomes the smallest of m p_j / j over j >= i, at most 1.

    Args:
        p: p-values of any shape, independent or positively dependent; NaN stays NaN and does not count in m.

    Returns:
        Adjusted p-values of the same shape.

    Raises:
        MetricError: values outside 0 .. 1.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", 1995 (as in scipy).
    """
    adjusted, tested = _p_values(p)
    if tested.any():
        adjusted[tested] = false_discovery_control(adjusted[tested], method="bh")
    return adjusted


def _compare(resampled: Floats, difference: float, level: float) -> PairedResult:
    interval = percentile_interval(resampled, level)
    if not interval.is_defined or np.isnan(difference):
        return PairedResult(difference, interval, float("nan"))
    kept = resampled[~np.isnan(resampled)]
    reach = abs(difference) * (1.0 - 1e-9)  # scores are often multiples of 1 / n: equal up to rounding is equal
    n_as_large = int(np.count_nonzero(np.abs(kept - difference) >= reach))
    return PairedResult(difference, interval, (1 + n_as_large) / (1 + len(kept)))


def _p_values(p: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """A copy of the p-values, and a mask of those that are not NaN."""
    values = np.array(p, dtype=np.float64)
    tested = ~np.isnan(values)
    if ((values[tested] < 0.0) | (values[tested] > 1.0)).any():
        raise MetricError("p: expected probabilities between 0 and 1, or NaN, found others.")
    return values, tested
