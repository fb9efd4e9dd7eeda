"""The details of a score: folds, every score, the winning hyper-parameters, the grid points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn, succeeded
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.text.formats import decimals, setting, settings
from hear_audiomosaic.results.schema import EventPostprocessing, Result

__all__ = ["RunDetail", "TaskDetail", "task_details"]


@dataclass(frozen=True)
class RunDetail:
    """One result: an encoder on a task with one seed."""

    row: EncoderRow
    file: str
    result: Result
    folds: Table
    hparams: tuple[tuple[str, str], ...]
    postprocessing: str
    grid: Table
    """The grid points, with the settings in which they differ; the winner is marked."""

    @property
    def failed(self) -> bool:
        """Whether there is an error instead of scores."""
        return not succeeded(self.result)


@dataclass(frozen=True)
class TaskDetail:
    """All results of one column."""

    column: TaskColumn
    runs: tuple[RunDetail, ...]


def task_details(comparison: Comparison) -> tuple[TaskDetail, ...]:
    """Details of every result of a comparison, in the order of its columns and rows."""
    return tuple(
        TaskDetail(
            column,
            tuple(_run(row, loaded.file, loaded.result) for row in comparison.rows for loaded in row.cells[i].results),
        )
        for i, column in enumerate(comparison.columns)
    )


def _run(row: EncoderRow, file: str, result: Result) -> RunDetail:
    return RunDetail(
        row=row,
        file=file,
        result=result,
        folds=_folds(result),
        hparams=tuple((name, setting(value)) for name, value in sorted(result.hparams.items())),
        postprocessing=_postprocessing(result.postprocessing),
        grid=_grid(result),
    )


def _folds(result: Result) -> Table:
    numbers = [fold.named(result.score_name) for fold in result.folds]
    names = _in_order(name for own in numbers for name in own)
    rows = [
        (fold.split, *(_number(name, own.get(name)) for name in names))
        for fold, own in zip(result.folds, numbers, strict=True)
    ]
    aggregated = result.aggregated
    if aggregated:
        for title, suffix in (("mean", "_mean"), ("sd", "_std")):
            rows.append((title, *(decimals(aggregated.get(name + suffix)) for name in names)))
    return plain_table(("test split", *names), rows)


def _grid(result: Result) -> Table:
    points = result.grid_points
    names = _in_order(name for point in points for name in point.hparams)
    varying = [name for name in names if len({setting(point.hparams.get(name)) for point in points}) > 1]
    post = any(point.postprocessing for point in points)
    epochs = any(point.epoch is not None for point in points)
    rows = tuple(
        (
            str(number),
            *(setting(point.hparams.get(name)) for name in varying),
            *((_postprocessing(point.postprocessing),) if post else ()),
            decimals(point.validation_score),
            *((_number("epoch", point.epoch),) if epochs else ()),
        )
        for number, point in enumerate(points, start=1)
    )
    found = (*(("post-processing",) if post else ()), "validation_score", *(("epoch",) if epochs else ()))
    return plain_table(("grid point", *varying, *found), rows, result.winner)


def _postprocessing(chosen: EventPostprocessing | None) -> str:
    return settings(chosen.model_dump().items() if chosen else ())


def _number(name: str, value: float | None) -> str:
    """Three decimals; epochs are whole."""
    return str(value) if name == "epoch" and value is not None else decimals(value)


def _in_order(names: Iterable[str]) -> list[str]:
    """Each name once, where it came first."""
    return list(dict.fromkeys(names))
