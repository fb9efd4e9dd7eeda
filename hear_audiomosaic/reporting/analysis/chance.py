"""Scores relative to chance."""

from __future__ import annotations

import math

from hear_audiomosaic.reporting.comparison.model import TaskColumn

__all__ = ["chance_normalised"]


def chance_normalised(score: float, column: TaskColumn) -> float | None:
    """A score on the scale from chance to perfect.

    Formula: (score - chance) / (perfect - chance), clipped to 0 .. 1; perfect is 1, or 0 for error rates. Where the
    score of chance is not known it is 0, or 1 for error rates.

    Args:
        score: in the unit of the task's score.
        column: the task.

    Returns:
        0 (chance or below) to 1 (perfect); None for NaN and for scores without a largest value.
    """
    if math.isnan(score):
        return None
    worst = column.chance if column.chance is not None else (0.0 if column.higher_is_better else 1.0)
    best = 1.0 if column.higher_is_better else 0.0
    if (column.higher_is_better and not column.averaged) or worst == best:
        return None
    return min(max((score - worst) / (best - worst), 0.0), 1.0)
