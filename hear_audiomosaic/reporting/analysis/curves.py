"""How a score changes along something that was varied: the layer of an encoder, the number of labelled clips.

A point is the mean score over the tasks that every point of its figure has, so that all points can be compared. Its
interval is made of those of its tasks, which are independent: each half of it is the root of the summed squares of
the halves of theirs, over the number of tasks (after Zou and Donner, "Construction of confidence limits about effect
measures", 2008).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn

__all__ = ["Curve", "Curves", "Point", "few_shot_curves", "layer_curves"]

Task = tuple[str, str, str]


@dataclass(frozen=True)
class Point:
    """The mean score at one place."""

    x: int
    score: float
    low: float = math.nan
    """Lower end of the interval over test clips; NaN where a task has none."""
    high: float = math.nan


@dataclass(frozen=True)
class Curve:
    """One line."""

    label: str
    untrained: bool
    points: tuple[Point, ...]
    """By x, two or more."""
    whole: Point | None = None
    """The encoder without the option, which is at no place that a result file tells; its x means nothing."""


@dataclass(frozen=True)
class Curves:
    """The lines of one figure."""

    curves: tuple[Curve, ...]
    """By label, two points or more in each; empty where the points have no task in common."""
    tasks: tuple[str, ...]
    """Labels of the tasks that every point is the mean over."""
    seeds: tuple[int, ...]
    left_out: tuple[str, ...]
    """Points that two results claim."""

    @property
    def xs(self) -> tuple[int, ...]:
        """Every place that has a point."""
        return tuple(sorted({point.x for curve in self.curves for point in curve.points}))


@dataclass(frozen=True)
class _Place:
    """One encoder of one comparison as a point to be."""

    line: str
    """What points of one line have in common."""
    label: str
    x: int | None
    row: EncoderRow
    comparison: Comparison
    analysis: Analysis | None


def layer_curves(comparison: Comparison, analysis: Analysis | None) -> Curves | None:
    """Lines of encoders whose references differ in the option ``layer`` alone.

    Args:
        comparison: results of one protocol.
        analysis: of it; None: no intervals.

    Returns:
        The lines; None where no encoder has two layers.
    """
    places = []
    for row in comparison.rows:
        line, layer = _layer(row.encoder.ref)
        places.append(_Place(line, line, layer, row, comparison, analysis))
    return _curves(places)


def few_shot_curves(
    comparisons: Sequence[Comparison], analyses: Sequence[Analysis | None]
) -> tuple[tuple[str, Curves], ...]:
    """Lines of encoders over the protocols ``few-shot-K``.

    Args:
        comparisons: of all protocols.
        analyses: one per comparison.

    Returns:
        Precision of the probes and its lines, for each precision with an encoder at two K.
    """
    by_precision: dict[str, list[_Place]] = {}
    for comparison, analysis in zip(comparisons, analyses, strict=True):
        found = re.fullmatch(r"few-shot-(\d+)", comparison.protocol)
        for row in comparison.rows if found else ():
            line = f"{row.encoder.ref} {row.encoder.fingerprint}"
            place = _Place(line, row.label, int(found[1]) if found else None, row, comparison, analysis)
            by_precision.setdefault(comparison.precision, []).append(place)
    drawn = ((precision, _curves(by_precision[precision])) for precision in sorted(by_precision))
    return tuple((precision, curves) for precision, curves in drawn if curves is not None)


def _layer(ref: str) -> tuple[str, int | None]:
    """A reference without its option ``layer``, and that option."""
    head, _, query = ref.partition("?")
    options = query.split("&") if query else []
    layers = [int(found[1]) for option in options if (found := re.fullmatch(r"layer=(\d+)", option))]
    others = [option for option in options if not re.fullmatch(r"layer=\d+", option)]
    return head + (f"?{'&'.join(others)}" if others else ""), layers[0] if layers else None


def _curves(places: Sequence[_Place]) -> Curves | None:
    """Lines of the places that have two or more x; None without any."""
    scored = [place for place in places if _scores(place)]
    claims: dict[tuple[str, int | None], list[_Place]] = {}
    for place in scored:
        claims.setdefault((place.line, place.x), []).append(place)
    single = {key: claimed[0] for key, claimed in claims.items() if len(claimed) == 1}
    lines: dict[str, dict[int | None, _Place]] = {}
    for (line, x), place in single.items():
        lines.setdefault(line, {})[x] = place
    lines = {line: points for line, points in lines.items() if len(set(points) - {None}) > 1}
    if not lines:
        return None
    drawn = [place for points in lines.values() for place in points.values()]
    common = sorted(set.intersection(*(set(_scores(place)) for place in drawn)))
    curves = [_curve(points, common) for points in lines.values()] if common else []
    return Curves(
        curves=tuple(sorted(curves, key=lambda curve: (curve.label.lower(), curve.label))),
        tasks=tuple(_scores(drawn[0])[task][0].label for task in common),
        seeds=tuple(sorted({seed for place in drawn for seed in place.comparison.seeds})),
        left_out=tuple(
            f"{claimed[0].label} at {'the last layer' if x is None else x}"
            for (_, x), claimed in claims.items()
            if len(claimed) > 1
        ),
    )


def _curve(points: Mapping[int | None, _Place], tasks: Sequence[Task]) -> Curve:
    first = next(iter(points.values()))
    return Curve(
        first.label,
        first.row.encoder.untrained,
        tuple(_point(points[x], x, tasks) for x in sorted(x for x in points if x is not None)),
        _point(points[None], 0, tasks) if None in points else None,
    )


def _point(place: _Place, x: int, tasks: Sequence[Task]) -> Point:
    """Mean over tasks; an interval where every task has one."""
    found = _scores(place)
    scores = [found[task][1] for task in tasks]
    mean = math.fsum(scores) / len(scores)
    firm = [place.analysis.cell(place.row.label, found[task][0].label) if place.analysis else None for task in tasks]
    intervals = [cell.interval for cell in firm if cell is not None and cell.interval is not None]
    if len(intervals) < len(tasks):
        return Point(x, mean)
    below = math.hypot(*(max(score - one.low, 0.0) for score, one in zip(scores, intervals, strict=True)))
    above = math.hypot(*(max(one.high - score, 0.0) for score, one in zip(scores, intervals, strict=True)))
    return Point(x, mean, mean - below / len(tasks), mean + above / len(tasks))


def _scores(place: _Place) -> dict[Task, tuple[TaskColumn, float]]:
    """Finite scores on a common scale, by what makes a task the same in two comparisons."""
    return {
        (column.task.directory, column.task.digest, column.score_name): (column, cell.score)
        for column, cell in zip(place.comparison.columns, place.row.cells, strict=True)
        if column.averaged and cell.score is not None and math.isfinite(cell.score)
    }
