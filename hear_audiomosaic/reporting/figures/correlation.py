"""Figure of tasks: whether two tasks order the encoders alike."""

from __future__ import annotations

import math

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.correlations import (
    FEWEST_ENCODERS,
    FEWEST_TASKS,
    Correlations,
    task_correlations,
)
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.svg import Drawing, short, text_width
from hear_audiomosaic.reporting.text.formats import MINUS, MISSING, decimals

__all__ = ["correlation_figure", "draw_correlations"]

_CELL = 40.0


def correlation_figure(comparison: Comparison) -> Figure:
    """The rank correlations of the tasks, or the reason why there are none."""
    title = "Agreement of tasks"
    correlations = task_correlations(comparison)
    n_tasks = len(correlations.tasks)
    if n_tasks < FEWEST_TASKS:
        return Figure(
            title,
            None,
            f"No correlation of tasks: it needs at least {FEWEST_TASKS} tasks that {FEWEST_ENCODERS} encoders have; "
            f"here {'is' if n_tasks == 1 else 'are'} {n_tasks or 'none'}.",
        )
    low, high = int(correlations.n_encoders.min()), int(correlations.n_encoders.max())
    n = f"{high}" if low == high else f"{low} to {high}"
    few = "; with so few, exchanging two neighbours changes it considerably" if low < 10 else ""
    return Figure(
        title,
        draw_correlations(correlations),
        "Spearman's rank correlation of the encoders' scores, error rates negated: 1 where two tasks order the "
        f"encoders alike, {MINUS}1 where they order them the other way round. Over {n} encoders{few}.",
    )


def draw_correlations(correlations: Correlations) -> Markup:
    """Draw tasks x tasks, one colour for agreement and another for disagreement, with the numbers in the cells."""
    labels = [short(task, 22) for task in correlations.tasks]
    n = len(labels)
    left = text_width(labels, 12.0) + 12.0
    lean = text_width(labels, 12.0) * math.sin(math.radians(45.0))
    top = lean + 16.0
    spoken = "; ".join(
        f"{correlations.tasks[a]} and {correlations.tasks[b]}: {_text(correlations.values[a, b])}"
        for a in range(n)
        for b in range(a)
    )
    drawing = Drawing(left + n * _CELL + lean + 8.0, top + n * _CELL + 4.0, f"Rank correlations of tasks. {spoken}.")
    for a, label in enumerate(labels):
        drawing.text(left - 8.0, top + (a + 0.5) * _CELL + 4.0, label, anchor="end")
        drawing.text(left + (a + 0.5) * _CELL, top - 6.0, label, turned=-45.0)
        for b in range(n):
            value = float(correlations.values[a, b])
            x, y = left + b * _CELL, top + a * _CELL
            drawing.rect(x + 1.0, y + 1.0, _CELL - 2.0, _CELL - 2.0, "track")
            if not math.isnan(value) and value != 0.0:
                kind = "tint" if value > 0.0 else "counter"
                drawing.rect(x + 1.0, y + 1.0, _CELL - 2.0, _CELL - 2.0, kind, opacity=0.6 * abs(value))
            drawing.text(x + _CELL / 2.0, y + _CELL / 2.0 + 4.0, _text(value), anchor="middle")
    return drawing.markup()


def _text(value: float) -> str:
    return MISSING if math.isnan(value) else decimals(value, 2).replace("-", MINUS)
