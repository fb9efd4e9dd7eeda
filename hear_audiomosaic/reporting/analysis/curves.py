"""How a score depends on a quantity that was varied: the layer of an encoder, the number of labelled clips.

A point is the mean score over the tasks that every point of its figure has, so that all points are comparable. Its
interval is computed from those of its tasks, which are independent: each half-width is the root of the sum of squares
of their half-widths, divided by the number of tasks (after Zou and Donner, "Construction of confidence limits about
effect measures", 2008).
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
    """The mean score at one x."""

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
    """Sorted by x, two or more."""
    default: Point | None = None
    """The encoder without the option, whose x no result file states; the x of this point means nothing."""


@dataclass(frozen=True)
class Curves:
    """The lines of one figure."""

    curves: tuple[Curve, ...]
    """Sorted by label, two points or more in each; empty where the points have no task in common."""
    tasks: tuple[str, ...]
    """Labels of the tasks that every point is the mean over."""
    seeds: tuple[int, ...]
    left_out: tuple[str, ...]
    """Points for which there are several results."""

    @property
    def xs(self) -> tuple[int, ...]:
        """Every x that has a point."""
        return tuple(sorted({point.x for curve in self.curves for point in curve.points}))


@dataclass(frozen=True)
class _Candidate:
    """One encoder of one comparison, which may become a point."""

    line: str
    """The same for all points of one line."""
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
    candidates = []
    for row in comparison.rows:
        line, layer = _layer(row.encoder.ref)
        candidates.append(_Candidate(line, line, layer, row, comparison, analysis))
    return _curves(candidates)


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
    by_precision: dict[str, list[_Candidate]] = {}
    for comparison, analysis in zip(comparisons, analyses, strict=True):
        shots = re.fullmatch(r"few-shot-(\d+)", comparison.protocol)
        for row in comparison.rows if shots else ():
            line = f"{row.encoder.ref} {row.encoder.fingerprint}"
            candidate = _Candidate(line, row.label, int(shots[1]) if shots else None, row, comparison, analysis)
            by_precision.setdefault(comparison.arithmetic, []).append(candidate)
    pairs = ((precision, _curves(by_precision[precision])) for precision in sorted(by_precision))
    return tuple((precision, curves) for precision, curves in pairs if curves is not None)


def _layer(ref: str) -> tuple[str, int | None]:
    """A reference without its option ``layer``, and that option."""
    head, _, query = ref.partition("?")
    options = query.split("&") if query else []
    layers = [int(match[1]) for option in options if (match := re.fullmatch(r"layer=(\d+)", option))]
    others = [option for option in options if not re.fullmatch(r"layer=\d+", option)]
    return head + (f"?{'&'.join(others)}" if others else ""), layers[0] if layers else None


def _curves(candidates: Sequence[_Candidate]) -> Curves | None:
    """Lines of the candidates that have two or more x; None without any."""
    scored = [candidate for candidate in candidates if _scores(candidate)]
    by_point: dict[tuple[str, int | None], list[_Candidate]] = {}
    for candidate in scored:
        by_point.setdefault((candidate.line, candidate.x), []).append(candidate)
    single = {point: members[0] for point, members in by_point.items() if len(members) == 1}
    lines: dict[str, dict[int | None, _Candidate]] = {}
    for (line, x), candidate in single.items():
        lines.setdefault(line, {})[x] = candidate
    lines = {line: points for line, points in lines.items() if len(set(points) - {None}) > 1}
    if not lines:
        return None
    kept = [candidate for points in lines.values() for candidate in points.values()]
    common = sorted(set.intersection(*(set(_scores(candidate)) for candidate in kept)))
    curves = [_curve(points, common) for points in lines.values()] if common else []
    return Curves(
        curves=tuple(sorted(curves, key=lambda curve: (curve.label.lower(), curve.label))),
        tasks=tuple(_scores(kept[0])[task][0].label for task in common),
        seeds=tuple(sorted({seed for candidate in kept for seed in candidate.comparison.seeds})),
        left_out=tuple(
            f"{members[0].label} at {'the last layer' if x is None else x}"
            for (_, x), members in by_point.items()
            if len(members) > 1
        ),
    )


def _curve(points: Mapping[int | None, _Candidate], tasks: Sequence[Task]) -> Curve:
    first = next(iter(points.values()))
    return Curve(
        first.label,
        first.row.encoder.untrained,
        tuple(_point(points[x], x, tasks) for x in sorted(x for x in points if x is not None)),
        _point(points[None], 0, tasks) if None in points else None,
    )


def _point(candidate: _Candidate, x: int, tasks: Sequence[Task]) -> Point:
    """Mean over tasks; an interval where every task has one."""
    by_task = _scores(candidate)
    scores = [by_task[task][1] for task in tasks]
    mean = math.fsum(scores) / len(scores)
    analysis, row = candidate.analysis, candidate.row.label
    cells = [analysis.cell(row, by_task[task][0].label) for task in tasks] if analysis is not None else []
    intervals = [cell.interval for cell in cells if cell is not None and cell.interval is not None]
    if len(intervals) < len(tasks):
        return Point(x, mean)
    below = math.hypot(*(max(score - one.low, 0.0) for score, one in zip(scores, intervals, strict=True)))
    above = math.hypot(*(max(one.high - score, 0.0) for score, one in zip(scores, intervals, strict=True)))
    return Point(x, mean, mean - below / len(tasks), mean + above / len(tasks))


def _scores(candidate: _Candidate) -> dict[Task, tuple[TaskColumn, float]]:
    """Finite scores on a common scale, by what identifies a task across comparisons."""
    return {
        (column.task.directory, column.task.digest, column.score_name): (column, cell.score)
        for column, cell in zip(candidate.comparison.columns, candidate.row.cells, strict=True)
        if column.averaged and cell.score is not None and math.isfinite(cell.score)
    }
