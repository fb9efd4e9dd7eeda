"""``hear-audiomosaic run``: encoders x tasks x protocols -> result files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import (
    AsJson,
    Device,
    Precision,
    Python,
    StoreDir,
    StoreDtype,
    Strict,
    TasksDir,
    examples,
    print_results,
    say,
    say_score,
)

EXAMPLES = examples(
    "run --encoders logmel hear_audiomosaic:random:micro --tasks synthetic --protocols hear-2021-faster --out results/",
    "run --encoders my_module:weights.pt?hop_ms=40 --tasks esc50 --protocols hear-2021-faster --seeds 42 43",
)


def run(
    encoders: Annotated[
        list[str], typer.Option("--encoders", help="Encoder references, NAME[:WEIGHTS][?option=value][@PYTHON].")
    ],
    tasks: Annotated[list[str], typer.Option("--tasks", help="Prepared tasks or suites.")],
    protocols: Annotated[list[str], typer.Option("--protocols", help="Protocols.")] = ["hear-2021"],  # noqa: B006
    seeds: Annotated[list[int], typer.Option("--seeds", help="Seeds of the probes.")] = [42],  # noqa: B006
    out: Annotated[Path, typer.Option("--out", help="Folder of the result files.")] = Path("results"),
    tasks_dir: TasksDir = None,
    store: StoreDir = None,
    python: Python = [],  # noqa: B006
    device: Device = "cpu",
    precision: Precision = "fp32",
    strict: Strict = False,
    store_dtype: StoreDtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Embed, probe and score every encoder on every task; resumes where it stopped when run again."""
    from hear_audiomosaic.api import evaluate
    from hear_audiomosaic.hear.reference import in_interpreters

    results = evaluate(
        in_interpreters(encoders, python),
        tasks,
        protocols,
        seeds,
        out=out,
        tasks_dir=tasks_dir,
        store_dir=store,
        device=device,
        precision=precision,
        strict=strict,
        store_dtype=store_dtype,
        on_result=say_score,
    )
    print_results(results, as_json)
    if not as_json and (results.finished or results.kept):
        say(f"Results are in {out}; a report: hear-audiomosaic report {out} --out report/")
    if results.failures:
        raise typer.Exit(1)
