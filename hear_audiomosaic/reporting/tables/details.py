"""What stands behind a score: folds, every score, the winning hyper-parameters, the grid points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn, succeeded
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.text.formats import MISSING, decimals, setting, settings
from hear_audiomosaic.results.schema import Result

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
        """Whether there is an error to tell instead of scores."""
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
        postprocessing=settings(result.postprocessing),
        grid=_grid(result.grid_points, result.hparams),
    )


def _folds(result: Result) -> Table:
    keys = _in_order(key for fold in result.folds for key in fold.scores)
    rows = [(fold.split, *(_score(key, fold.scores.get(key)) for key in keys)) for fold in result.folds]
    if len(result.folds) > 1:
        for title, suffix in (("mean", "_mean"), ("sd", "_std")):
            rows.append((title, *(decimals(result.aggregated.get(key + suffix)) for key in keys)))
    return plain_table(("test split", *keys), rows)


def _grid(points: Sequence[Mapping[str, Any]], winner: Mapping[str, Any]) -> Table:
    settings_of = [_mapping(point.get("hparams")) for point in points]
    names = _in_order(name for own in settings_of for name in own)
    varying = [name for name in names if len({setting(own.get(name)) for own in settings_of}) > 1]
    others = _in_order(key for point in points for key in point if key not in ("hparams", "postprocessing"))
    post = any(point.get("postprocessing") for point in points)
    rows = tuple(
        (
            str(number),
            *(setting(own.get(name)) for name in varying),
            *((_postprocessing(point.get("postprocessing")),) if post else ()),
            *(_score(key, point.get(key)) for key in others),
        )
        for number, (point, own) in enumerate(zip(points, settings_of, strict=True), start=1)
    )
    marked = next((i for i, own in enumerate(settings_of) if own and own == dict(winner)), None)
    return plain_table(("grid point", *varying, *(("post-processing",) if post else ()), *others), rows, marked)


def _postprocessing(value: Any) -> str:
    if isinstance(value, Mapping):
        return settings(value.items())
    if isinstance(value, list | tuple) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
        return settings((str(name), number) for name, number in value)
    return setting(value)


def _score(key: str, value: Any) -> str:
    """Three decimals; whole numbers of epochs stay whole."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return MISSING if value is None else setting(value)
    if isinstance(value, int) or (key == "epoch" and float(value).is_integer()):
        return str(int(value))
    return decimals(value)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _in_order(names: Iterable[str]) -> list[str]:
    """Each name once, where it came first."""
    return list(dict.fromkeys(names))
