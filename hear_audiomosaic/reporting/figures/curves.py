"""Figures of curves: the mean score by layer of an encoder, or by number of labelled clips."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.curves import Curve, Curves
from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, axis_ticks, named
from hear_audiomosaic.reporting.tables.curves import curve_table, point_text
from hear_audiomosaic.reporting.text.formats import decimals, listing, percent

__all__ = ["curve_figure", "draw_curves"]

_TOP, _HEIGHT, _LEFT, _RIGHT = 10.0, 190.0, 44.0, NARROW - 26.0
_LEGEND, _BETWEEN, _DEFAULT = 18.0, 13.0, 40.0
_STYLES = 12
"""Colours times dashes of the style sheet; more lines than that differ by their numbers alone."""


def curve_figure(title: str, curves: Curves, x_name: str, analysis: Analysis | None, *, log: bool = False) -> Figure:
    """The lines with their numbers, or the reason why there are none.

    Args:
        title: of the figure.
        curves: to draw.
        x_name: words for the axis.
        analysis: whose level the intervals have; None: there are no intervals.
        log: x on a logarithmic scale, for numbers of labelled clips. (Default: no)
    """
    out = f" Left out, since there are several results for them: {listing(curves.left_out)}." if curves.left_out else ""
    if not curves.curves:
        return Figure(title, None, f"No curves: there is no task whose score all their points have.{out}")
    n = len(curves.tasks)
    points = [point for curve in curves.curves for point in (*curve.points, curve.default) if point is not None]
    n_intervals = sum(not math.isnan(point.low) for point in points)
    sentences = [f"Mean score of {n} task{'' if n == 1 else 's'}: {listing(curves.tasks)}."]
    if log:
        seeds = f"seed{'' if len(curves.seeds) == 1 else 's'} {listing(map(str, curves.seeds))}"
        sentences.append(f"K labelled clips of each label, sampled with {seeds}.")
    else:
        sentences.append("This project's encoders pool and normalise every layer like the last one.")
        if any(curve.default is not None for curve in curves.curves):
            sentences.append("Default: the encoder without the option.")
    if n_intervals and analysis is not None:
        sampling = ", not over the sampling of the labelled clips" if log else ""
        sentences.append(f"Bar: {percent(analysis.level)} interval over the test clips{sampling}.")
    if n_intervals < len(points):
        sentences.append("There are no intervals." if not n_intervals else "Points without a bar have no interval.")
    caption = " ".join(sentences) + out
    return Figure(title, draw_curves(curves, x_name, log=log), caption, curve_table(curves, x_name))


def draw_curves(curves: Curves, x_name: str, *, log: bool = False) -> Markup:
    """Draw the lines with their numbers at the right end, and a legend below.

    Args:
        curves: at least one.
        x_name: words for the axis.
        log: x on a logarithmic scale. (Default: no)
    """
    plot = _Plot(curves, log)
    spoken = "; ".join(f"{curve.label}: {', '.join(_spoken(curve, x_name))}" for curve in curves.curves)
    bottom = _TOP + _HEIGHT
    height = bottom + 46.0 + _LEGEND * len(curves.curves)
    drawing = Drawing(NARROW, height, f"Mean score by {x_name}. {spoken}.")
    plot.axes(drawing, x_name)
    ends = []
    for i, curve in enumerate(curves.curves):
        kind = f"curve k{i % _STYLES}"
        points = [(plot.x(point.x), point) for point in curve.points]
        for (x, point), (other, after) in itertools.pairwise(points):
            drawing.line(x, plot.y(point.score), other, plot.y(after.score), kind)
        if curve.default is not None:
            points.append((plot.default, curve.default))
        for x, point in points:
            if not math.isnan(point.low):
                drawing.line(x, plot.y(point.low), x, plot.y(point.high), f"bar k{i % _STYLES}")
            drawing.circle(x, plot.y(point.score), 3.5, f"spot k{i % _STYLES}")
        ends.append(plot.y(points[-1][1].score))
    for i, y in enumerate(_spread_out(ends)):
        drawing.text(_RIGHT + 8.0, y + 4.0, str(i + 1), "strong")
    for i, curve in enumerate(curves.curves):
        y = bottom + 52.0 + _LEGEND * i
        drawing.text(2.0, y, str(i + 1), "strong")
        drawing.line(20.0, y - 4.0, 44.0, y - 4.0, f"curve k{i % _STYLES}")
        drawing.text(50.0, y, named(curve.label, {curve.label} if curve.untrained else (), 36))
    return drawing.markup()


def _spoken(curve: Curve, x_name: str) -> Iterator[str]:
    for point in curve.points:
        yield f"{x_name} {point.x} {point_text(point)}"
    if curve.default is not None:
        yield f"default {point_text(curve.default)}"


def _spread_out(ends: list[float]) -> list[float]:
    """Heights of the labels: at the ends of their lines, moved down, then up, until none overlaps another."""
    order = sorted(range(len(ends)), key=lambda i: (ends[i], i))
    placed = dict(enumerate(ends))
    for above, below in itertools.pairwise(order):
        placed[below] = max(placed[below], placed[above] + _BETWEEN)
    lowest = _TOP + _HEIGHT
    for i in reversed(order):
        placed[i] = min(placed[i], lowest)
        lowest = placed[i] - _BETWEEN
    return [placed[i] for i in range(len(ends))]


class _Plot:
    """The coordinates of points."""

    def __init__(self, curves: Curves, log: bool) -> None:
        self._log, self._xs = log, curves.xs
        self.has_default = any(curve.default is not None for curve in curves.curves)
        self.default = _RIGHT
        self._right = _RIGHT - (_DEFAULT if self.has_default else 0.0)
        points = [point for curve in curves.curves for point in curve.points]
        points += [curve.default for curve in curves.curves if curve.default is not None]
        values = [value for one in points for value in (one.score, one.low, one.high) if not math.isnan(value)]
        margin = max(0.08 * (max(values) - min(values)), 0.01)
        self._low, self._high = min(values) - margin, max(values) + margin

    def x(self, x: int) -> float:
        """From left to right."""
        first, last, here = (self._scaled(value) for value in (self._xs[0], self._xs[-1], x))
        return _LEFT + 8.0 + (self._right - _LEFT - 8.0) * (here - first) / (last - first)

    def y(self, score: float) -> float:
        """From the top down."""
        return _TOP + _HEIGHT * (self._high - score) / (self._high - self._low)

    def axes(self, drawing: Drawing, x_name: str) -> None:
        """Grid, scale and titles of the axes."""
        bottom = _TOP + _HEIGHT
        ticks = axis_ticks(self._low, self._high)
        digits = max(2, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)) if len(ticks) > 1 else 3
        for tick in ticks:
            drawing.line(_LEFT, self.y(tick), _RIGHT, self.y(tick), "grid")
            drawing.text(_LEFT - 6.0, self.y(tick) + 4.0, decimals(tick, digits), "quiet", "end")
        drawing.line(_LEFT, bottom, _RIGHT, bottom, "rule")
        after = -math.inf
        for x in self._xs:
            drawing.line(self.x(x), bottom, self.x(x), bottom + 4.0, "rule")
            half = 3.5 * len(str(x))
            if self.x(x) - half > after:
                drawing.text(self.x(x), bottom + 16.0, str(x), "quiet", "middle")
                after = self.x(x) + half + 3.0
        if self.has_default:
            drawing.text(self.default, bottom + 16.0, "default", "quiet", "middle")
        scale = f"{x_name} (logarithmic)" if self._log else x_name
        drawing.text((_LEFT + self._right) / 2.0, bottom + 32.0, scale, "quiet", "middle")

    def _scaled(self, x: int) -> float:
        return math.log(x) if self._log else float(x)
