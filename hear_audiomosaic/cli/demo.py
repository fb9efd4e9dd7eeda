"""``hear-audiomosaic demo``: everything from audio to a report on synthetic audio, offline, in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import examples, print_table, say

EXAMPLES = examples("demo", "demo --out my-demo/")

_ENCODERS = ("audiomosaic", "msm-mae", "aasp", "adversarial-negatives", "logmel", "random:micro")
_PROTOCOL = "hear-2021-faster"


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo's results and report.")] = Path("demo"),
) -> None:
    """Compare the four pre-trained methods at a small size with the floors on five synthetic tasks and write a report.

    Uses heareval's smallest grid (hear-2021-faster, named in the table), not HEAR's own.
    """
    from hear_audiomosaic.bench.plan import Plan, prepared_tasks
    from hear_audiomosaic.bench.runner import run as run_plan
    from hear_audiomosaic.probing.protocol import get_protocol
    from hear_audiomosaic.reporting import write_report

    say("Making the synthetic tasks ...")
    plan = Plan(
        encoders=_ENCODERS,
        tasks=prepared_tasks(["synthetic"], out / "tasks"),
        protocols=[get_protocol(_PROTOCOL)],
        seeds=[42],
        out=out / "results",
        store_dir=out / "embeddings",
    )
    summary = run_plan(
        plan, on_result=lambda result: say(f"{result.encoder.label} on {result.task.name}: {result.score:.3f}")
    )
    written = write_report(plan.out, out / "report")
    print_table(summary.rows(), as_json=False)
    for failure in summary.failures:
        say(f"failed: {failure}")
    for path in written.paths:
        typer.echo(path)
    if summary.failures:
        raise typer.Exit(1)
