"""Figure of tasks: do two tasks order the encoders alike?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from scipy.stats import rankdata

from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.svg import Drawing, short, text_width
from hear_audiomosaic.reporting.text.formats import MINUS, MISSING, decimals

__all__ = ["FEWEST_ENCODERS", "FEWEST_TASKS", "Correlations", "correlation_figure", "task_correlations"]

FEWEST_ENCODERS = 4
FEWEST_TASKS = 3
_CELL = 40.0


@dataclass(frozen=True)
class Correlations:
    """Rank correlations between tasks."""

    tasks: tuple[str, ...]
    values: npt.NDArray[np.float64]
    """(T, T) in -1 .. 1; NaN where two tasks share too few encoders, or one scores all alike."""
    n_encoders: npt.NDArray[np.int64]
    """(T, T) encoders that both tasks have."""


def task_correlations(comparison: Comparison) -> Correlations:
    """Spearman's rank correlation of the encoders' scores, for each two tasks over the encoders that both have.

    Args:
        comparison: one protocol.

    Returns:
        The tasks that at least :data:`FEWEST_ENCODERS` encoders have; error rates count downwards.
    """
    scores = np.array(
        [[math.nan if cell.score is None else cell.score for cell in row.cells] for row in comparison.rows],
        dtype=np.float64,
    ).reshape(len(comparison.rows), len(comparison.columns))  # (E, T)
    kept = [i for i in range(len(comparison.columns)) if np.count_nonzero(~np.isnan(scores[:, i])) >= FEWEST_ENCODERS]
    sign = np.array([1.0 if comparison.columns[i].higher_is_better else -1.0 for i in kept])
    chosen = scores[:, kept] * sign
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


def correlation_figure(found: Correlations) -> Markup:
    """Draw tasks x tasks, one colour for agreement and another for disagreement, with the numbers written in."""
    labels = [short(task, 22) for task in found.tasks]
    n = len(labels)
    left = text_width(labels, 12.0) + 12.0
    lean = text_width(labels, 12.0) * math.sin(math.radians(45.0))
    top = lean + 16.0
    spoken = "; ".join(
        f"{found.tasks[a]} and {found.tasks[b]}: {_written(found.values[a, b])}" for a in range(n) for b in range(a)
    )
    drawing = Drawing(left + n * _CELL + lean + 8.0, top + n * _CELL + 4.0, f"Rank correlations of tasks. {spoken}.")
    for a, label in enumerate(labels):
        drawing.text(left - 8.0, top + (a + 0.5) * _CELL + 4.0, label, anchor="end")
        drawing.text(left + (a + 0.5) * _CELL, top - 6.0, label, turned=-45.0)
        for b in range(n):
            value = float(found.values[a, b])
            x, y = left + b * _CELL, top + a * _CELL
            drawing.rect(x + 1.0, y + 1.0, _CELL - 2.0, _CELL - 2.0, "track")
            if not math.isnan(value) and value != 0.0:
                kind = "tint" if value > 0.0 else "counter"
                drawing.rect(x + 1.0, y + 1.0, _CELL - 2.0, _CELL - 2.0, kind, opacity=0.6 * abs(value))
            drawing.text(x + _CELL / 2.0, y + _CELL / 2.0 + 4.0, _written(value), anchor="middle")
    return drawing.markup()


def _written(value: float) -> str:
    return MISSING if math.isnan(value) else decimals(value, 2).replace("-", MINUS)
