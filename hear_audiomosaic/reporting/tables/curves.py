"""The numbers of a figure of curves: lines in rows, places along the axis in columns."""

from __future__ import annotations

from hear_audiomosaic.reporting.analysis.curves import Curves, Point
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.text.formats import MISSING, bracketed, decimals, marked_label

__all__ = ["curve_table", "point_text"]


def curve_table(curves: Curves, x_name: str) -> Table:
    """Build the table.

    Args:
        curves: the lines.
        x_name: words for the axis.
    """
    has_default = any(curve.default is not None for curve in curves.curves)
    rows = []
    for curve in curves.curves:
        by_x = {point.x: point for point in curve.points}
        points = [*map(by_x.get, curves.xs), *([curve.default] if has_default else [])]
        texts = [MISSING if point is None else point_text(point) for point in points]
        rows.append([marked_label(curve.label, curve.untrained), *texts])
    return plain_table(["encoder", *(f"{x_name} {x}" for x in curves.xs), *(["default"] if has_default else [])], rows)


def point_text(point: Point) -> str:
    """A score and its interval: ``0.600 [0.579, 0.625]``."""
    return f"{decimals(point.score)} {bracketed(point.low, point.high)}".rstrip()
