"""``hear-audiomosaic status``: which results are done, failed or missing."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, examples, print_table, print_text, say

if TYPE_CHECKING:
    from hear_audiomosaic.reporting.comparison.status import CellStatus

EXAMPLES = examples("status results/", "status results/ --json")


def status(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    as_json: AsJson = False,
) -> None:
    """Show encoders x tasks x protocols: done, failed (with the error), or missing."""
    from hear_audiomosaic.api import load_results

    summary = load_results(results).status()
    for line in summary.skipped:
        say(f"skipped: {line}")
    if as_json:
        print_table((dataclasses.asdict(cell) for cell in summary.cells), as_json=True)
        return
    for protocol, cells in groupby(summary.cells, lambda cell: cell.protocol):
        print_text(f"protocol {protocol}")
        rows = groupby(cells, lambda cell: cell.encoder)
        print_table(({"encoder": label} | {one.task: _text(one) for one in own} for label, own in rows), as_json=False)
    for cell in summary.cells:
        if cell.error:
            print_text(f"failed: {cell.encoder} on {cell.task}, {cell.protocol}: {cell.error}")
    print_text(", ".join(f"{number} {state}" for state, number in summary.counts.items()))


def _text(cell: CellStatus) -> str:
    return f"{cell.n_done} of {cell.n_seeds} seeds" if cell.state == "partly" else cell.state
