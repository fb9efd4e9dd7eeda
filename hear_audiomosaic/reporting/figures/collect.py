"""The figures of one comparison, and why one of them is not there."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.curves import Curves, few_shot_curves, layer_curves
from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison, TaskColumn
from hear_audiomosaic.reporting.figures.correlation import (
    FEWEST_ENCODERS,
    FEWEST_TASKS,
    correlation_figure,
    task_correlations,
)
from hear_audiomosaic.reporting.figures.curves import curve_figure
from hear_audiomosaic.reporting.figures.domains import domain_figure, domain_means
from hear_audiomosaic.reporting.figures.ranks import critical_difference_diagram, rank_intervals_figure
from hear_audiomosaic.reporting.tables.curves import curve_table
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.text.formats import MINUS, decimals, listing

__all__ = ["Figure", "chance_normalised", "few_shot_figures", "figures"]


@dataclass(frozen=True)
class Figure:
    """One figure with its words."""

    title: str
    drawing: Markup | None
    """None where there is nothing to draw; then the caption says why."""
    caption: str
    table: Table | None = None
    """The numbers of the drawing, where it has more than can be read off."""


def chance_normalised(score: float, column: TaskColumn) -> float | None:
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


def figures(comparison: Comparison, analysis: Analysis | None) -> tuple[Figure, ...]:
    """Draw a comparison.

    Args:
        comparison: results of one protocol.
        analysis: of it; None: the figures of ranks say that they were not worked out.

    Returns:
        Places, critical difference, one per domain, correlation of tasks; each drawn or with the reason why not. Then
        the layers, where an encoder has two of them.
    """
    untrained = frozenset(row.label for row in comparison.rows if row.encoder.untrained)
    layers = layer_curves(comparison, analysis)
    return (
        *_ranks(analysis, untrained),
        *_domains(comparison, untrained),
        _correlation(comparison),
        *([] if layers is None else [_curves("Layers", layers, "layer", analysis)]),
    )


def few_shot_figures(comparisons: Sequence[Comparison], analyses: Sequence[Analysis | None]) -> tuple[Figure, ...]:
    """Draw scores by the number of labelled clips, over all protocols ``few-shot-K`` of one precision.

    Args:
        comparisons: of all protocols.
        analyses: one per comparison.

    Returns:
        One figure per precision; none where no encoder has two K.
    """
    found = few_shot_curves(comparisons, analyses)
    first = next((one for one in analyses if one is not None), None)
    return tuple(
        _curves("Few shots" + (f", {precision}" if len(found) > 1 else ""), curves, "K", first, log=True)
        for precision, curves in found
    )


def _ranks(analysis: Analysis | None, untrained: Collection[str]) -> Iterator[Figure]:
    titles = "Rank intervals", "Critical difference"
    if analysis is None or not analysis.ranks:
        needed = "Ranks need at least two encoders with two tasks in common."
        for title in titles:
            yield Figure(title, None, needed if analysis else "Ranks were not worked out.")
        return
    over = f"Over {len(analysis.rank_tasks)} tasks: {listing(analysis.rank_tasks)}."
    sure = not all(math.isnan(place.low) for place in analysis.ranks.values())
    level = f"{100 * analysis.level:g} %"
    bars = f"Bar: {level} interval of the place, the tasks being resampled."
    yield Figure(
        titles[0],
        rank_intervals_figure(analysis.ranks, analysis.level, untrained),
        f"Dot: place by mean rank. {bars if sure else 'There are too few tasks for intervals of the places.'} {over}",
    )
    if analysis.critical_difference is None:
        yield Figure(titles[1], None, "There is no critical difference for these encoders.")
        return
    friedman = (
        "" if analysis.friedman_p is None else f" Friedman's test that all are alike: p {_small(analysis.friedman_p)}."
    )
    few = " With so few tasks it tells little." if len(analysis.rank_tasks) < 6 else ""
    yield Figure(
        titles[1],
        critical_difference_diagram(analysis.ranks, analysis.critical_difference, analysis.cliques, untrained),
        "A bar at the side joins encoders whose mean ranks differ by less than the critical difference (Nemenyi, level "
        f"{analysis.alpha:.2g}), that is, which are not told apart.{friedman}{few}",
    )


def _domains(comparison: Comparison, untrained: Collection[str]) -> Iterator[Figure]:
    found = domain_means(comparison)
    if len(found) < 2:
        only = f": all its tasks are of one domain ({found[0].domain or 'not named'})" if found else ""
        why = f"No bars per domain{only}." if found else "No bars per domain: there is no mean over tasks."
        yield Figure("Domains", None, why)
        return
    for one in found:
        n = len(one.tasks)
        yield Figure(
            f"Domain: {one.domain or 'not named'}",
            domain_figure(one, untrained),
            f"Mean score of {n} task{'' if n == 1 else 's'}: {listing(one.tasks)}. From 0 to 1.",
        )


def _correlation(comparison: Comparison) -> Figure:
    title = "Agreement of tasks"
    found = task_correlations(comparison)
    if len(found.tasks) < FEWEST_TASKS:
        return Figure(
            title,
            None,
            f"No correlation of tasks: it needs at least {FEWEST_TASKS} tasks that {FEWEST_ENCODERS} encoders have; "
            f"here {'is' if len(found.tasks) == 1 else 'are'} {len(found.tasks) or 'none'}.",
        )
    low, high = int(found.n_encoders.min()), int(found.n_encoders.max())
    n = f"{high}" if low == high else f"{low} to {high}"
    few = "; with so few, one exchange of neighbours changes much" if low < 10 else ""
    return Figure(
        title,
        correlation_figure(found),
        "Spearman's rank correlation of the encoders' scores, error rates counted downwards: 1 where two tasks order "
        f"the encoders alike, {MINUS}1 where they order them the other way round. Over {n} encoders{few}.",
    )


def _curves(title: str, curves: Curves, x_name: str, analysis: Analysis | None, *, log: bool = False) -> Figure:
    out = f" Left out, since several results claim them: {listing(curves.left_out)}." if curves.left_out else ""
    if not curves.curves:
        return Figure(title, None, f"No curves: there is no task whose score all their points have.{out}")
    n = len(curves.tasks)
    points = [point for curve in curves.curves for point in (*curve.points, curve.whole) if point is not None]
    firm = sum(not math.isnan(point.low) for point in points)
    words = [f"Mean score of {n} task{'' if n == 1 else 's'}: {listing(curves.tasks)}."]
    if log:
        seeds = f"seed{'' if len(curves.seeds) == 1 else 's'} {listing(map(str, curves.seeds))}"
        words.append(f"K labelled clips of each label, drawn with {seeds}.")
    else:
        words.append("This project's encoders pool and norm every layer like their last.")
        if any(curve.whole is not None for curve in curves.curves):
            words.append("Default: the encoder without the option.")
    if firm and analysis is not None:
        drawn = ", not over the draw of the labelled clips" if log else ""
        words.append(f"Bar: {100 * analysis.level:g} % interval over the test clips{drawn}.")
    if firm < len(points):
        words.append("There are no intervals." if not firm else "Points without a bar have no interval.")
    caption = " ".join(words) + out
    return Figure(title, curve_figure(curves, x_name, log=log), caption, curve_table(curves, x_name))


def _small(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {decimals(p)}"
