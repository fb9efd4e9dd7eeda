"""Figures of curves: the mean score along an encoder's layers, or along the number of labelled clips."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.curves import Curve, Curves
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, axis_ticks, named
from hear_audiomosaic.reporting.tables.curves import point_text
from hear_audiomosaic.reporting.text.formats import decimals

__all__ = ["curve_figure"]

_TOP, _HEIGHT, _LEFT, _RIGHT = 10.0, 190.0, 44.0, NARROW - 26.0
_LEGEND, _BETWEEN, _WHOLE = 18.0, 13.0, 40.0
_STYLES = 12
"""Colours times dashes of the style sheet; more lines than that are told apart by their numbers alone."""


def curve_figure(curves: Curves, x_name: str, *, log: bool = False) -> Markup:
    """Draw the lines with their numbers at the right end, and whose they are below.

    Args:
        curves: at least one.
        x_name: words for the axis.
        log: places by the logarithm of x. (Default: no)
    """
    board = _Board(curves, log)
    spoken = "; ".join(f"{curve.label}: {', '.join(_said(curve, x_name))}" for curve in curves.curves)
    bottom = _TOP + _HEIGHT
    height = bottom + 46.0 + _LEGEND * len(curves.curves)
    drawing = Drawing(NARROW, height, f"Mean score by {x_name}. {spoken}.")
    board.axes(drawing, x_name)
    ends = []
    for i, curve in enumerate(curves.curves):
        kind = f"curve k{i % _STYLES}"
        places = [(board.x(point.x), point) for point in curve.points]
        for (x, point), (other, after) in itertools.pairwise(places):
            drawing.line(x, board.y(point.score), other, board.y(after.score), kind)
        if curve.whole is not None:
            places.append((board.whole, curve.whole))
        for x, point in places:
            if not math.isnan(point.low):
                drawing.line(x, board.y(point.low), x, board.y(point.high), f"bar k{i % _STYLES}")
            drawing.circle(x, board.y(point.score), 3.5, f"spot k{i % _STYLES}")
        ends.append(board.y(places[-1][1].score))
    for i, y in enumerate(_apart(ends)):
        drawing.text(_RIGHT + 8.0, y + 4.0, str(i + 1), "strong")
    for i, curve in enumerate(curves.curves):
        y = bottom + 52.0 + _LEGEND * i
        drawing.text(2.0, y, str(i + 1), "strong")
        drawing.line(20.0, y - 4.0, 44.0, y - 4.0, f"curve k{i % _STYLES}")
        drawing.text(50.0, y, named(curve.label, {curve.label} if curve.untrained else (), 36))
    return drawing.markup()


def _said(curve: Curve, x_name: str) -> Iterator[str]:
    for point in curve.points:
        yield f"{x_name} {point.x} {point_text(point)}"
    if curve.whole is not None:
        yield f"default {point_text(curve.whole)}"


def _apart(ends: list[float]) -> list[float]:
    """Heights of the labels: at their lines' ends, moved down, then up, until none covers another."""
    order = sorted(range(len(ends)), key=lambda i: (ends[i], i))
    placed = dict(enumerate(ends))
    for above, below in itertools.pairwise(order):
        placed[below] = max(placed[below], placed[above] + _BETWEEN)
    lowest = _TOP + _HEIGHT
    for i in reversed(order):
        placed[i] = min(placed[i], lowest)
        lowest = placed[i] - _BETWEEN
    return [placed[i] for i in range(len(ends))]


class _Board:
    """Where a point stands."""

    def __init__(self, curves: Curves, log: bool) -> None:
        self._log, self._xs = log, curves.xs
        self.has_whole = any(curve.whole is not None for curve in curves.curves)
        self.whole = _RIGHT
        self._right = _RIGHT - (_WHOLE if self.has_whole else 0.0)
        points = [point for curve in curves.curves for point in curve.points]
        points += [curve.whole for curve in curves.curves if curve.whole is not None]
        values = [value for one in points for value in (one.score, one.low, one.high) if not math.isnan(value)]
        room = max(0.08 * (max(values) - min(values)), 0.01)
        self._low, self._high = min(values) - room, max(values) + room

    def x(self, x: int) -> float:
        """From left to right."""
        first, last, here = (self._scaled(value) for value in (self._xs[0], self._xs[-1], x))
        return _LEFT + 8.0 + (self._right - _LEFT - 8.0) * (here - first) / (last - first)

    def y(self, score: float) -> float:
        """From the top down."""
        return _TOP + _HEIGHT * (self._high - score) / (self._high - self._low)

    def axes(self, drawing: Drawing, x_name: str) -> None:
        """Grid, scale and words."""
        bottom = _TOP + _HEIGHT
        ticks = axis_ticks(self._low, self._high)
        places = max(2, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)) if len(ticks) > 1 else 3
        for tick in ticks:
            drawing.line(_LEFT, self.y(tick), _RIGHT, self.y(tick), "grid")
            drawing.text(_LEFT - 6.0, self.y(tick) + 4.0, decimals(tick, places), "quiet", "end")
        drawing.line(_LEFT, bottom, _RIGHT, bottom, "rule")
        after = -math.inf
        for x in self._xs:
            drawing.line(self.x(x), bottom, self.x(x), bottom + 4.0, "rule")
            half = 3.5 * len(str(x))
            if self.x(x) - half > after:
                drawing.text(self.x(x), bottom + 16.0, str(x), "quiet", "middle")
                after = self.x(x) + half + 3.0
        if self.has_whole:
            drawing.text(self.whole, bottom + 16.0, "default", "quiet", "middle")
        scale = f"{x_name} (logarithmic)" if self._log else x_name
        drawing.text((_LEFT + self._right) / 2.0, bottom + 32.0, scale, "quiet", "middle")

    def _scaled(self, x: int) -> float:
        return math.log(x) if self._log else float(x)
