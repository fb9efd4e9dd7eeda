"""Validation of the arguments of this package, and means over what is not NaN.

Arrays in, checked arrays out, or a :class:`~hear_audiomosaic.errors.MetricError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError

__all__ = ["check_level", "clip_values", "group_numbers", "resampled_scores", "row_means", "score_matrix"]

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


def resampled_scores(scores: npt.ArrayLike, name: str = "scores") -> Floats:
    """(n_resamples,) numbers; NaN where a resample has no score."""
    array = _numbers(scores, name)
    if array.ndim != 1 or array.size == 0:
        raise MetricError(f"{name}: expected shape (n_resamples,) with at least one resample, found {array.shape}.")
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

    Without groups every clip is its own group. At least two are required: with one, all resamples are the same.
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
        unit = "clips" if groups is None else "groups"
        raise MetricError(f"expected at least 2 {unit} to resample, found {n_groups}; there is no interval for this.")
    return index, n_groups


def check_level(level: float) -> None:
    """Raise an error for a confidence level that is not a probability, such as 95 for 0.95."""
    if not 0.0 < level < 1.0:
        raise MetricError(f"level: expected a probability between 0 and 1, such as 0.95, found {level}.")


def row_means(matrix: Floats) -> Floats:
    """(R, C) -> (R,) mean of the values that are not NaN; NaN for a row without any."""
    known = ~np.isnan(matrix)
    n = np.count_nonzero(known, axis=-1)
    total = np.where(known, matrix, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, n, out=np.full(len(matrix), np.nan), where=n > 0))


def _numbers(values: npt.ArrayLike, name: str) -> Floats:
    array: npt.NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise MetricError(f"{name}: expected numbers, found {array.dtype}; convert them with np.asarray.")
    return array.astype(np.float64)
