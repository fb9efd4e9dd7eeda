"""``hear-audiomosaic demo``: everything from audio to a report on synthetic audio, offline, in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import examples, print_results, print_text, say, say_score

EXAMPLES = examples("demo", "demo --out my-demo/")


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo's results and report.")] = Path("demo"),
) -> None:
    """Compare the four pre-trained methods at a small size with the floors on five synthetic tasks and write a report.

    Uses logistic regression (the protocol logistic), which shows what embeddings know with 200 clips, too; HEAR's own
    heads need more clips or more time.
    """
    from hear_audiomosaic import api

    say("Making the synthetic tasks ...")
    results, report = api.demo(out, on_result=say_score)
    print_results(results, as_json=False)
    for path in report.paths:
        print_text(path)
    if results.failures:
        raise typer.Exit(1)
