"""The controlled comparison, whole, on a handful of made-up clips."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from beeps import write_beeps
from safetensors.torch import load_file

from hear_audiomosaic.files import read_json
from hear_audiomosaic.reproduce import controlled, read_recipe


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets" / "beeps"
    write_beeps(folder)
    return folder.parent


RECIPE = {
    "pool": [{"name": "beeps", "licence": "CC0"}],
    "pretraining": {"size": "micro", "n_steps": 2, "batch_size": 4, "crop_s": 0.5, "n_workers": 0, "log_every": 1},
    "methods": {"msm-mae": {}, "adversarial-negatives": {"selection": "uniform"}},
    "model_options": {"msm-mae": "pad=window"},
    "untrained": {"msm-mae": "msm-mae:random:{size}?pad=window&norm=fixed"},
    "floors": ["logmel"],
    "tasks": [
        {"name": "beeps", "set": "beeps", "label": "label", "column": "split", "test": ["test"], "valid": ["valid"]}
    ],
    "protocols": ["hear-2021-faster"],
    "seeds": [42],
}


def test_from_clips_to_a_report_and_again(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    said: list[str] = []
    outcome = controlled.run(RECIPE, sets, out, device="cpu", on_message=said.append)
    said_of_twins = (
        r"msm-mae: significantly better than its untrained twin on [01] of 1 tasks, worse on [01](, no test.*)?"
    )
    assert re.fullmatch(said_of_twins, said[-1])
    assert len((out / "report" / "twins.csv").read_text().splitlines()) == 2
    assert not outcome.failures
    assert len(outcome.rows) == 4
    table = (out / "report" / "report.md").read_text()
    assert "msm-mae:out/weights/msm-mae.safetensors?pad=window" in table
    assert str(tmp_path) not in table
    weights = load_file(out / "weights" / "msm-mae.safetensors")
    assert all((t.dtype == torch.float16) == (t.ndim > 1) for t in weights.values() if t.is_floating_point())
    card = read_json(out / "weights" / "msm-mae.json")
    assert card["n_steps"] == 2
    assert card["data"]["beeps"]["test_clips"] == 6
    assert str(tmp_path) not in (out / "weights" / "msm-mae.json").read_text()
    assert (out / "losses.png").stat().st_size > 1000
    written = {path: path.stat().st_mtime_ns for path in (out / "results").rglob("*.json")}
    again = controlled.run(RECIPE, sets, out, device="cpu", on_message=said.append)
    assert written
    assert written == {path: path.stat().st_mtime_ns for path in (out / "results").rglob("*.json")}
    assert len(again.rows) == 4


def test_the_committed_recipe_is_whole() -> None:
    recipe = read_recipe("controlled")
    assert set(recipe["methods"]) == set(recipe["untrained"])
    assert len({one["name"] for one in recipe["tasks"]}) >= 6
    assert {"size", "n_steps", "batch_size", "crop_s", "seed"} <= set(recipe["pretraining"])
