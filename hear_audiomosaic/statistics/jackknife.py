"""The jackknife over test units: how uncertain a score is, and whether two scores differ, also with few units.

A *unit* is what is independent of the rest: a clip, or all clips of a group (speaker, recording). The score is computed
again without each unit in turn; how much it moves says how much it would vary over other units.

Conventions
-----------
- A score of several test folds is the mean of the folds' scores. Units are left out within their fold. Where a fold
  has a single unit (one group a fold), the folds themselves are the units.
- Tests and intervals use Student's t with as many degrees of freedom as there are units less folds, so that they hold
  their level with few units, where the bootstrap's percentiles do not. Below :data:`FEWEST_UNITS` there is neither.
- An interval is for the expected score of test sets of this size from the same population of units. The average
  precision of an infinite population is another quantity, and small test sets are biased against it.

Functions
---------
- :func:`standard_error`: of a score, from its replicates.
- :func:`score_interval`: an interval from a standard error, inside the score's range.
- :func:`paired_t_test`: two scores on the same units.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 11; Wolter, "Introduction to Variance
Estimation", 2nd edition 2007, chapter 4 (delete-one-group jackknife, strata, degrees of freedom); Korn and Graubard,
"Confidence intervals for proportions with small expected number of positive counts", 1998 (effective sample size).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, check_level
from hear_audiomosaic.statistics.intervals import Interval
from hear_audiomosaic.statistics.paired import PairedResult

__all__ = [
    "FEWEST_UNITS",
    "FoldReplicates",
    "StandardError",
    "paired_t_test",
    "score_interval",
    "standard_error",
]

FEWEST_UNITS = 3
"""Fewer independent units than this say nothing about a population of units."""


@dataclass(frozen=True)
class FoldReplicates:
    """The score of one fold, and without each of its units.

    Raises:
        MetricError: no units, or replicates that are not one-dimensional.
    """

    score: float
    replicates: Floats
    """(G,) the score without unit g; not finite where it has none. Its only entry counts for nothing when G = 1."""

    def __post_init__(self) -> None:
        if np.ndim(self.replicates) != 1 or not len(self.replicates):
            raise MetricError(f"expected a replicate per unit, shape (G,), found {np.shape(self.replicates)}.")


@dataclass(frozen=True)
class StandardError:
    """How far a score is from its expectation, on average."""

    value: float
    """In the score's unit; NaN where it cannot be told."""
    df: float
    """Degrees of freedom of its estimate."""
    n_units: int
    """Independent units: clips, groups or folds."""
    reason: str | None = None
    """Why there is none; None where there is one."""


def standard_error(folds: Sequence[FoldReplicates], seed_scores: npt.ArrayLike | None = None) -> StandardError:
    """Estimate the standard error of a score (the mean over folds).

    Formula: with the replicates J_kg of fold k, v_k = (G_k - 1) / G_k sum_g (J_kg - mean_g J_kg)^2 and
    se^2 = sum_k v_k / K^2 on sum_k (G_k - 1) degrees of freedom. Where a fold has a single unit, se^2 is the sample
    variance of the folds' scores over K on K - 1. With S > 1 seeds, of which the replicates are the mean, the sample
    variance over seeds is added, divided by S; degrees of freedom are then Satterthwaite's.

    Args:
        folds: one entry for each test fold.
        seed_scores: (S,) the score of each seed; None or a single one: the probe is held fixed. (Default: None)

    Returns:
        The standard error; a reason in place of it when there are fewer than :data:`FEWEST_UNITS` units, or when more
        than 5 % of the replicates have no score.

    Raises:
        MetricError: no folds.
    """
    if not folds:
        raise MetricError("expected at least one fold, found none.")
    of_folds = len(folds) > 1 and min(len(fold.replicates) for fold in folds) == 1
    n_units = len(folds) if of_folds else sum(len(fold.replicates) for fold in folds)
    if n_units < FEWEST_UNITS:
        reason = f"{n_units} independent units are too few (at least {FEWEST_UNITS})"
        return StandardError(np.nan, np.nan, n_units, reason)
    if of_folds:
        scores = np.array([fold.score for fold in folds])
        variance, df = float(scores.var(ddof=1)) / len(folds), float(len(folds) - 1)
    else:
        missing = sum(int((~np.isfinite(fold.replicates)).sum()) for fold in folds)
        if missing > 0.05 * n_units:
            return StandardError(np.nan, np.nan, n_units, f"{missing} of {n_units} replicates have no score")
        variance = sum(_variance(fold.replicates) for fold in folds) / len(folds) ** 2
        df = float(n_units - len(folds))
    seeds = np.atleast_1d(np.asarray([] if seed_scores is None else seed_scores, dtype=np.float64))
    if len(seeds) > 1:
        of_seeds = float(seeds.var(ddof=1)) / len(seeds)
        total = variance + of_seeds
        if total > 0:
            df = total**2 / (variance**2 / df + of_seeds**2 / (len(seeds) - 1))
        variance = total
    return StandardError(math.sqrt(variance), df, n_units)


def score_interval(
    score: float, error: StandardError, level: float = 0.95, *, bounds: tuple[float, float] | None = (0.0, 1.0)
) -> Interval:
    """Interval of a score from its standard error.

    Formula: without bounds score +- t se. Within bounds, with the score s scaled to 0 .. 1, Wilson's interval
    (s + t^2 / 2n +- t sqrt(s (1 - s) / n + t^2 / 4n^2)) / (1 + t^2 / n) with the effective number of units
    n = s (1 - s) / se^2, and Student's t in place of the normal quantile. For an accuracy over n independent clips
    that is Wilson's interval of n - 1 clips. Where the score is at a bound, or no replicate moves, n is the number of
    units.

    Args:
        score: the score.
        error: from :func:`standard_error`.
        level: between 0 and 1. (Default: 0.95)
        bounds: the score's range; None: unbounded. (Default: 0 and 1)

    Returns:
        The interval, which holds the score; without ends where there is no standard error.

    Raises:
        MetricError: a level that is not a probability.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927; Korn and Graubard,
    1998.
    """
    check_level(level)
    if error.reason is not None or not np.isfinite(score):
        return Interval(np.nan, np.nan, level, error.reason or f"the score itself is {score}")
    t = _t_quantile(0.5 + level / 2.0, error.df)
    if bounds is None:
        return Interval(score - t * error.value, score + t * error.value, level)
    low, high = bounds
    s = min(max((score - low) / (high - low), 0.0), 1.0)
    se = error.value / (high - low)
    n = s * (1.0 - s) / se**2 if se > 0.0 and 0.0 < s < 1.0 else float(error.n_units)
    centre = (s + t * t / (2.0 * n)) / (1.0 + t * t / n)
    reach = t / (1.0 + t * t / n) * math.sqrt(s * (1.0 - s) / n + t * t / (4.0 * n * n))
    ends = max(min(centre - reach, s), 0.0), min(max(centre + reach, s), 1.0)
    return Interval(low + ends[0] * (high - low), low + ends[1] * (high - low), level)


def paired_t_test(
    a: Sequence[FoldReplicates],
    b: Sequence[FoldReplicates],
    level: float = 0.95,
    *,
    seed_differences: npt.ArrayLike | None = None,
) -> PairedResult:
    """Compare two scores on the same units.

    Formula: with the difference d of the scores and its standard error from the differences of the replicates,
    t = d / se. Where no replicate of the difference moves (each unit speaks for the same encoder by the same amount),
    p is that of the sign test, 2^(1 - G) for G units; without any difference it is 1.

    Args:
        a: folds of encoder a.
        b: the same folds and units of encoder b.
        level: of the interval, between 0 and 1. (Default: 0.95)
        seed_differences: (S,) score of a minus score of b for each seed; None: the probes are held fixed.

    Returns:
        Difference, interval (difference +- t se), two-sided p.

    Raises:
        MetricError: other folds or units for a than for b.
    """
    check_level(level)
    if [len(fold.replicates) for fold in a] != [len(fold.replicates) for fold in b]:
        raise MetricError("expected the same folds and units for both encoders.")
    folds = [FoldReplicates(x.score - y.score, x.replicates - y.replicates) for x, y in zip(a, b, strict=True)]
    difference = float(np.mean([fold.score for fold in folds]))
    error = standard_error(folds, seed_differences)
    if error.reason is not None or not np.isfinite(difference):
        reason = error.reason or "a score is not finite"
        return PairedResult(difference, Interval(np.nan, np.nan, level, reason), np.nan)
    if abs(difference) <= 1e-12:
        p = 1.0
    elif error.value <= 1e-12:
        p = 2.0 ** (1 - error.n_units)
    else:
        p = float(2.0 * special.stdtr(error.df, -(abs(difference) / error.value)))  # stats.t.sf, without its checks
    return PairedResult(difference, score_interval(difference, error, level, bounds=None), p)


@lru_cache(maxsize=1024)
def _t_quantile(q: float, df: float) -> float:
    """Student's t; all pairs of a task have the same degrees of freedom."""
    return float(stats.t.ppf(q, df))


def _variance(replicates: Floats) -> float:
    kept = replicates[np.isfinite(replicates)]
    n = len(kept)
    return float((n - 1) / n * np.square(kept - kept.mean()).sum()) if n > 1 else 0.0
