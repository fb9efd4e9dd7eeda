"""Figure of classes: the confusion matrix."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.class_errors import Confusion
from hear_audiomosaic.reporting.figures.svg import Drawing, number, short, text_width

__all__ = ["confusion_figure"]

_STEPS = 8
"""Number of shades; all cells of one shade are one path, so that the figure of fifty classes is small."""
_WITH_NUMBERS = 12
"""Largest number of classes for which the counts are written into the cells."""


def confusion_figure(confusion: Confusion) -> Markup:
    """Draw the matrix: rows are true classes, columns predicted ones; correct clips and wrong ones have two colours.

    The shade is the share of the row's clips.
    """
    n = len(confusion.labels)
    cell, size = (34.0, 12.0) if n <= _WITH_NUMBERS else (17.0, 11.0) if n <= 25 else (12.0, 10.0)
    labels = [short(label, 20) for label in confusion.labels]
    width = text_width(labels, size) + 8.0
    turned = width > cell  # column labels are vertical where they do not fit beside each other
    left, top = width, width if turned else size + 10.0
    total, right = int(confusion.counts.sum()), int(np.trace(confusion.counts))
    drawing = Drawing(
        left + n * cell + 2.0,
        top + n * cell + 2.0,
        f"Confusion matrix of {n} classes: {right} of {total} clips correct. The table of classes has the numbers.",
    )
    drawing.rect(left, top, n * cell, n * cell, "track")
    clips = np.maximum(confusion.counts.sum(axis=1, keepdims=True), 1)
    steps = np.ceil(confusion.counts / clips * _STEPS).astype(int)  # (C, C), 0 .. _STEPS
    is_right = np.eye(n, dtype=bool)
    for kind, is_kind in (("tint", is_right), ("counter", ~is_right)):
        for step in range(1, _STEPS + 1):
            cells = np.argwhere(is_kind & (steps == step))
            if len(cells):
                drawing.path(_boxes(cells.tolist(), left, top, cell), kind, opacity=0.06 + 0.7 * step / _STEPS)
    for i, label in enumerate(labels):
        middle = (i + 0.5) * cell
        drawing.text(left - 5.0, top + middle + size * 0.36, label, _sized(size), "end")
        if turned:
            drawing.text(left + middle + size * 0.36, top - 5.0, label, _sized(size), turned=-90.0)
        else:
            drawing.text(left + middle, top - 5.0, label, _sized(size), "middle")
    if n <= _WITH_NUMBERS:
        for a, b in np.argwhere(confusion.counts > 0).tolist():
            x, y = left + (b + 0.5) * cell, top + (a + 0.5) * cell + 4.0
            drawing.text(x, y, str(confusion.counts[a, b]), "" if a != b else "strong", "middle")
    return drawing.markup()


def _sized(size: float) -> str:
    return {12.0: "", 11.0: "s11", 10.0: "s10"}[size]


def _boxes(cells: list[list[int]], left: float, top: float, cell: float) -> str:
    side = number(cell - 1.0)
    return "".join(f"M{number(left + b * cell)} {number(top + a * cell)}h{side}v{side}h-{side}z" for a, b in cells)
