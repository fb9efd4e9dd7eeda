"""Validation of the arguments of this package, and means over what is not NaN.

Arrays in, checked arrays out, or a :class:`~hear_audiomosaic.errors.MetricError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError

__all__ = ["check_level", "finite_values", "resampled_scores", "row_means", "score_matrix"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def finite_values(values: npt.ArrayLike, name: str = "values") -> Floats:
    """(n,) or (n, E) finite numbers, one row per clip or task."""
    array = _numbers(values, name)
    if array.ndim not in (1, 2) or array.size == 0:
        raise MetricError(f"{name}: expected shape (n,) or (n, E) with n > 0, found {array.shape}.")
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise MetricError(f"{name}: expected finite values, found {bad} NaN or infinite; leave those out.")
    return array


def resampled_scores(scores: npt.ArrayLike, name: str = "scores") -> Floats:
    """(n_resamples,) finite numbers; NaN where a resample has no score."""
    array = _numbers(scores, name)
    if array.ndim != 1 or array.size == 0:
        raise MetricError(f"{name}: expected shape (n_resamples,) with at least one resample, found {array.shape}.")
    if np.isinf(array).any():
        raise MetricError(f"{name}: expected finite scores, or NaN where a resample has none, found infinite ones.")
    return array


def score_matrix(scores: npt.ArrayLike, name: str = "scores") -> Floats:
    """(E, T) numbers, one row per encoder and one column per task; NaN where there is no score."""
    array = _numbers(scores, name)
    if array.ndim != 2 or array.size == 0:
        raise MetricError(f"{name}: expected shape (E encoders, T tasks) with E, T > 0, found {array.shape}.")
    if np.isinf(array).any():
        raise MetricError(f"{name}: expected finite scores, or NaN where there is none, found infinite ones.")
    return array


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
