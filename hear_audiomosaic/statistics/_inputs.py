"""What the statistics take in: checked once, in one place, with one kind of message.

The engine below the public files: arrays in, checked arrays out, or a :class:`~hear_audiomosaic.errors.MetricError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError

__all__ = ["check_level", "clip_values", "draw_values", "group_numbers", "score_matrix"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def clip_values(values: npt.ArrayLike, name: str = "values") -> Floats:
    """(n,) or (n, E) finite numbers, one row per clip."""
    array = _numbers(values, name)
    if array.ndim not in (1, 2) or array.size == 0:
        raise MetricError(f"{name}: expected shape (n clips,) or (n, E) with n > 0, found {array.shape}.")
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise MetricError(f"{name}: expected finite values, found {bad} NaN or infinite; leave those clips out.")
    return array


def draw_values(draws: npt.ArrayLike, name: str = "draws") -> Floats:
    """(n_draws,) numbers; NaN where a draw has no score."""
    array = _numbers(draws, name)
    if array.ndim != 1 or array.size == 0:
        raise MetricError(f"{name}: expected shape (n_draws,) with at least one draw, found {array.shape}.")
    return array


def score_matrix(scores: npt.ArrayLike, name: str = "scores") -> Floats:
    """(E, T) numbers, one row per encoder and one column per task; NaN where there is no score."""
    array = _numbers(scores, name)
    if array.ndim != 2 or array.size == 0:
        raise MetricError(f"{name}: expected shape (E encoders, T tasks) with E, T > 0, found {array.shape}.")
    if np.isinf(array).any():
        raise MetricError(f"{name}: expected finite scores, or NaN where there is none, found infinite ones.")
    return array


def group_numbers(groups: npt.ArrayLike | None, n: int) -> tuple[Integers, int]:
    """Number the groups 0, 1, ...: (n,) number of each clip's group, and how many groups there are.

    Without groups every clip is its own. There must be two at least, or resampling has nothing to vary.
    """
    if groups is None:
        index = np.arange(n)
    else:
        labels: npt.NDArray[Any] = np.asarray(groups)
        if labels.shape != (n,):
            raise MetricError(f"groups: expected one per clip, shape ({n},), found {labels.shape}.")
        index = np.unique(labels, return_inverse=True)[1].reshape(n)
    n_groups = int(index.max(initial=-1)) + 1
    if n_groups < 2:
        thing = "clips" if groups is None else "groups"
        raise MetricError(f"expected at least 2 {thing} to resample, found {n_groups}; there is no interval for this.")
    return index, n_groups


def check_level(level: float) -> None:
    """Refuse a confidence level that is no probability, such as 95 for 0.95."""
    if not 0.0 < level < 1.0:
        raise MetricError(f"level: expected a probability between 0 and 1, such as 0.95, found {level}.")


def _numbers(values: npt.ArrayLike, name: str) -> Floats:
    array: npt.NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise MetricError(f"{name}: expected numbers, found {array.dtype}; convert them with np.asarray.")
    return array.astype(np.float64)
