"""Rank correlations between tasks: whether two tasks order the encoders alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hear_audiomosaic.reporting.analysis.overall import signed_scores
from hear_audiomosaic.reporting.comparison.model import Comparison

__all__ = ["FEWEST_ENCODERS", "FEWEST_TASKS", "Correlations", "task_correlations"]

FEWEST_ENCODERS = 4
"""Encoders with a score that a task needs to be correlated with another."""
FEWEST_TASKS = 3
"""Such tasks that a figure of the correlations needs."""


@dataclass(frozen=True)
class Correlations:
    """Rank correlations between tasks."""

    tasks: tuple[str, ...]
    values: npt.NDArray[np.float64]
    """(T, T) in -1 .. 1; NaN where two tasks share too few encoders, or all scores of a task are equal."""
    n_encoders: npt.NDArray[np.int64]
    """(T, T) numbers of encoders with a score on both tasks."""


def task_correlations(comparison: Comparison) -> Correlations:
    """Spearman's rank correlation of the encoders' scores, for each two tasks over the encoders that both have.

    Args:
        comparison: one protocol.

    Returns:
        For the tasks that at least :data:`FEWEST_ENCODERS` encoders have; error rates are negated.
    """
    scores = signed_scores(comparison)
    kept = [i for i in range(len(comparison.columns)) if np.count_nonzero(~np.isnan(scores[:, i])) >= FEWEST_ENCODERS]
    chosen = scores[:, kept]
    values = np.full((len(kept), len(kept)), np.nan)
    shared = np.zeros((len(kept), len(kept)), dtype=np.int64)
    for a in range(len(kept)):
        for b in range(len(kept)):
            both = ~np.isnan(chosen[:, a]) & ~np.isnan(chosen[:, b])
            shared[a, b] = np.count_nonzero(both)
            if shared[a, b] >= FEWEST_ENCODERS:
                values[a, b] = _spearman(chosen[both, a], chosen[both, b])
    return Correlations(tuple(comparison.columns[i].label for i in kept), values, shared)


def _spearman(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Pearson's correlation of the ranks, ties averaged; NaN where all are equal."""
    x, y = (rankdata(values) - (len(values) + 1) / 2.0 for values in (first, second))
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / size if size > 0.0 else math.nan
