"""One number per encoder over all tasks, and the tasks that it is over.

Conventions
-----------
- ``scores`` is (E encoders, T tasks), higher is better (negate error rates), NaN where an encoder has no score.
- A missing score is never counted as 0 or filled in: an encoder's value is over the tasks it has, and the result says
  which are missing. Values over different tasks are not comparable (leaving out a hard task raises them), so
  ``common_only`` restricts all encoders to the tasks that every one of them has.

Functions
---------
- :func:`overall_mean`, :func:`overall_mean_rank`, :func:`overall_win_rate`.
- :func:`generalisability`: s(m), improvement over a floor relative to the best.
- HEAR's own score is in :mod:`hear_audiomosaic.statistics.hear_score`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, row_means, score_matrix
from hear_audiomosaic.statistics.ranks import mean_rank, win_rate

__all__ = ["Overall", "generalisability", "overall_mean", "overall_mean_rank", "overall_win_rate"]


@dataclass(frozen=True)
class Overall:
    """An overall score and the tasks that it is over."""

    value: float
    """NaN without any task."""
    used: tuple[int, ...]
    """Columns of the tasks that count."""
    missing: tuple[int, ...]
    """Columns of the other tasks."""

    @property
    def is_complete(self) -> bool:
        """Whether every task counts."""
        return not self.missing


def overall_mean(scores: npt.ArrayLike, *, common_only: bool = False) -> tuple[Overall, ...]:
    """Unweighted mean of the scores.

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        common_only: use only tasks that every encoder has. (Default: False)

    Returns:
        An :class:`Overall` per encoder, in the unit of the scores. Tasks with a wide range decide the order.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    matrix = _counted(scores, common_only)
    return _overalls(row_means(matrix), ~np.isnan(matrix))


def overall_mean_rank(scores: npt.ArrayLike, *, common_only: bool = False) -> tuple[Overall, ...]:
    """Mean rank (:func:`hear_audiomosaic.statistics.ranks.mean_rank`); lower is better.

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        common_only: use only tasks that every encoder has. (Default: False)

    Returns:
        An :class:`Overall` per encoder, 1 the best possible. It depends on which other encoders there are.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    matrix = _counted(scores, common_only)
    return _overalls(mean_rank(matrix), ~np.isnan(matrix))


def overall_win_rate(scores: npt.ArrayLike, *, common_only: bool = False) -> tuple[Overall, ...]:
    """Share of comparisons won (:func:`hear_audiomosaic.statistics.ranks.win_rate`).

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        common_only: use only tasks that every encoder has. (Default: False)

    Returns:
        An :class:`Overall` per encoder, in 0 .. 1. A task that no other encoder has is not compared and counts as
        missing.

    Raises:
        MetricError: ``scores`` is not a matrix of numbers.
    """
    matrix = _counted(scores, common_only)
    has = ~np.isnan(matrix)
    return _overalls(win_rate(matrix), has & (np.count_nonzero(has, axis=0) > 1))


def generalisability(
    scores: npt.ArrayLike,
    floor: npt.ArrayLike,
    best: npt.ArrayLike | None = None,
    *,
    common_only: bool = False,
) -> tuple[Overall, ...]:
    """Generalisability s(m): the share of the largest known improvement over a floor that an encoder reaches.

    Formula: s(m) = 100 / |T| sum over tasks t of max(0, s_t(m) - s_t(floor)) / (s_t(best) - s_t(floor)); a task
    on which nothing is better than the floor gives 0 to all.

    Args:
        scores: (E, T), higher is better; NaN where there is none.
        floor: (T,) the floor's scores; a task without one (NaN) is missing for all. In the papers, which call it the
            baseline: HEAR-Naive, a mel spectrogram.
        best: (T,) the best known scores; None: the best of ``scores`` and ``floor``. In the papers: the best of all
            that they evaluated, their own ablations included; so the number of a paper cannot be reproduced from its
            main table alone, and it changes with every new model.
        common_only: use only tasks that every encoder has. (Default: False)

    Returns:
        An :class:`Overall` per encoder: 0 no better than the floor anywhere, 100 the best everywhere (above it only
        if an encoder beats a given ``best``).

    Raises:
        MetricError: floor or best do not have a score per task.

    Source: Yuksel et al., "WavJEPA", 2025 (arXiv 2509.23238), appendix B; the same in "GRAM", 2026 (arXiv 2602.03307),
    appendix E; after the overall score of SUPERB (Yang et al., 2021).
    """
    matrix = _counted(scores, common_only)
    lowest = _per_task(floor, "floor", matrix.shape[1])
    known = np.fmax(np.fmax.reduce(matrix, axis=0), lowest) if best is None else _per_task(best, "best", len(lowest))
    largest_gain = known - lowest  # (T,)
    gain = np.maximum(matrix - lowest, 0.0)
    share = np.where(largest_gain > 0.0, gain / np.where(largest_gain > 0.0, largest_gain, 1.0), 0.0)
    share = np.where(np.isnan(matrix) | np.isnan(largest_gain), np.nan, share)
    return _overalls(100.0 * row_means(share), ~np.isnan(share))


def _counted(scores: npt.ArrayLike, common_only: bool) -> Floats:
    """The scores that count: with ``common_only`` those of a task that any encoder lacks become NaN."""
    matrix = score_matrix(scores)
    return np.where(np.isnan(matrix).any(axis=0), np.nan, matrix) if common_only else matrix


def _per_task(values: npt.ArrayLike, name: str, n_tasks: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n_tasks,):
        raise MetricError(f"{name}: expected a score per task, shape ({n_tasks},), found {array.shape}.")
    return array


def _overalls(values: Floats, used: npt.NDArray[np.bool_]) -> tuple[Overall, ...]:
    return tuple(
        Overall(float(value), tuple(np.flatnonzero(row).tolist()), tuple(np.flatnonzero(~row).tolist()))
        for value, row in zip(values, used, strict=True)
    )
