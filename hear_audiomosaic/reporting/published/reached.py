"""What published systems reach on a task: best, median and number of figures, by metric and protocol."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.published.figures import (
    METRICS,
    PublishedFigure,
    read_figures,
    read_leaderboard,
    read_tasks,
)

__all__ = ["Reached", "reached_on"]


@dataclass(frozen=True)
class Reached:
    """Published figures of one table, protocol and metric.

    Attributes:
        table: file in ``reports/published`` that they stand in.
        protocol: how they were measured, in the table's words; tasks of one name may have other splits there.
        metric: in the table's words, with its unit.
        better: "higher" or "lower".
        n: number of figures.
        best: as it is printed.
        best_method: whose.
        median: of all.
        sources: of the figures, each once.
    """

    table: str
    protocol: str
    metric: str
    better: str
    n: int
    best: str
    best_method: str
    median: float
    sources: tuple[str, ...]


def reached_on(names: Collection[str]) -> tuple[Reached, ...]:
    """What is published of a task; first HEAR's leaderboard, then the other tables by name.

    Args:
        names: what the tables call the task; the leaderboard by its column.

    Raises:
        ResultError: a table is broken.
    """
    if not names:
        return ()
    columns = {task.task for task in read_tasks() if task.leaderboard_column in names}
    found = list(_of("hear2021_leaderboard.csv", [one for one in read_leaderboard() if one.task in columns]))
    for path in sorted((content_dir("reports") / "published").glob("*_reported.csv")):
        found += _of(path.name, [one for one in read_figures(path) if one.task in names])
    return tuple(found)


def _of(table: str, figures: list[PublishedFigure]) -> Iterator[Reached]:
    groups: dict[tuple[str, str], list[PublishedFigure]] = {}
    for figure in figures:
        metric = METRICS[figure.metric]
        if metric.better and not metric.halfwidth_of and figure.number is not None:
            groups.setdefault((figure.protocol, figure.metric), []).append(figure)
    for (protocol, name), group in groups.items():
        better = METRICS[name].better
        numbers = [float(figure.value) for figure in group]
        best = group[numbers.index((max if better == "higher" else min)(numbers))]
        yield Reached(
            table=table,
            protocol=protocol,
            metric=name,
            better=better,
            n=len(group),
            best=best.value,
            best_method=best.method,
            median=statistics.median(numbers),
            sources=tuple(dict.fromkeys(figure.source for figure in group)),
        )
