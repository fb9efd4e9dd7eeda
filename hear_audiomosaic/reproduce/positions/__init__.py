"""Whether an encoder's embeddings hold where a pattern is, in time and frequency: ``reports/positions``.

- :func:`run`: the recipe.
- :func:`hear_audiomosaic.reproduce.positions.probes.measure`: what is measured.
- :func:`hear_audiomosaic.reproduce.positions.views.make_views`: on what.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.files import write_json, write_text
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.reproduce.positions.figure import draw
from hear_audiomosaic.reproduce.positions.probes import embed_sounds, measure, scores_text
from hear_audiomosaic.reproduce.positions.views import make_audible, make_views, read_clips
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome

__all__ = ["run"]


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Measure every encoder; write ``positions.txt``, ``positions.json`` and ``positions.png``.

    Args:
        recipe: ``encoders`` (references), ``audio`` (see `find_recordings`), ``n_clips`` and ``seed``.
        data_dir: what ``audio`` is relative to.
        out: folder of the report.
        device: "cpu" or "cuda", of the encoders.
        on_message: called with the numbers as they come.
    """
    views = make_views(read_clips(data_dir, recipe["audio"], recipe["n_clips"], recipe["seed"]), recipe["seed"])
    sounds = make_audible(views, recipe["seed"])
    results: dict[str, dict[str, float]] = {}
    for ref in recipe["encoders"]:
        encoder = load_encoder(ref, device)
        results[encoder.label] = measure(views, embed_sounds(sounds, encoder))
        on_message(scores_text(encoder.label, results[encoder.label]))
    report = out / "positions.txt"
    write_text(report, "".join(scores_text(label, scores) + "\n" for label, scores in results.items()))
    write_json(report.with_suffix(".json"), results)
    draw(results, report.with_suffix(".png"))
    return Outcome(report)
