"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import hear_audiomosaic
from hear_audiomosaic.cli import (
    cache,
    compare,
    demo,
    embed,
    encoders,
    pretrain,
    probe,
    report,
    reproduce,
    results,
    run,
    status,
    tasks,
)

__all__ = ["app"]

app = typer.Typer(
    name="hear-audiomosaic",
    help="Audio tasks go in, one comparison comes out: the HEAR 2021 protocol for any audio encoder.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(hear_audiomosaic.__version__)
        raise typer.Exit


app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("embed", epilog=embed.EXAMPLES)(embed.embed)
app.command("probe", epilog=probe.EXAMPLES)(probe.probe)
app.command("pretrain", epilog=pretrain.EXAMPLES)(pretrain.pretrain)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("reproduce", epilog=reproduce.EXAMPLES)(reproduce.reproduce)
app.add_typer(cache.app, name="cache")
app.add_typer(encoders.app, name="encoders")
app.add_typer(results.app, name="results")
app.add_typer(tasks.app, name="tasks")
