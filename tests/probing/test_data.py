from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.errors import EmbeddingError, TaskError
from hear_audiomosaic.probing import ProbeTask, frame_labels, heareval_row_order, multi_hot
from hear_audiomosaic.tasks import fold_rotation


def units(shared: Path, name: str) -> object:
    return json.loads((shared / "goldens" / "heareval" / "units" / f"{name}.json").read_text())


def test_row_order_of_heareval(shared: Path) -> None:
    golden = units(shared, "row_order")
    counts = {"train": 7, "valid": 4, "test": 5}
    files = {split: [f"{split}{i}.wav" for i in range(n)] for split, n in counts.items()}
    assert heareval_row_order(files) == golden


def test_frame_labels_of_heareval(shared: Path) -> None:
    golden = units(shared, "frame_labels")
    pairs = zip(golden["events"], golden["timestamps"], strict=True)
    assert [frame_labels(events, times) for events, times in pairs] == golden["labels"]


def test_fold_rotation_of_heareval(shared: Path) -> None:
    for k, golden in units(shared, "fold_rotation").items():
        folds = fold_rotation("new_split_kfold", [f"fold{i:02}" for i in reversed(range(int(k)))])
        assert [{"train": list(f.train), "valid": [f.valid], "test": [f.test]} for f in folds] == golden


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(TaskError, match="'valid'"):
        fold_rotation("trainvaltest", ["train", "test"])
    with pytest.raises(TaskError, match="at least 3"):
        fold_rotation("presplit_kfold", ["a", "b"])
    with pytest.raises(TaskError, match="split mode"):
        fold_rotation("leave-one-out", ["a", "b", "c"])


def test_multi_hot() -> None:
    assert multi_hot([["b"], [], ["a", "c", "a"]], "abc").tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    with pytest.raises(TaskError, match="'d'"):
        multi_hot([["d"]], "abc")


def test_broken_tasks_are_refused(scene_task: ProbeTask) -> None:
    rows = scene_task.splits["valid"]
    broken = rows.values.copy()
    broken[0, 0] = np.nan
    for error, change in (
        (EmbeddingError, {"values": broken}),
        (EmbeddingError, {"targets": rows.targets[:, :2]}),
        (TaskError, {"targets": np.ones_like(rows.targets)}),
        (EmbeddingError, {"values": rows.values[:, :3]}),
    ):
        splits = {**scene_task.splits, "valid": dataclasses.replace(rows, **change)}
        with pytest.raises(error):
            dataclasses.replace(scene_task, splits=splits)
    with pytest.raises(TaskError, match="expected the splits"):
        dataclasses.replace(scene_task, splits={"train": rows, "valid": rows})
    with pytest.raises(EmbeddingError, match="one entry per row"):
        dataclasses.replace(rows, targets=rows.targets[:5])
