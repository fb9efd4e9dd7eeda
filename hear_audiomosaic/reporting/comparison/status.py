"""Which results of a comparison are done, failed or missing: what ``hear-audiomosaic status`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hear_audiomosaic.reporting.comparison.model import Comparison, ScoreCell, succeeded
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.results.load import ResultFolder, SkippedFile, load_results

__all__ = ["CellStatus", "Status", "status_of"]

State = Literal["done", "partly", "failed", "missing"]


@dataclass(frozen=True)
class CellStatus:
    """One encoder on one task with one protocol."""

    protocol: str
    """Label of the table."""
    encoder: str
    """Label of the encoder."""
    ref: str
    task: str
    """Label of the task."""
    state: State
    """``partly``: some of the protocol's seeds are done."""
    n_done: int
    """Seeds that succeeded."""
    n_seeds: int
    """Seeds that any encoder has with this protocol."""
    error: str
    """First line of the first error; empty without any."""


@dataclass(frozen=True)
class Status:
    """All encoders x all tasks x all protocols that any result names."""

    cells: tuple[CellStatus, ...]
    """By protocol, encoder and task, in the order of the tables."""
    skipped: tuple[SkippedFile, ...]
    """JSON files that could not be used, and why."""

    @property
    def counts(self) -> dict[State, int]:
        """How many cells are in each state."""
        states: tuple[State, ...] = ("done", "partly", "failed", "missing")
        return {state: sum(cell.state == state for cell in self.cells) for state in states}


def status_of(results: Path | ResultFolder) -> Status:
    """List what is done, what failed and what is missing.

    Args:
        results: folder of result files, or what was read of one.

    Raises:
        ResultError: the folder is missing or has no valid result file.
    """
    loaded = load_results(results)
    data = ReportData.of(loaded.results, loaded.skipped)
    tasks = sorted({column.label for table in data.comparisons for column in table.columns})
    encoders = {row.label: row.encoder.ref for row in data.encoders}
    cells = []
    for table in data.comparisons:
        scored = _cells(table)
        for label, ref in encoders.items():
            for task in tasks:
                cell = scored.get((label, task), ScoreCell("missing"))
                cells.append(_status(table, label, ref, task, cell))
    return Status(tuple(cells), loaded.skipped)


def _cells(table: Comparison) -> dict[tuple[str, str], ScoreCell]:
    return {
        (row.label, column.label): cell
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    }


def _status(table: Comparison, label: str, ref: str, task: str, cell: ScoreCell) -> CellStatus:
    failed = [loaded.result for loaded in cell.results if not succeeded(loaded.result)]
    n_done = len(cell.results) - len(failed)
    error = (failed[0].error or "no score in the file").strip().splitlines()[0] if failed else ""
    state: State = "missing"
    if n_done:
        state = "done" if n_done == len(table.seeds) else "partly"
    elif failed:
        state = "failed"
    return CellStatus(table.label, label, ref, task, state, n_done, len(table.seeds), error)
