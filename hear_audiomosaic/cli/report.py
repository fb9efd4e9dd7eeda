"""``hear-audiomosaic report``: result files -> tables and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import examples, say

EXAMPLES = examples("report results/ --out report/")


def report(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path("report"),
) -> None:
    """Write a report: Markdown, CSV and one self-contained HTML page."""
    from hear_audiomosaic.reporting import write_report

    written = write_report(results, out)
    for line in written.skipped:
        say(f"skipped: {line}")
    for path in written.paths:
        typer.echo(path)
