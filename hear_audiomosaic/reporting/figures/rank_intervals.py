"""Figure of ranks: the rank of each encoder by mean rank, and its interval."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.model import Analysis, RankInterval
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.rank_axis import LABEL_LETTERS, LEFT, RIGHT, ROW, RankAxis
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, named
from hear_audiomosaic.reporting.text.formats import decimals, listing, percent

__all__ = ["draw_rank_intervals", "rank_intervals_figure"]


def rank_intervals_figure(analysis: Analysis, untrained: Collection[str] = ()) -> Figure:
    """The ranks of an analysis that has some.

    Args:
        analysis: with ranks.
        untrained: labels to be marked. (Default: none)
    """
    has_intervals = not all(math.isnan(one.low) for one in analysis.ranks.values())
    bars = f"Bar: {percent(analysis.level)} interval of the rank, the tasks being resampled."
    return Figure(
        "Rank intervals",
        draw_rank_intervals(analysis.ranks, analysis.level, untrained),
        f"Dot: rank by mean rank. {bars if has_intervals else 'There are too few tasks for intervals of the ranks.'} "
        f"Over {len(analysis.rank_tasks)} tasks: {listing(analysis.rank_tasks)}.",
    )


def draw_rank_intervals(ranks: Mapping[str, RankInterval], level: float, untrained: Collection[str] = ()) -> Markup:
    """Draw each encoder's rank by mean rank as a dot and its interval as a bar, 1 (the best) on the left.

    Args:
        ranks: label -> rank, the best first; at least two.
        level: confidence level of the intervals.
        untrained: labels to be marked. (Default: none)
    """
    axis = RankAxis(len(ranks), LEFT, RIGHT)
    top, bottom = 8.0, 8.0 + ROW * len(ranks)
    spoken = "; ".join(
        f"{label}: rank {one.rank}"
        + (f" ({_ends(one)})" if not math.isnan(one.low) else "")
        + f", mean rank {decimals(one.mean_rank, 2)}"
        for label, one in ranks.items()
    )
    drawing = Drawing(NARROW, bottom + 40.0, f"Ranks by mean rank and their {percent(level)} intervals. {spoken}.")
    axis.draw(drawing, top, bottom, "rank (1 is the best)")
    for i, (label, one) in enumerate(ranks.items()):
        y = top + ROW * i
        middle = y + 24.0
        drawing.text(LEFT, y + 13.0, named(label, untrained, LABEL_LETTERS))
        if not math.isnan(one.low):
            low, high = axis.at(one.low), axis.at(one.high)
            drawing.rect(low - 2.0, middle - 3.5, high - low + 4.0, 7.0, "tint", opacity=0.4)
        drawing.circle(axis.at(one.rank), middle, 4.5, "dot")
    return drawing.markup()


def _ends(one: RankInterval) -> str:
    low, high = decimals(one.low, 0), decimals(one.high, 0)
    return low if low == high else f"{low} to {high}"
