"""``hear-audiomosaic reproduce``: a report of this project from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import Device, examples, print_table, say

EXAMPLES = examples("reproduce controlled --data SETS/ --out controlled/")

_RECIPES = ("controlled",)


def reproduce(
    name: Annotated[str, typer.Argument(help="controlled.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of the recipe's data sets.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the runs and the report.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="In place of the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="In place of the recipe's.")] = None,
    crop_s: Annotated[float | None, typer.Option("--crop", help="Seconds, in place of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="In place of the recipe's.")] = None,
    device: Device = "cpu",
) -> None:
    """Run a committed recipe (reports/NAME/recipe.yaml) and write its report; goes on where it stopped."""
    if name not in _RECIPES:
        raise typer.BadParameter(f"there is no recipe '{name}'; there are {', '.join(_RECIPES)}.")
    from hear_audiomosaic.reproduce import controlled

    given = {"size": size, "n_steps": steps, "crop_s": crop_s, "batch_size": batch_size}
    changes = {key: value for key, value in given.items() if value is not None}
    folder = out or Path(name)
    summary = controlled(data, folder, changes=changes, device=device, told=say)
    print_table(summary.rows(), as_json=False)
    for failure in summary.failures:
        say(f"failed: {failure}")
    typer.echo(folder / "report" / "index.html")
    if summary.failures:
        raise typer.Exit(1)
