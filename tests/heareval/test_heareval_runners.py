"""heareval 2021.1.3 itself, both ways: it embeds with this package, and probes what this package wrote."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heareval_tasks import TASKS
from heareval_tools import Tools, task_value

pytestmark = [pytest.mark.heareval, pytest.mark.timeout(1800)]

Copies = Callable[[Path, Sequence[int], str], list[Path]]
MODULES = {entry.name: entry.value for entry in entry_points(group="hear_audiomosaic.encoders")}
WEIGHTS = {"logmel": {}, "random": {"model_file_path": "micro"}}
SEEDS = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("task", TASKS)
def test_their_embeddings_runner_takes_the_package_unchanged(their_embeddings: Path, tasks: Path, task: str) -> None:
    assert their_embeddings.name == "hear_audiomosaic-model-file-path=random-micro"
    directory = their_embeddings / task
    assert (directory / ".done.embeddings").is_file()
    for split in _splits(directory):
        n_rows, n_features = _dimensions(directory, split)
        assert n_features == 192
        assert n_rows >= len(json.loads((tasks / task / f"{split}.json").read_text()))
        assert np.isfinite(_embeddings(directory, split)).all()


@pytest.mark.parametrize("name", sorted(MODULES))
@pytest.mark.usefixtures("heareval_here")
def test_their_embeddings_runner_takes_every_registered_module(
    tools: Tools, tasks: Path, tmp_path: Path, name: str
) -> None:
    options = WEIGHTS.get(name, {"model_file_path": "random:micro"})
    for task in ("tones-v1-tiny", "beeps-v1-tiny"):
        out = tmp_path / "embeddings"
        folder = tools.heareval_embeddings(MODULES[name], options, tasks, out, task)
        assert (folder / task / ".done.embeddings").is_file()
        assert np.isfinite(_embeddings(folder / task, "test")).all()


@pytest.mark.parametrize("task", TASKS)
def test_both_predictions_runners_take_their_directory(
    tools: Tools, python38: Path, their_embeddings: Path, copies: Copies, tmp_path: Path, task: str
) -> None:
    (theirs,) = tools.heareval_predictions(python38, copies(their_embeddings / task, [42], "theirs"), tmp_path)
    (ours,) = tools.our_probe(copies(their_embeddings / task, [42], "ours"))
    assert set(ours) >= set(theirs), "a field of heareval's file is missing in ours"
    for part, values in theirs.items():
        if isinstance(values, dict):
            assert set(ours[part]) >= set(values), f"fields missing in '{part}'"
    assert ours["score_mode"] == theirs["score_mode"]
    assert [key for key, _ in ours["postprocessing"]] == [key for key, _ in theirs["postprocessing"]]


@pytest.mark.parametrize("task", TASKS)
def test_our_directory_has_the_same_content_as_theirs(their_embeddings: Path, our_embeddings: Path, task: str) -> None:
    theirs, ours = their_embeddings / task, our_embeddings / task
    for name in ("task_metadata.json", "labelvocabulary.csv"):
        assert (ours / name).is_file()
    for split in _splits(theirs):
        assert _clip_labels(ours, split) == _clip_labels(theirs, split)
        assert _dimensions(ours, split) == _dimensions(theirs, split)
        np.testing.assert_allclose(_embeddings(ours, split), _embeddings(theirs, split), atol=1e-4)
        assert _row_labels(ours, split) == _row_labels(theirs, split)
        stamps = f"{split}.filename-timestamps.json"
        assert (ours / stamps).is_file() == (theirs / stamps).is_file()
        if (theirs / stamps).is_file():
            our_rows, their_rows = (json.loads((folder / stamps).read_text()) for folder in (ours, theirs))
            assert [Path(slug).name for slug, _ in our_rows] == [Path(slug).name for slug, _ in their_rows]
            np.testing.assert_allclose([ms for _, ms in our_rows], [ms for _, ms in their_rows], atol=1e-3)


@pytest.mark.parametrize("task", TASKS)
def test_their_predictions_runner_takes_our_directory_and_the_scores_agree(
    tools: Tools, python38: Path, our_embeddings: Path, copies: Copies, tmp_path: Path, task: str
) -> None:
    theirs = tools.heareval_predictions(python38, copies(our_embeddings / task, SEEDS, "theirs"), tmp_path)
    ours = tools.our_probe(copies(our_embeddings / task, SEEDS, "ours"))
    their_values, our_values = ([task_value(scores) for scores in many] for many in (theirs, ours))
    assert np.isfinite(their_values).all()
    noise = np.hypot(np.std(their_values, ddof=1), np.std(our_values, ddof=1)) / np.sqrt(len(SEEDS))
    difference = abs(np.mean(their_values) - np.mean(our_values))
    assert difference <= 3 * noise + 0.01, f"heareval {their_values}, this package {our_values}"


def _splits(directory: Path) -> list[str]:
    splits: list[str] = json.loads((directory / "task_metadata.json").read_text())["splits"]
    return splits


def _dimensions(directory: Path, split: str) -> list[int]:
    dimensions: list[int] = json.loads((directory / f"{split}.embedding-dimensions.json").read_text())
    return dimensions


def _embeddings(directory: Path, split: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.fromfile(directory / f"{split}.embeddings.npy", dtype=np.float32).reshape(_dimensions(directory, split))


def _clip_labels(directory: Path, split: str) -> dict[str, list[Any]]:
    """Labels or events per file; labels as text, as heareval compares them."""
    content = json.loads((directory / f"{split}.json").read_text())
    return {
        file: [item | {"label": str(item["label"])} if isinstance(item, dict) else str(item) for item in items]
        for file, items in content.items()
    }


def _row_labels(directory: Path, split: str) -> list[list[str]]:
    with (directory / f"{split}.target-labels.pkl").open("rb") as file:
        rows = pickle.load(file)  # noqa: S301 - written by a runner that this test started
    return [sorted(set(map(str, row))) for row in rows]  # heareval names a label twice where two of its events overlap
