"""``hear-audiomosaic results``: result files of what was made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, TasksDir, examples, print_table, say

if TYPE_CHECKING:
    from hear_audiomosaic.errors import HearAudioMosaicError

app = typer.Typer(help="Bring results of elsewhere into a folder of results.", no_args_is_help=True)


@app.callback()
def _results() -> None:
    """A group of verbs, also where it has one."""


@app.command(
    "import",
    epilog=examples(
        "results import embeddings/logmel --encoder theirs --out results/",
        "results import embeddings/logmel/small-v1-full --encoder theirs --json",
    ),
)
def import_results(
    directories: Annotated[
        list[Path], typer.Argument(help="Probed embeddings directories in heareval's layout: MODULE/TASK, or MODULE.")
    ],
    encoder: Annotated[str, typer.Option("--encoder", help="What tables call the encoder.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder of the result files.")] = Path("results"),
    seed: Annotated[int, typer.Option("--seed", help="Of heareval's probes, whose files do not name it.")] = 42,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Make result files of scores of embeddings that another program wrote, for report and compare.

    Nothing is claimed of how they were made, and tables say that they were imported.
    Predictions are taken over where `hear-audiomosaic probe` made them; those of heareval are pickles and are not read.
    """
    from hear_audiomosaic import api

    failures: list[HearAudioMosaicError] = []
    imported = api.import_results(
        directories, encoder, out, seed=seed, tasks_dir=tasks_dir, on_failure=failures.append
    )  # fmt: skip
    rows = [
        {
            "task": one.result.task.name,
            "protocol": one.result.protocol.name,
            "seed": one.result.protocol.seed,
            "score": one.result.score_name,
            "value": None if one.result.score is None else f"{one.result.score:.4f}",
            "scored by": one.scored_by,
            "file": str(one.path),
            "missing": "; ".join(one.missing) or None,
        }
        for one in imported
    ]
    print_table(rows, as_json)
    for failure in failures:
        say(f"failed: {failure}")
    if failures:
        raise typer.Exit(1)
