"""Encoders ranked over tasks: places, how firm they are, and who can be told apart.

Origin: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006 (ranks, Friedman, Nemenyi).

Conventions
-----------
- ``scores`` is (E encoders, T tasks), higher is better (negate error rates), NaN where an encoder has no score.
- Missing cells are never filled in. A task ranks the encoders that have it, 1 the best, ties averaged; mean ranks and
  win rates are over the tasks an encoder has, comparisons of two over the tasks both have.
- Resampling tasks asks how the order would be with other tasks of the same kind. With a dozen tasks the intervals are
  still a little short, as all percentile intervals of few observations are.

Functions
---------
- :func:`ranks`, :func:`mean_rank`, :func:`win_rate`: the order.
- :func:`rank_intervals`: how firm each place is.
- :func:`separable_pairs`: which two can be told apart.
- :func:`friedman`, :func:`nemenyi_critical_difference`, :func:`cliques`: the critical-difference diagram.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hear_audiomosaic.statistics._inputs import Floats, check_level, score_matrix
from hear_audiomosaic.statistics.critical_difference import (
    Friedman,
    cliques,
    friedman,
    nemenyi_critical_difference,
)
from hear_audiomosaic.statistics.intervals import LARGEST_LEFT_OUT, Interval
from hear_audiomosaic.statistics.resampling import Seed, resample_counts

__all__ = [
    "FEWEST_COMMON_TASKS",
    "Friedman",
    "cliques",
    "friedman",
    "mean_rank",
    "nemenyi_critical_difference",
    "rank_intervals",
    "ranks",
    "separable_pairs",
    "win_rate",
]

FEWEST_COMMON_TASKS = 6
"""Two encoders with fewer tasks in common are never told apart: even six wins out of six are only just significant in
a sign test (p = 2 / 2^6 = 0.03), while a percentile interval takes two out of two for certainty."""


def ranks(scores: npt.ArrayLike) -> Floats:
    """Rank the encoders within each task.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E, T) ranks, 1 the best, ties averaged; NaN where there is no score. A task that few encoders have has few
        ranks.

    Raises:
        MetricError: no such matrix.
    """
    return _ranked(score_matrix(scores), axis=0)


def mean_rank(scores: npt.ArrayLike) -> Floats:
    """Mean rank over the tasks an encoder has.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E,), 1 when best at everything; NaN for an encoder without any task.

    Raises:
        MetricError: no such matrix.

    Source: Demsar, 2006, section 3.2.2.
    """
    placed = ranks(scores)
    return _mean_over_tasks(placed, np.ones((1, placed.shape[1])))[0]


def win_rate(scores: npt.ArrayLike) -> Floats:
    """Share of comparisons won.

    Formula: over all pairs (other encoder, task that both have): 1 for a higher score, 1/2 for an equal one.

    Args:
        scores: (E, T), higher is better; NaN where there is none.

    Returns:
        (E,) in 0 .. 1, 1/2 on average; NaN for an encoder that shares no task with another.

    Raises:
        MetricError: no such matrix.
    """
    placed = ranks(scores)
    rivals = np.count_nonzero(~np.isnan(placed), axis=0) - 1  # (T,) a rank r leaves n - r behind, ties half
    won = np.nansum(rivals + 1 - placed, axis=1)
    compared = np.where(np.isnan(placed), 0, rivals).sum(axis=1)
    return np.asarray(np.divide(won, compared, out=np.full(len(placed), np.nan), where=compared > 0))


def rank_intervals(
    scores: npt.ArrayLike, level: float = 0.95, n_draws: int = 2000, seed: Seed = 0
) -> tuple[Interval, ...]:
    """Interval of each encoder's place.

    Formula: T tasks are drawn with replacement, the encoders placed by their mean rank over the tasks drawn (1 the
    best, ties averaged), and of its places each encoder gets the percentile interval. Ends are places that occurred,
    rounded outwards.

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        level: between 0 and 1. (Default: 0.95)
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        An interval per encoder. A resample without any task that an encoder has gives it no place; beyond 5 % of such
        resamples there is no interval.

    Raises:
        MetricError: no such matrix, or fewer than two tasks.
    """
    check_level(level)
    placed = ranks(scores)
    counts = resample_counts(n_draws, None, placed.shape[1], seed).astype(np.float64)
    places = _ranked(-_mean_over_tasks(placed, counts), axis=1)  # (n_draws, E)
    return tuple(_place_interval(column, level) for column in places.T)


def separable_pairs(
    scores: npt.ArrayLike, level: float = 0.95, n_draws: int = 2000, seed: Seed = 0
) -> npt.NDArray[np.bool_]:
    """Which two encoders can be told apart by the tasks both have.

    Formula: the tasks both have are drawn with replacement; the two differ when the percentile interval of the mean
    difference excludes 0.

    Args:
        scores: (E, T) on scales that may be averaged (standardised per task, or all of one unit), higher is better;
            NaN where there is none.
        level: between 0 and 1, of each pair; with many pairs some are told apart by chance. (Default: 0.95)
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        (E, E) symmetric, False on the diagonal and for pairs with fewer than :data:`FEWEST_COMMON_TASKS` tasks.

    Raises:
        MetricError: no such matrix.
    """
    check_level(level)
    matrix = score_matrix(scores)
    first, second = np.triu_indices(len(matrix), k=1)
    differences = matrix[first] - matrix[second]  # (P, T)
    common = ~np.isnan(differences)
    tail = (1.0 - level) / 2.0
    separable = np.zeros((len(matrix), len(matrix)), dtype=bool)
    for tasks in np.unique(common, axis=0):  # pairs with the same tasks share the resamples
        n_tasks = int(np.count_nonzero(tasks))
        if n_tasks < FEWEST_COMMON_TASKS:
            continue
        pairs = np.flatnonzero((common == tasks).all(axis=1))
        counts = resample_counts(n_draws, None, n_tasks, seed).astype(np.float64)
        draws = counts @ differences[np.ix_(pairs, tasks)].T / n_tasks  # (n_draws, pairs)
        low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
        apart = (low > 0.0) | (high < 0.0)
        separable[first[pairs], second[pairs]] = separable[second[pairs], first[pairs]] = apart
    return separable


def _ranked(scores: Floats, axis: int) -> Floats:
    """Ranks along an axis, 1 the highest; missing ones go to the end, where they disturb nobody, and stay missing."""
    missing = np.isnan(scores)
    placed = rankdata(np.where(missing, np.inf, -scores), axis=axis)
    return np.asarray(np.where(missing, np.nan, placed))


def _mean_over_tasks(values: Floats, counts: Floats) -> Floats:
    """(E, T) values with NaN, (b, T) how often each task counts -> (b, E) means; NaN where no task counts."""
    present = ~np.isnan(values)
    total = counts @ np.where(present, values, 0.0).T
    weight = counts @ present.T
    return np.asarray(np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0))


def _place_interval(places: Floats, level: float) -> Interval:
    kept = places[~np.isnan(places)]
    left_out = len(places) - len(kept)
    if left_out > LARGEST_LEFT_OUT * len(places):
        return Interval(np.nan, np.nan, level, left_out, f"no place in {left_out} of {len(places)} resamples")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(kept, tail, method="lower"), np.quantile(kept, 1.0 - tail, method="higher")
    return Interval(float(low), float(high), level, left_out)
