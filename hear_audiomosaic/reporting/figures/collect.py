"""The figures of a report: which there are, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from hear_audiomosaic.reporting.analysis.curves import few_shot_curves, layer_curves
from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.correlation import correlation_figure
from hear_audiomosaic.reporting.figures.critical_difference import critical_difference_figure
from hear_audiomosaic.reporting.figures.curves import curve_figure
from hear_audiomosaic.reporting.figures.domains import domain_figures
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.rank_intervals import rank_intervals_figure

__all__ = ["Figure", "few_shot_figures", "figures"]


def figures(comparison: Comparison, analysis: Analysis | None) -> tuple[Figure, ...]:
    """The figures of one comparison.

    Args:
        comparison: results of one protocol.
        analysis: of it; None: the figures of ranks say that there are none.

    Returns:
        Rank intervals, critical difference, one per domain, correlation of tasks; each drawn or with the reason why
        not. Then the layers, where an encoder has two of them.
    """
    untrained = frozenset(row.label for row in comparison.rows if row.encoder.untrained)
    layers = layer_curves(comparison, analysis)
    return (
        *_rank_figures(analysis, untrained),
        *domain_figures(comparison, untrained),
        correlation_figure(comparison),
        *([] if layers is None else [curve_figure("Layers", layers, "layer", analysis)]),
    )


def few_shot_figures(comparisons: Sequence[Comparison], analyses: Sequence[Analysis | None]) -> tuple[Figure, ...]:
    """The figures of scores by the number of labelled clips, over all protocols ``few-shot-K`` of one precision.

    Args:
        comparisons: of all protocols.
        analyses: one per comparison.

    Returns:
        One figure per precision; none where no encoder has two K.
    """
    by_precision = few_shot_curves(comparisons, analyses)
    first = next((one for one in analyses if one is not None), None)
    return tuple(
        curve_figure("Few shots" + (f", {precision}" if len(by_precision) > 1 else ""), curves, "K", first, log=True)
        for precision, curves in by_precision
    )


def _rank_figures(analysis: Analysis | None, untrained: frozenset[str]) -> tuple[Figure, Figure]:
    if analysis is None or not analysis.ranks:
        needed = "Ranks need at least two encoders with two tasks in common."
        reason = "Ranks were not computed." if analysis is None else needed
        return Figure("Rank intervals", None, reason), Figure("Critical difference", None, reason)
    return rank_intervals_figure(analysis, untrained), critical_difference_figure(analysis, untrained)
