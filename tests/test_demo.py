"""Does the demo show what its encoders know?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hear_audiomosaic import api

CHANCE = 1 / 12


def scores(folder: Path, encoders: Sequence[str], task: str) -> dict[str, float]:
    """By the demo's own protocol; every probe must have been trained to convergence."""
    found = api.evaluate(
        encoders,
        [task],
        [api._DEMO_PROTOCOL],
        out=folder / "results" / task,
        tasks_dir=folder / "tasks",
        store_dir=folder / "store",
    )
    assert not found.failures
    results = [loaded.result for loaded in found.loaded.results]
    assert [fold.unconverged for result in results for fold in result.folds] == [None] * len(encoders)
    return {result.encoder.ref: result.score for result in results}


def test_the_flagship_hears_pitch_far_above_chance(tmp_path: Path, synth_pitch: Path) -> None:
    (tmp_path / "tasks").symlink_to(synth_pitch.parent)
    assert scores(tmp_path, ["audiomosaic"], "synth_pitch")["audiomosaic"] > 5 * CHANCE


@pytest.mark.slow
def test_every_trained_encoder_is_far_above_chance_and_hears_events(tmp_path: Path) -> None:
    trained = api._DEMO_ENCODERS[:4]
    for task in ("synth_pitch", "synth_events"):
        api.prepare_task(task, tasks_dir=tmp_path / "tasks")
    pitch = scores(tmp_path, trained, "synth_pitch")
    assert min(pitch.values()) > 3 * CHANCE
    assert max(pitch, key=pitch.__getitem__) == "msm-mae"  # .81; the others .38 to .64
    events = scores(tmp_path, [*trained, "random:micro"], "synth_events")
    assert min(events[name] for name in trained) > 0.6 > events["random:micro"]
