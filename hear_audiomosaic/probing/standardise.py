"""Features of mean 0 and standard deviation 1, a block of rows at a time; memory for one copy, not more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["Standardiser"]

ROWS_AT_ONCE = 1 << 15

Floats = npt.NDArray[np.float32]


class Standardiser:
    """Shift and scale of each feature, computed in double precision from the rows that train.

    Args:
        values: (n, D) embeddings. A feature that never changes becomes 0 everywhere.
    """

    def __init__(self, values: Floats) -> None:
        self._mean = values.mean(axis=0, dtype=np.float64)
        squares = sum((np.square(values[rows] - self._mean).sum(axis=0) for rows in _blocks(values)), np.float64(0.0))
        deviation = np.sqrt(squares / max(len(values), 1))
        self._scale = np.where(deviation > 0, 1.0 / np.maximum(deviation, 1e-12), 0.0)

    def __call__(self, values: Floats) -> Floats:
        """(n, D) -> (n, D) float32."""
        standardised = np.empty(values.shape, dtype=np.float32)
        for rows in _blocks(values):
            standardised[rows] = (values[rows] - self._mean) * self._scale
        return standardised


def _blocks(values: Floats) -> Iterator[slice]:
    for start in range(0, len(values), ROWS_AT_ONCE):
        yield slice(start, start + ROWS_AT_ONCE)
