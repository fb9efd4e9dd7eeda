"""Recipes by name: what is committed in ``reports/NAME/recipe.yaml``, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.parsing import parse_yaml
from hear_audiomosaic.paths import content_dir

__all__ = ["RECIPES", "OnMessage", "Outcome", "read_recipe", "reproduce"]

OnMessage = Callable[[str], None]

RECIPES = {
    "aliasing": "how encoders and stems respond to sub-token shifts, fast modulations and stretch; minutes, no data",
    "controlled": "every method pre-trained on the same clips with the same budget, then probed alike; hours",
    "coverage": "whether the intervals of reports cover and their tests hold their level, simulated; half an hour",
    "gamma": "one small network trained with and without positional negatives; minutes a run",
    "positions": "whether an encoder's embeddings hold where a pattern is, in time and frequency; minutes",
    "strangers": "pre-trained encoders of other people, each in its own environment, beside the methods; an hour",
}


@dataclass(frozen=True)
class Outcome:
    """What a recipe leaves.

    Attributes:
        report: the file to read.
        rows: facts about what was done, one mapping a row.
        failures: what failed, in words; the rest is reported.
    """

    report: Path
    rows: tuple[Mapping[str, Any], ...] = ()
    failures: tuple[str, ...] = ()


class _Run(Protocol):
    def __call__(
        self, recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage
    ) -> Outcome: ...


def read_recipe(name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The committed recipe, ``reports/NAME/recipe.yaml``.

    Args:
        name: one of `RECIPES`.
        changes: setting -> value in place of the recipe's; a dot leads into a section (``pretraining.n_steps``).

    Raises:
        RecipeError: no such recipe or setting.
    """
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe '{name}'; there are {', '.join(RECIPES)}.")
    path = content_dir("reports") / name / "recipe.yaml"
    recipe: dict[str, Any] = parse_yaml(path.read_bytes())
    for setting, value in (changes or {}).items():
        section, *inner = recipe, *setting.split(".")
        while inner and isinstance(section, dict) and inner[0] in section and len(inner) > 1:
            section = section[inner.pop(0)]
        if not isinstance(section, dict) or inner[0] not in section:
            known = ", ".join(section) if isinstance(section, dict) else "no settings of its own"
            raise RecipeError(f"The recipe '{name}' has no setting '{setting}'; expected one of {known}.")
        section[inner[0]] = value
    return recipe


def reproduce(
    name: str,
    *,
    data_dir: Path = Path(),
    out: Path,
    changes: Mapping[str, Any] | None = None,
    device: str = "cpu",
    on_message: OnMessage = lambda text: None,
) -> Outcome:
    """Run a committed recipe and write its report.

    Args:
        name: one of `RECIPES`.
        data_dir: the recipe's data sets, one folder each.
        out: folder of the report, and of all that leads to it.
        changes: see `read_recipe`.
        device: "cpu" or "cuda".
        on_message: called with progress in words.

    Raises:
        RecipeError: no such recipe or setting, or a value that does not fit.
        HearAudioMosaicError: of the stage that failed.
    """
    recipe = read_recipe(name, changes)
    run: _Run = import_module(f"hear_audiomosaic.reproduce.{name}").run
    return run(recipe, data_dir, out, device=device, on_message=on_message)
