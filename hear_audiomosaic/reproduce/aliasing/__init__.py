"""Aliasing sensitivity of encoders and of AaSP's stems: ``reports/aliasing``.

- :func:`run`: the recipe.
- :func:`hear_audiomosaic.reproduce.aliasing.response.measure_response`: any encoder.
- :func:`hear_audiomosaic.reproduce.aliasing.stems.compare_stems`: untrained stems.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.reproduce.aliasing.figure import draw
from hear_audiomosaic.reproduce.aliasing.response import ResponseSettings, measure_response, response_text
from hear_audiomosaic.reproduce.aliasing.stems import STEM_DEPTHS, Tables, compare_stems, stems_text
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome
from hear_audiomosaic.reproduce.recordings import first_seconds

__all__ = ["run"]


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Measure every encoder and stem; write ``aliasing.txt`` and ``aliasing.png``.

    Args:
        recipe: ``encoders`` (references), the fields of `ResponseSettings`, ``audio`` (recordings for shift and
            stretch, see `find_recordings`, or None for made-up noise), ``stem_widths`` and ``n_stem_seeds``.
        data_dir: what ``audio`` is relative to.
        out: folder of the report.
        device: "cpu" or "cuda", of the encoders.
        on_message: called with the numbers as they come.

    Raises:
        RecipeError: ``shift_step`` does not divide 16.
    """
    settings = ResponseSettings(**{name: recipe[name] for name in ResponseSettings.__dataclass_fields__})
    if 16 % settings.shift_step:
        raise RecipeError(
            f"shift_step is {settings.shift_step}; expected a divisor of 16, so that a shift by one token is probed."
        )
    texts: list[str] = []

    def add(text: str) -> None:
        texts.append(text)
        on_message(text)

    read_clips = partial(first_seconds, data_dir, recipe["audio"]) if recipe["audio"] else None
    responses = []
    for ref in recipe["encoders"]:
        responses.append(measure_response(load_encoder(ref, device), settings, read_clips))
        add(response_text(responses[-1]))
    stems: dict[float, Tables] = {}
    width = 0
    for width in recipe["stem_widths"]:  # the last one is drawn
        stems = {}
        for depth in STEM_DEPTHS:
            stems[depth] = compare_stems(
                width, depth, n_each=settings.n_train, seed=settings.seed, n_seeds=recipe["n_stem_seeds"]
            )
            add(stems_text(width, depth, stems[depth]))
    report = out / "aliasing.txt"
    write_text(report, "\n".join(texts) + "\n")
    draw(responses, stems, width, out / "aliasing.png")
    return Outcome(report)
