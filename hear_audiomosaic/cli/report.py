"""``hear-audiomosaic report``: result files, or published figures -> tables and a page."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import TasksDir, examples, print_text, say

EXAMPLES = examples(
    "report --published hear2021 --out leaderboard/", "report results/ --listen embed", "report results/ --out report/"
)


class Listen(str, Enum):
    """How mistakes can be played on the page."""

    none = "none"
    link = "link"
    embed = "embed"


def report(
    results: Annotated[Path | None, typer.Argument(help="Folder of result files.", show_default=False)] = None,
    published: Annotated[
        str | None,
        typer.Option("--published", metavar="NAME", help="Tables of published figures instead.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path("report"),
    listen: Annotated[
        Listen, typer.Option("--listen", help="Confident mistakes: names, links to the clips, or the clips themselves.")
    ] = Listen.none,
    tasks_dir: TasksDir = None,
) -> None:
    """Write a report of results: Markdown, CSV and one self-contained HTML page.

    Or tables of published figures (hear2021, audiomosaic, msm-mae, aasp, adversarial, recent), with LaTeX.
    """
    if results is not None and published is None:
        _write_report(results, out, listen, tasks_dir)
    elif results is None and published is not None:
        _write_published(published, out)
    else:
        raise typer.BadParameter("give either RESULTS, a folder of result files, or --published NAME")


def _write_report(results: Path, out: Path, listen: Listen, tasks_dir: Path | None) -> None:
    from hear_audiomosaic.api import load_results

    written = load_results(results).report(out, playback=listen.value, tasks_dir=tasks_dir)
    for line in written.skipped:
        say(f"skipped: {line}")
    for path in written.paths:
        print_text(path)


def _write_published(name: str, out: Path) -> None:
    from hear_audiomosaic.reporting.published import PUBLISHED, write_published

    if name not in PUBLISHED:
        raise typer.BadParameter(f"no published figures '{name}'; there are {', '.join(PUBLISHED)}")
    for path in write_published(name, out).paths:
        print_text(path)
