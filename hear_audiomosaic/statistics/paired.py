"""Two encoders on the same clips: the result of a comparison, McNemar's test, and many comparisons at once.

Origin: McNemar, 1947; Fagerland, Lydersen and Laake, 2013; Holm, 1979; Benjamini and Hochberg, 1995.

Functions
---------
- :func:`mcnemar`: right and wrong answers, exact; :func:`mcnemar_of_all`: of each two of many encoders. Any score:
  :func:`hear_audiomosaic.statistics.jackknife.paired_t_test`.
- :func:`holm`, :func:`benjamini_hochberg`: many comparisons at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest, false_discovery_control

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, finite_values
from hear_audiomosaic.statistics.intervals import Interval

__all__ = ["PairedResult", "benjamini_hochberg", "holm", "mcnemar", "mcnemar_of_all"]


@dataclass(frozen=True)
class PairedResult:
    """Encoder a compared with encoder b."""

    difference: float
    """Score of a minus score of b."""
    interval: Interval
    """Of the difference."""
    p: float
    """Two-sided; NaN where there is no interval."""


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
        :func:`hear_audiomosaic.statistics.jackknife.paired_t_test`.

    Raises:
        MetricError: other clips for a than for b, or values other than 0 and 1.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; Fagerland,
    Lydersen and Laake, "The McNemar test for binary matched-pairs data", 2013 (exact and mid-p).
    """
    a, b = finite_values(correct_a, "correct_a"), finite_values(correct_b, "correct_b")
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


def mcnemar_of_all(correct: npt.ArrayLike) -> Floats:
    """:func:`mcnemar` of each two of many encoders, to the same bits, at the price of a few array operations.

    Formula: Binomial(m, 1/2) is symmetric, so with k the smaller of the two counts p = P(X <= k) + P(X >= m - k).

    Args:
        correct: (E, n) whether each encoder is right on each clip, bool or 0 and 1.

    Returns:
        (E, E) two-sided p; 1 on the diagonal.

    Raises:
        MetricError: not two dimensions, or values other than 0 and 1.
    """
    right = finite_values(correct, "correct")
    if right.ndim != 2 or not np.isin(right, (0.0, 1.0)).all():
        raise MetricError(f"expected only 0 and 1 (wrong and right), shape (E, n), found shape {right.shape}.")
    right_alone = right @ (1.0 - right).T  # (E, E) clips that the first gets right and the second does not
    k, m = np.minimum(right_alone, right_alone.T), right_alone + right_alone.T
    p = binom.cdf(k, m, 0.5) + binom.sf(m - k - 1.0, m, 0.5)
    return np.asarray(np.where(2.0 * k == m, 1.0, np.minimum(p, 1.0)))


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


def _p_values(p: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """A copy of the p-values, and a mask of those that are not NaN."""
    values = np.array(p, dtype=np.float64)
    tested = ~np.isnan(values)
    if ((values[tested] < 0.0) | (values[tested] > 1.0)).any():
        raise MetricError("p: expected probabilities between 0 and 1, or NaN, found others.")
    return values, tested
