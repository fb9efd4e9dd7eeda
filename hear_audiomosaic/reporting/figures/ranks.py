"""Figures of ranks: how firm each place is, and which mean ranks differ by more than the critical difference.

Origin of the second: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006, figure 1.
Deviation: the encoders stand below each other on rows of their own, so that long names stay readable on a telephone;
the bars that join what cannot be told apart run down the side.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.model import RankPlace
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, axis_ticks, named
from hear_audiomosaic.reporting.text.formats import decimals

__all__ = ["critical_difference_diagram", "rank_intervals_figure"]

_LEFT, _RIGHT = 10.0, NARROW - 14.0
_ROW = 36.0
_LETTERS = 42


def rank_intervals_figure(ranks: Mapping[str, RankPlace], level: float, untrained: Collection[str] = ()) -> Markup:
    """Draw each encoder's place by mean rank as a dot and its interval as a bar, 1 (the best) on the left.

    Args:
        ranks: label -> place, the best first; at least two.
        level: confidence level of the intervals.
        untrained: labels to be marked. (Default: none)
    """
    axis = _Axis(len(ranks), _LEFT, _RIGHT)
    top, bottom = 8.0, 8.0 + _ROW * len(ranks)
    spoken = "; ".join(
        f"{label}: place {place.place}"
        + (f" ({_ends(place)})" if not math.isnan(place.low) else "")
        + f", mean rank {decimals(place.mean_rank, 2)}"
        for label, place in ranks.items()
    )
    drawing = Drawing(NARROW, bottom + 40.0, f"Places by mean rank and their {100 * level:g} % intervals. {spoken}.")
    axis.draw(drawing, top, bottom, "place (1 is the best)")
    for i, (label, place) in enumerate(ranks.items()):
        y = top + _ROW * i
        middle = y + 24.0
        drawing.text(_LEFT, y + 13.0, named(label, untrained, _LETTERS))
        if not math.isnan(place.low):
            low, high = axis.at(place.low), axis.at(place.high)
            drawing.rect(low - 2.0, middle - 3.5, high - low + 4.0, 7.0, "tint", opacity=0.4)
        drawing.circle(axis.at(place.place), middle, 4.5, "dot")
    return drawing.markup()


def critical_difference_diagram(
    ranks: Mapping[str, RankPlace],
    critical_difference: float,
    cliques: Sequence[Sequence[str]],
    untrained: Collection[str] = (),
) -> Markup:
    """Draw mean ranks as dots, the critical difference as a ruler, and join what lies within it.

    Args:
        ranks: label -> place, the best first; at least two.
        critical_difference: in ranks.
        cliques: labels that are not told apart, for each group.
        untrained: labels to be marked. (Default: none)
    """
    gutter = 9.0 * len(cliques)
    axis = _Axis(len(ranks), _LEFT, _RIGHT - gutter)
    top, bottom = 44.0, 44.0 + _ROW * len(ranks)
    joined = "; ".join(", ".join(clique) for clique in cliques) or "none"
    spoken = "; ".join(f"{label}: {decimals(place.mean_rank, 2)}" for label, place in ranks.items())
    drawing = Drawing(
        NARROW,
        bottom + 40.0,
        f"Mean ranks: {spoken}. Critical difference {decimals(critical_difference, 2)}. Not told apart: {joined}.",
    )
    axis.draw(drawing, top, bottom, "mean rank (1 is the best)")
    _ruler(drawing, axis, critical_difference)
    order = list(ranks)
    letters = _LETTERS - 6 - 2 * len(cliques)
    for i, (label, place) in enumerate(ranks.items()):
        y = top + _ROW * i
        drawing.text(_LEFT, y + 13.0, f"{decimals(place.mean_rank, 2)}  {named(label, untrained, letters)}")
        drawing.line(axis.left, y + 24.0, axis.at(place.mean_rank), y + 24.0)
        drawing.circle(axis.at(place.mean_rank), y + 24.0, 4.5, "dot")
    for number, clique in enumerate(cliques):
        places = [order.index(label) for label in clique]
        x = _RIGHT - gutter + 9.0 * (number + 1)
        first, last = top + _ROW * min(places), top + _ROW * max(places)
        drawing.rect(x, first + 8.0, 4.0, last - first + 22.0, "counter")
    return drawing.markup()


class _Axis:
    """Ranks from 1 to n between two edges."""

    def __init__(self, n: int, left: float, right: float) -> None:
        self.n, self.left, self.right = n, left + 6.0, right - 6.0

    def at(self, rank: float) -> float:
        return self.left + (self.right - self.left) * (rank - 1.0) / max(self.n - 1.0, 1.0)

    def draw(self, drawing: Drawing, top: float, bottom: float, title: str) -> None:
        drawing.line(self.left, bottom + 4.0, self.right, bottom + 4.0)
        for tick in _whole(self.n):
            drawing.line(self.at(tick), top, self.at(tick), bottom + 8.0, "grid")
            drawing.text(self.at(tick), bottom + 20.0, str(int(tick)), "quiet", "middle")
        drawing.text(self.right, bottom + 35.0, title, "quiet", "end")


def _whole(n: int) -> list[float]:
    """Places to mark on an axis from 1 to n."""
    return sorted({1.0, *(tick for tick in axis_ticks(1.0, float(n), 8) if float(tick).is_integer())})


def _ruler(drawing: Drawing, axis: _Axis, critical_difference: float) -> None:
    end = axis.at(1.0 + critical_difference)
    too_long = end > axis.right
    end = min(end, axis.right)
    drawing.text(axis.left, 14.0, f"critical difference {decimals(critical_difference, 2)}", "quiet")
    drawing.line(axis.left, 26.0, end, 26.0, "ink")
    drawing.line(axis.left, 22.0, axis.left, 30.0, "ink")
    if too_long:  # an arrow: it does not end within the axis
        drawing.line(end - 5.0, 22.0, end, 26.0, "ink")
        drawing.line(end - 5.0, 30.0, end, 26.0, "ink")
    else:
        drawing.line(end, 22.0, end, 30.0, "ink")


def _ends(place: RankPlace) -> str:
    low, high = decimals(place.low, 0), decimals(place.high, 0)
    return low if low == high else f"{low} to {high}"
