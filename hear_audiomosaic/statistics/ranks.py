"""Encoders ranked over tasks: ranks, their intervals, and which differences are significant.

Origin: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006 (ranks, Friedman, Nemenyi).

Conventions
-----------
- ``scores`` is (E encoders, T tasks), higher is better (negate error rates), NaN where an encoder has no score.
- Missing cells are never filled in. A task ranks the encoders that have it, 1 the best, ties averaged; mean ranks and
  win rates are over the tasks an encoder has, comparisons of two over the tasks both have.
- Resampling tasks estimates how the order would change with other tasks of the same kind. With a dozen tasks the
  intervals are still slightly too short, as all percentile intervals of few observations are.

Functions
---------
- :func:`ranks`, :func:`mean_rank`, :func:`win_rate`: the order.
- :func:`rank_intervals`: the interval of each rank.
- :func:`separable_pairs`: which pairs differ significantly.
- The critical-difference diagram is in :mod:`hear_audiomosaic.statistics.critical_difference`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hear_audiomosaic.statistics._arrays import Floats, check_level, row_means, score_matrix
from hear_audiomosaic.statistics.bootstrap import Seed, bootstrap_means, resample_counts
from hear_audiomosaic.statistics.intervals import Interval, percentile_interval

__all__ = [
    "FEWEST_COMMON_TASKS",
    "mean_rank",
    "rank_intervals",
    "ranks",
    "separable_pairs",
    "win_rate",
]

FEWEST_COMMON_TASKS = 6
"""With fewer tasks in common two encoders never differ significantly: six wins out of six are only just significant in
a sign test (p = 2 / 2^6 = 0.03), while a percentile interval of two tasks can exclude 0 by itself."""


def ranks(scores: npt.ArrayLike) -> Floats:
    """Rank the encoders within each task.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E, T) ranks, 1 the best, ties averaged; NaN where there is no score. A task that few encoders have has few
        ranks.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    return _ranked(score_matrix(scores), axis=0)


def mean_rank(scores: npt.ArrayLike) -> Floats:
    """Mean rank over the tasks an encoder has.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E,), 1 when best at everything; NaN for an encoder without any task.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.

    Source: Demsar, 2006, section 3.2.2.
    """
    return row_means(ranks(scores))


def win_rate(scores: npt.ArrayLike) -> Floats:
    """Share of comparisons won.

    Formula: over all pairs (other encoder, task that both have): 1 for a higher score, 1/2 for an equal one.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E,) in 0 .. 1, 1/2 on average; NaN for an encoder that shares no task with another.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    ranked = ranks(scores)
    rivals = np.count_nonzero(~np.isnan(ranked), axis=0) - 1  # (T,) a rank r leaves n - r behind, ties half
    won = np.nansum(rivals + 1 - ranked, axis=1)
    compared = np.where(np.isnan(ranked), 0, rivals).sum(axis=1)
    return np.asarray(np.divide(won, compared, out=np.full(len(ranked), np.nan), where=compared > 0))


def rank_intervals(
    scores: npt.ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: Seed = 0
) -> tuple[Interval, ...]:
    """Interval of each encoder's rank.

    Formula: T tasks are drawn with replacement, the encoders ranked by their mean rank over the tasks drawn (1 the
    best, ties averaged), and each encoder gets the percentile interval of its ranks. Ends are ranks that occurred,
    rounded outwards.

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        level: between 0 and 1. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        An interval per encoder. A resample without any task that an encoder has gives it no rank; beyond 5 % of such
        resamples there is no interval.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers, or fewer than two tasks.
    """
    check_level(level)
    ranked = ranks(scores)
    counts = resample_counts(n_resamples, ranked.shape[1], seed).astype(np.float64)
    resampled = _ranked(-_mean_over_tasks(ranked, counts), axis=1)  # (n_resamples, E)
    return tuple(percentile_interval(column, level, outwards=True) for column in resampled.T)


def separable_pairs(
    scores: npt.ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: Seed = 0
) -> npt.NDArray[np.bool_]:
    """Which pairs of encoders differ significantly over the tasks that both have.

    Formula: the tasks both have are drawn with replacement; the two differ when the percentile interval of the mean
    difference excludes 0.

    Args:
        scores: (E, T) on scales that may be averaged (standardised per task, or all of one unit), higher is better;
            NaN where there is none.
        level: between 0 and 1, of each pair, not adjusted: with many pairs some differ by chance. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        (E, E) symmetric, False on the diagonal and for pairs with fewer than :data:`FEWEST_COMMON_TASKS` tasks.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    check_level(level)
    matrix = score_matrix(scores)
    first, second = np.triu_indices(len(matrix), k=1)
    differences = matrix[first] - matrix[second]  # (P, T)
    common = ~np.isnan(differences)
    tail = (1.0 - level) / 2.0
    separable = np.zeros((len(matrix), len(matrix)), dtype=bool)
    for tasks in np.unique(common, axis=0):  # pairs with the same tasks share the resamples
        if np.count_nonzero(tasks) < FEWEST_COMMON_TASKS:
            continue
        pairs = np.flatnonzero((common == tasks).all(axis=1))
        resampled = bootstrap_means(differences[np.ix_(pairs, tasks)].T, n_resamples, seed)  # (n_resamples, pairs)
        low, high = np.quantile(resampled, [tail, 1.0 - tail], axis=0)
        apart = (low > 0.0) | (high < 0.0)
        separable[first[pairs], second[pairs]] = separable[second[pairs], first[pairs]] = apart
    return separable


def _ranked(scores: Floats, axis: int) -> Floats:
    """Ranks along an axis, 1 the highest; missing ones are sorted to the end and stay missing."""
    missing = np.isnan(scores)
    ranked = rankdata(np.where(missing, np.inf, -scores), axis=axis)
    return np.asarray(np.where(missing, np.nan, ranked))


def _mean_over_tasks(values: Floats, counts: Floats) -> Floats:
    """(E, T) values with NaN, (b, T) how often each task counts -> (b, E) means; NaN where no task counts."""
    present = ~np.isnan(values)
    total = counts @ np.where(present, values, 0.0).T
    weight = counts @ present.T
    return np.asarray(np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0))
