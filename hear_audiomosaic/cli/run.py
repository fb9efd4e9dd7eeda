"""``hear-audiomosaic run``: encoders x tasks x protocols -> result files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import (
    AsJson,
    Device,
    Precision,
    StoreDir,
    TasksDir,
    examples,
    print_table,
    say,
    store_dir_or_default,
    tasks_dir_or_default,
)

EXAMPLES = examples(
    "run --encoders logmel hear_audiomosaic:random:micro --tasks synthetic --protocols hear-2021-faster --out results/",
    "run --encoders my_module:weights.pt?hop_ms=40 --tasks esc50 --protocols hear-2021-faster --seeds 42 43",
)


def run(
    encoders: Annotated[
        list[str], typer.Option("--encoders", help="Encoder references, NAME[:WEIGHTS][?option=value].")
    ],
    tasks: Annotated[list[str], typer.Option("--tasks", help="Prepared tasks or suites.")],
    protocols: Annotated[list[str], typer.Option("--protocols", help="Protocols.")] = ["hear-2021"],  # noqa: B006
    seeds: Annotated[list[int], typer.Option("--seeds", help="Seeds of the probes.")] = [42],  # noqa: B006
    out: Annotated[Path, typer.Option("--out", help="Folder of the result files.")] = Path("results"),
    tasks_dir: TasksDir = None,
    store: StoreDir = None,
    device: Device = "cpu",
    precision: Precision = "fp32",
    as_json: AsJson = False,
) -> None:
    """Embed, probe and score every encoder on every task; resumes where it stopped when run again."""
    from hear_audiomosaic.bench.plan import Plan, prepared_tasks
    from hear_audiomosaic.bench.runner import run as run_plan
    from hear_audiomosaic.probing.protocol import get_protocol

    plan = Plan(
        encoders=encoders,
        tasks=prepared_tasks(tasks, tasks_dir_or_default(tasks_dir)),
        protocols=[get_protocol(name) for name in protocols],
        seeds=seeds,
        out=out,
        store_dir=store_dir_or_default(store),
        device=device,
        precision=precision,
    )
    summary = run_plan(
        plan, on_result=lambda result: say(f"{result.encoder.label} on {result.task.name}: {result.score:.3f}")
    )
    print_table(summary.rows(), as_json)
    for failure in summary.failures:
        say(f"failed: {failure}")
    if not as_json and (summary.finished or summary.kept):
        say(f"Results are in {out}; a report: hear-audiomosaic report {out} --out report/")
    if summary.failures:
        raise typer.Exit(1)
