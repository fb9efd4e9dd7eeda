"""The heat map, as SVG that stands inside the page: no fixed ink colour, no date, the same bytes every time."""

from __future__ import annotations

import io
import math
import re
import warnings

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hear_audiomosaic.reporting.table import Cell, Column, Comparison
from hear_audiomosaic.reporting.text import decimals

__all__ = ["heat_map", "skill"]

_INK = "#010203"
"""Becomes ``currentColor``, so that the page's light and dark colours reach into the figure."""
_TINT = "#040506"
"""Becomes the page's accent colour."""
_STRONGEST = 0.6
"""Opacity of a perfect score; the ink stays readable on it in light and in dark."""
_CELL_INCHES = (0.92, 0.36)


def skill(score: float, column: Column) -> float | None:
    """How far a score is on the way from chance to perfect.

    Where no score of chance is known, the way starts at 0 for scores and at 1 for error rates.

    Args:
        score: in the task's unit.
        column: the task.

    Returns:
        0 (chance or below) to 1 (perfect); None for scores without a largest value.
    """
    if math.isnan(score):
        return None
    worst = column.chance if column.chance is not None else (0.0 if column.higher_is_better else 1.0)
    best = 1.0 if column.higher_is_better else 0.0
    if (column.higher_is_better and not column.averaged) or worst == best:
        return None
    return min(max((score - worst) / (best - worst), 0.0), 1.0)


def heat_map(comparison: Comparison, prefix: str) -> str:
    """Draw encoders x tasks, tinted by :func:`skill`, with the scores written in.

    Args:
        comparison: what to draw.
        prefix: begins every id inside the figure, so that ids stay unique on a page.

    Returns:
        An ``<svg>`` element that uses ``currentColor`` and the CSS variable ``--accent``.
    """
    settings = {
        "svg.hashsalt": "hear_audiomosaic",
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.family": ["DejaVu Sans"],
        "text.color": _INK,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing")
        figure = _draw(comparison)
        file = io.StringIO()
        figure.savefig(
            file,
            format="svg",
            transparent=True,
            bbox_inches="tight",
            pad_inches=0.04,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _for_page(file.getvalue(), prefix)


def _draw(comparison: Comparison) -> Figure:
    rows, columns = comparison.rows, comparison.columns
    width, height = _CELL_INCHES
    figure = Figure(figsize=(width * len(columns), height * (len(rows) + 1.5)))
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows) + 1.5, 0)
    for x, column in enumerate(columns):
        label = f"{_short(column.label, 26)} {column.arrow}"
        axes.text(x + 0.5, -0.2, label, rotation=30, ha="left", va="bottom", fontsize=9)
    for y, row in enumerate(rows):
        label = _short(row.label, 40) + (" [UNTRAINED]" if row.encoder.untrained else "")
        axes.text(-0.1, y + 0.5, label, ha="right", va="center", fontsize=9)
        for x, (cell, column) in enumerate(zip(row.cells, columns, strict=True)):
            _draw_cell(axes, x, y, cell, column)
    _draw_key(axes, len(rows) + 0.6)
    return figure


def _draw_cell(axes: matplotlib.axes.Axes, x: int, y: int, cell: Cell, column: Column) -> None:
    amount = None if cell.score is None else skill(cell.score, column)
    opacity = 0.0 if amount is None else amount * _STRONGEST
    box = Rectangle((x + 0.02, y + 0.04), 0.96, 0.92, facecolor=(_TINT, opacity), edgecolor=(_INK, 0.18), linewidth=0.6)
    axes.add_patch(box)
    text = "failed" if cell.state == "failed" else decimals(cell.score)
    weight = "bold" if cell.best else "normal"
    axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=9, fontweight=weight)


def _draw_key(axes: matplotlib.axes.Axes, y: float) -> None:
    steps, width = 12, 0.12
    for i in range(steps):
        color = (_TINT, _STRONGEST * i / (steps - 1))
        axes.add_patch(Rectangle((i * width, y), width, 0.4, facecolor=color, linewidth=0))
    axes.add_patch(Rectangle((0, y), steps * width, 0.4, fill=False, edgecolor=(_INK, 0.3), linewidth=0.6))
    axes.text(-0.1, y + 0.2, "chance", ha="right", va="center", fontsize=8)
    axes.text(steps * width + 0.1, y + 0.2, "perfect", ha="left", va="center", fontsize=8)


def _short(label: str, length: int) -> str:
    """The label on one line; where it is too long, its middle is left out, for labels differ at their ends."""
    label = " ".join(label.split())
    head = length * 2 // 3
    return label if len(label) <= length else f"{label[:head]}…{label[head + 1 - length :]}"


def _for_page(svg: str, prefix: str) -> str:
    """The element alone, without metadata and page-wide rules, in the colours of the page, with ids of its own."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    svg = svg.replace(_INK, "currentColor").replace(_TINT, "var(--accent)")
    return svg.replace("<svg ", '<svg role="img" aria-label="Heat map of the scores in the table above" ', 1)
