"""``hear-audiomosaic encoders``: which there are, what one is, and whether it keeps HEAR's contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, Device, Python, examples, print_facts, print_table, print_text, say

Ref = Annotated[str, typer.Argument(help="Encoder reference, NAME[:WEIGHTS][?option=value][@PYTHON].")]

app = typer.Typer(help="List registered encoders, show one, check one against the HEAR contract.", no_args_is_help=True)
env = typer.Typer(help="Make, list and remove environments that encoders run in: REF@NAME.", no_args_is_help=True)
app.add_typer(env, name="env")


@app.command("list", epilog=examples("encoders list", "encoders list --json"))
def list_encoders(as_json: AsJson = False) -> None:
    """List the registered encoders: short name and module."""
    from hear_audiomosaic import api

    print_table(api.list_encoders(), as_json)


@app.command("show", epilog=examples("encoders show audiomosaic", "encoders show logmel --json"))
def show(ref: Ref, python: Python = [], as_json: AsJson = False) -> None:  # noqa: B006
    """Show an encoder's card (licence, paper, training data, what it is not), its sizes and its fingerprint."""
    from hear_audiomosaic.hear.describe import describe_encoder
    from hear_audiomosaic.hear.reference import in_interpreters

    [ref] = in_interpreters([ref], python)
    print_facts(describe_encoder(ref, nested=as_json), as_json)


@app.command("check", epilog=examples("encoders check logmel", "encoders check hear_audiomosaic:random:micro"))
def check(
    ref: Ref,
    python: Python = [],  # noqa: B006
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check an encoder on synthetic audio: shapes, units, order of calls, batch mates, silence, drift, sample rate."""
    from hear_audiomosaic.api import check_encoder
    from hear_audiomosaic.hear.reference import in_interpreters

    [ref] = in_interpreters([ref], python)
    findings = check_encoder(ref, device=device)
    print_table(({"check": f.check, "verdict": f.verdict, "found": f.found} for f in findings), as_json)
    if any(finding.verdict == "FAIL" for finding in findings):
        raise typer.Exit(1)


@env.command("create", epilog=examples("encoders env create old --python 3.8 --requirements requirements.txt"))
def create_env(
    name: Annotated[str, typer.Argument(help="Name of the environment, as in REF@NAME.")],
    python: Annotated[str, typer.Option("--python", help="A version such as 3.8, or a path to an interpreter.")],
    requirements: Annotated[Path, typer.Option("--requirements", help="What pip installs; numpy must be among it.")],
) -> None:
    """Make an environment by venv and pip, and remember it; prints its interpreter."""
    from hear_audiomosaic.hear.isolated.environments import create_environment

    say(f"Making the environment '{name}'; pip may take minutes.")
    print_text(create_environment(name, python, requirements).python)


@env.command("list", epilog=examples("encoders env list", "encoders env list --json"))
def list_envs(as_json: AsJson = False) -> None:
    """List the environments: name, Python, when and of what it was made, interpreter."""
    from hear_audiomosaic.hear.isolated.environments import environments

    print_table((one.facts for one in environments()), as_json)


@env.command("remove", epilog=examples("encoders env remove old"))
def remove_env(name: Annotated[str, typer.Argument(help="Name of the environment.")]) -> None:
    """Remove an environment; what was embedded with it stays."""
    from hear_audiomosaic.hear.isolated.environments import remove_environment

    remove_environment(name)
    say(f"The environment '{name}' is removed.")


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
