"""The strangers: what the recipe names is there and pinned, it runs, and the report says what was measured."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beeps import write_beeps

from hear_audiomosaic.errors import RecipeError, TaskError
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.hear.isolated.environments import Environment, environments
from hear_audiomosaic.paths import content_dir, data_home
from hear_audiomosaic.reporting.text.csv_cells import original_text
from hear_audiomosaic.reproduce import read_recipe, strangers
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit
from hear_audiomosaic.reproduce.strangers import comparison
from hear_audiomosaic.reproduce.strangers.comparison import MODULES, REQUIREMENTS, stranger_ref

REPORT = content_dir("reports") / "strangers"
RECIPE = read_recipe("strangers")
NAMES = sorted(RECIPE["strangers"])
IMPORTED = {"tensorflow", "torch", "librosa", "numpy", "resemblyzer", "torchcrepe", "silero_vad", "basic_pitch"}
IMPORTED |= {"openwakeword", "musicnn", "aisfx"}


def test_there_are_the_modules_and_the_requirements_that_the_recipe_names() -> None:
    assert len(NAMES) >= 5
    assert sorted(path.name for path in MODULES.glob("*.py")) == [f"hear_{name}.py" for name in NAMES]
    assert sorted(path.name for path in REQUIREMENTS.glob("*")) == [f"{name}.txt" for name in NAMES]
    assert set(RECIPE["methods"]) >= {"msm-mae", "aasp", "adversarial-negatives"}
    assert len(RECIPE["tasks"]) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_takes_and_stands_alone(name: str) -> None:
    lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    pinned = dict(line.lower().replace("-", "_").split("==") for line in lines)  # every line is NAME==VERSION
    tree = ast.parse((MODULES / f"hear_{name}.py").read_text())
    said = " ".join((ast.get_docstring(tree) or "").split())
    assert f" {pinned[name]}, " in said.partition("Package:")[2][:40]
    assert re.search(r"Embedding: .*\(\d+\b", said)
    assert re.search(r"\d kHz\.", said)
    card = next(ast.literal_eval(node.value) for node in tree.body if _assigns(node, "encoder_card"))
    assert card["licence"] in said
    assert pinned[name] in card["title"]
    roots = {part for node in ast.walk(tree) for part in _imported(node)} - {"os", "pathlib"}
    assert roots <= set(pinned) & IMPORTED


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [name]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) else []


def test_only_some_clips_of_a_set(tmp_path: Path) -> None:
    write_beeps(tmp_path / "beeps")
    spec = {"name": "beeps", "set": "beeps", "label": "label", "column": "split", "test": ["test"], "valid": ["valid"]}
    whole = FixedSplit.read(tmp_path, spec).split_of
    some = FixedSplit.read(tmp_path, spec | {"only": {"take": [0, 4, 5], "label": ["low"]}}).split_of
    assert some == {f"audio/{i}.wav": whole[f"audio/{i}.wav"] for i in (0, 4)}
    with pytest.raises(TaskError, match="no column tke"):
        FixedSplit.read(tmp_path, spec | {"only": {"tke": [0]}})


STRANGER = """
import numpy as np
class Model:
    sample_rate, scene_embedding_size, timestamp_embedding_size = 16000, 4, 4
def load_model(model_file_path=""):
    return Model()
def get_scene_embeddings(audio, model):
    bands = np.abs(np.fft.rfft(audio, axis=1))[:, :1200].reshape(len(audio), 4, -1)
    return bands.mean(axis=2).astype(np.float32)
def get_timestamp_embeddings(audio, model):
    return get_scene_embeddings(audio, model)[:, None], np.full((len(audio), 1), 300.0, np.float32)
"""


def _create(name: str, python: str, requirements: Path) -> Environment:
    """What `create_environment` leaves, without the network: this interpreter by another name."""
    folder = data_home() / "environments" / name
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "bin" / "python").chmod(0o755)
    facts = {"python": python, "made": "", "requirements": requirements.read_text().splitlines()}
    (folder / "environment.json").write_text(json.dumps(facts))
    return Environment(name, folder, facts)


def test_a_stranger_beside_a_floor_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_beeps(tmp_path / "sets" / "beeps")
    (tmp_path / "hear_bands.py").write_text(STRANGER)
    (tmp_path / "bands.txt").write_text("numpy==1.26.4\n")
    made: list[str] = []
    monkeypatch.setattr(comparison, "MODULES", tmp_path)
    monkeypatch.setattr(comparison, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(comparison, "create_environment", lambda *a: made.append(a[0]) or _create(*a))
    task = {"name": "beeps", "set": "beeps", "label": "label", "column": "split", "test": ["test"], "valid": ["valid"]}
    recipe: dict[str, Any] = {
        "strangers": {"bands": "3.11"},
        "methods": [],
        "floors": ["logmel"],
        "tasks": [task],
        "protocols": ["logistic"],
        "seeds": [42],
    }
    before = os.environ.get("PYTHONPATH")
    out, said = tmp_path / "out", list[str]()
    for _ in range(2):
        outcome = strangers.run(recipe, tmp_path / "sets", out, device="cpu", on_message=said.append)
        assert not outcome.failures
        assert [row["encoder"] for row in outcome.rows] == ["hear_bands@bands", "logmel"]
    assert made == ["bands"]
    assert said.count("hear_bands@bands on beeps: 1.0") == 1
    assert os.environ.get("PYTHONPATH") == before
    assert (out / "report" / "scores.png").stat().st_size > 5000
    assert "hear_bands@bands" in (out / "report" / "report.md").read_text()
    (tmp_path / "bands.txt").write_text("numpy==2.0.0\n")
    with pytest.raises(RecipeError, match="encoders env remove bands"):
        strangers.run(recipe, tmp_path / "sets", out, device="cpu", on_message=said.append)


def _scores() -> dict[tuple[str, str], dict[str, str]]:
    with (REPORT / "report.csv").open(encoding="utf-8", newline="") as file:
        return {(original_text(row["encoder_ref"]), row["task"]): row for row in csv.DictReader(file)}


def test_the_committed_report_is_of_the_committed_recipe() -> None:
    rows = _scores()
    refs = [*map(stranger_ref, RECIPE["strangers"]), *RECIPE["methods"], *RECIPE["floors"]]
    assert set(rows) == {(ref, task["name"]) for ref in refs for task in RECIPE["tasks"]}
    assert {row["status"] for row in rows.values()} == {"success"}
    assert {row["protocol"] for row in rows.values()} == set(RECIPE["protocols"])


def test_the_readme_says_what_the_report_says() -> None:
    rows, tasks = _scores(), [task["name"] for task in RECIPE["tasks"]]
    lines = (REPORT / "README.md").read_text(encoding="utf-8").splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("| encoder |"))
    assert [cell.strip() for cell in lines[header].split("|")[2:-1]] == tasks
    found = {}
    for line in lines[header + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found[name] = cells
    best = {task: max(float(row["score"]) for (_, name), row in rows.items() if name == task) for task in tasks}
    for ref in {ref for ref, _ in rows}:
        scores = [(float(rows[ref, task]["score"]), best[task]) for task in tasks]
        said = [f"{score:.3f}".removeprefix("0") for score, _ in scores]
        said = [f"**{text}**" if score == most else text for text, (score, most) in zip(said, scores, strict=True)]
        assert found.pop(f"`{ref}`") == said
    assert list(found) == ["chance"]


def test_strangers_lead_where_they_were_trained_to() -> None:
    rows = _scores()

    def order(task: str) -> list[str]:
        of_task = {ref: float(row["score"]) for (ref, name), row in rows.items() if name == task}
        return sorted(of_task, key=lambda ref: of_task[ref], reverse=True)

    assert order("speakers")[0] == "hear_resemblyzer@resemblyzer"
    assert set(order("pitch")[:2]) == {"hear_torchcrepe@torchcrepe", "hear_basic_pitch@basic_pitch"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_in_its_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environments are: ``HEAR_AUDIOMOSAIC_STRANGERS=HOME pytest -m slow``."""
    if not (home := os.environ.get("HEAR_AUDIOMOSAIC_STRANGERS")):
        pytest.skip("HEAR_AUDIOMOSAIC_STRANGERS does not say where reproduce strangers has made the environments")
    monkeypatch.setenv("HEAR_AUDIOMOSAIC_HOME", home)
    monkeypatch.setenv("PYTHONPATH", str(MODULES))
    if name not in {one.name for one in environments()}:
        pytest.skip(f"there is no environment {name}")
    import torch

    encoder = load_encoder(stranger_ref(name))
    rate = encoder.sample_rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
    clips = np.stack([tone, 0.1 * np.random.default_rng(0).standard_normal(3 * rate), np.zeros(3 * rate)])
    audio = torch.from_numpy(clips.astype(np.float32))
    scenes = encoder.scene(audio)
    frames, times = encoder.timestamps(audio)
    assert scenes.shape == (3, encoder.scene_embedding_size)
    assert frames.shape == (3, times.shape[1], encoder.timestamp_embedding_size)
    assert np.isfinite(scenes).all()
    assert (times >= 0).all()
    assert (times <= 3000).all()
    assert np.abs(scenes[0] - scenes[1]).max() > 1e-3
