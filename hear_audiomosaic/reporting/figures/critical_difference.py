"""Figure of ranks: which mean ranks differ by more than the critical difference.

Origin: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006, figure 1.
Deviation: each encoder has a row of its own, so that long names are readable on a telephone; the bars that join
encoders without a significant difference are at the side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.model import Analysis, RankInterval
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.rank_axis import LABEL_LETTERS, LEFT, RIGHT, ROW, RankAxis
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, named
from hear_audiomosaic.reporting.text.formats import decimals
from hear_audiomosaic.reporting.text.uncertainty import p_equation

__all__ = ["critical_difference_figure", "draw_critical_difference"]

_FEW_TASKS = 6
"""With fewer tasks the caption warns of the test's little power."""


def critical_difference_figure(analysis: Analysis, untrained: Collection[str] = ()) -> Figure:
    """The critical-difference diagram of an analysis with ranks, or the reason why there is none.

    Args:
        analysis: with ranks.
        untrained: labels to be marked. (Default: none)
    """
    title = "Critical difference"
    if analysis.critical_difference is None:
        return Figure(title, None, "There is no critical difference for these encoders.")
    p = analysis.friedman_p
    friedman = "" if p is None else f" Friedman's test that all encoders are equal: p {p_equation(p)}."
    few = " With so few tasks the test has little power." if len(analysis.rank_tasks) < _FEW_TASKS else ""
    return Figure(
        title,
        draw_critical_difference(analysis.ranks, analysis.critical_difference, analysis.cliques, untrained),
        "A bar at the side joins encoders whose mean ranks differ by less than the critical difference (Nemenyi, level "
        f"{analysis.alpha:.2g}), that is, not significantly.{friedman}{few}",
    )


def draw_critical_difference(
    ranks: Mapping[str, RankInterval],
    critical_difference: float,
    cliques: Sequence[Sequence[str]],
    untrained: Collection[str] = (),
) -> Markup:
    """Draw mean ranks as dots, the critical difference as a ruler, and a bar for each group that lies within it.

    Args:
        ranks: label -> rank, the best first; at least two.
        critical_difference: in ranks.
        cliques: groups of labels without a significant difference.
        untrained: labels to be marked. (Default: none)
    """
    gutter = 9.0 * len(cliques)
    axis = RankAxis(len(ranks), LEFT, RIGHT - gutter)
    top, bottom = 44.0, 44.0 + ROW * len(ranks)
    joined = "; ".join(", ".join(clique) for clique in cliques) or "none"
    spoken = "; ".join(f"{label}: {decimals(one.mean_rank, 2)}" for label, one in ranks.items())
    drawing = Drawing(
        NARROW,
        bottom + 40.0,
        f"Mean ranks: {spoken}. Critical difference {decimals(critical_difference, 2)}. "
        f"No significant difference: {joined}.",
    )
    axis.draw(drawing, top, bottom, "mean rank (1 is the best)")
    _ruler(drawing, axis, critical_difference)
    order = list(ranks)
    letters = LABEL_LETTERS - 6 - 2 * len(cliques)
    for i, (label, one) in enumerate(ranks.items()):
        y = top + ROW * i
        drawing.text(LEFT, y + 13.0, f"{decimals(one.mean_rank, 2)}  {named(label, untrained, letters)}")
        drawing.line(axis.left, y + 24.0, axis.at(one.mean_rank), y + 24.0)
        drawing.circle(axis.at(one.mean_rank), y + 24.0, 4.5, "dot")
    for number, clique in enumerate(cliques):
        rows = [order.index(label) for label in clique]
        x = RIGHT - gutter + 9.0 * (number + 1)
        first, last = top + ROW * min(rows), top + ROW * max(rows)
        drawing.rect(x, first + 8.0, 4.0, last - first + 22.0, "counter")
    return drawing.markup()


def _ruler(drawing: Drawing, axis: RankAxis, critical_difference: float) -> None:
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
