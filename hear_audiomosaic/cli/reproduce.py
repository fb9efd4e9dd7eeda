"""``hear-audiomosaic reproduce``: a report of this project from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hear_audiomosaic.cli._common import Device, examples, print_table, print_text, say

EXAMPLES = examples(
    "reproduce aliasing --out aliasing/ --set encoders=[logmel,audiomosaic]",
    "reproduce positions --data SETS/ --out positions/",
    "reproduce strangers --data SETS/ --out strangers/",
    "reproduce controlled --data SETS/ --out controlled/ --set pretraining.size=base pretraining.n_steps=20000",
)


def reproduce(
    name: Annotated[str, typer.Argument(help="aliasing, controlled, coverage, gamma, positions or strangers.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of the recipe's data sets.")] = Path(),
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the report and what leads to it.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="SETTING=VALUE (YAML), in place of the recipe's.")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Run a committed recipe (reports/NAME/recipe.yaml) and write its report; resumes where it stopped."""
    from hear_audiomosaic.reproduce import reproduce as run

    outcome = run(
        name,
        data_dir=data,
        out=out or Path(name),
        changes=dict(map(_setting, changes or [])),
        device=device,
        on_message=say,
    )
    print_table(outcome.rows, as_json=False)
    for failure in outcome.failures:
        say(f"failed: {failure}")
    print_text(outcome.report)
    if outcome.failures:
        raise typer.Exit(1)


def _setting(text: str) -> tuple[str, Any]:
    from hear_audiomosaic.parsing import UnreadableError, parse_yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--set {text}: expected SETTING=VALUE.")
    try:
        return name, parse_yaml(value.encode())
    except (UnreadableError, UnicodeEncodeError) as error:
        raise typer.BadParameter(f"--set {name}: {error}") from error
