"""``hear-audiomosaic encoders``: which there are, what one is, and whether it keeps HEAR's contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, Device, examples, print_facts, print_table, print_text, say

Ref = Annotated[str, typer.Argument(help="Encoder reference, NAME[:WEIGHTS][?option=value].")]

app = typer.Typer(help="List registered encoders, show one, check one against the HEAR contract.", no_args_is_help=True)


@app.command("list", epilog=examples("encoders list", "encoders list --json"))
def list_encoders(as_json: AsJson = False) -> None:
    """List the registered encoders: short name and module."""
    from hear_audiomosaic import api

    print_table(api.list_encoders(), as_json)


@app.command("show", epilog=examples("encoders show audiomosaic", "encoders show logmel --json"))
def show(ref: Ref, as_json: AsJson = False) -> None:
    """Show an encoder's card (licence, paper, training data, what it is not), its sizes and its fingerprint."""
    from hear_audiomosaic.hear.describe import describe_encoder

    print_facts(describe_encoder(ref, nested=as_json), as_json)


@app.command("check", epilog=examples("encoders check logmel", "encoders check hear_audiomosaic:random:micro"))
def check(
    ref: Ref,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check an encoder on synthetic audio: shapes, units, determinism, batch mates, odd lengths, silence."""
    from hear_audiomosaic.api import check_encoder

    findings = check_encoder(ref, device=device)
    print_table(({"check": f.check, "verdict": f.verdict, "found": f.found} for f in findings), as_json)
    if any(finding.verdict == "FAIL" for finding in findings):
        raise typer.Exit(1)


@app.command("new", epilog=examples("encoders new my_encoder", "encoders new my_encoder --out encoders/"))
def new(
    name: Annotated[str, typer.Argument(help="Name of the module.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path(),
) -> None:
    """Write a module to fill in, NAME.py, and its check as a test, test_NAME.py; what is there is not overwritten."""
    from hear_audiomosaic.hear.template import write_template

    module, test = write_template(name, out)
    print_text(module)
    print_text(test)
    reference = name if out.resolve() == Path.cwd() else module.absolute()
    say(f"Fill in what is marked TODO, and check it: hear-audiomosaic encoders check {reference}")
