"""Stored predictions: what is saved comes back, what does not fit is not used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import fake_predictions as predictions
import fake_results as fake
import numpy as np
import pytest
from names_that_are_paths import ATTACKS

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.results.load import LoadedResult, scene_predictions
from hear_audiomosaic.results.predictions import FoldPredictions, Predictions

NAMES = ("right.wav", "a bit wrong.wav", "very wrong.wav", "long.wav")
SCENE = FoldPredictions(
    split="fold00",
    files=NAMES,
    probabilities=np.full((4, 3), 0.5, dtype=np.float32),
    targets=np.eye(4, 3, dtype=np.float32),
    row_file=np.array([3, 2, 1, 0]),
)
EVENTS = replace(
    SCENE,
    split="fold01",
    groups=("x", "x", "y", "y"),
    timestamps_ms=np.array([0.0, 10.0, 20.0, 30.0]),
    predicted_events=Events(np.array([0, 3]), np.array([1, 1]), np.array([0.0, 5.0]), np.array([1.0, 7.5])),
    reference_events=Events(np.array([2]), np.array([0]), np.array([1.0]), np.array([2.0])),
)
ARRAYS = SCENE.to_arrays()
"""By the names that files have, which must not change."""


def parts(value: Any) -> Iterator[Any]:
    """All arrays and names inside, in order."""
    if isinstance(value, FoldPredictions | Events):
        for field in fields(value):
            yield from parts(getattr(value, field.name))
    else:
        yield value


def same(a: FoldPredictions, b: FoldPredictions) -> bool:
    def equal(x: Any, y: Any) -> bool:
        return x.dtype == y.dtype and np.array_equal(x, y) if isinstance(x, np.ndarray) else bool(x == y)

    return all(equal(x, y) for x, y in zip(parts(a), parts(b), strict=True))


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    Predictions((SCENE, EVENTS)).save(tmp_path / "one.npz")
    first, second = Predictions.load(tmp_path / "one.npz")
    assert same(first, SCENE)
    assert same(second, EVENTS)
    (again,) = Predictions.load(tmp_path / "one.npz", ["fold01"])
    assert same(again, EVENTS)


def test_the_arrays_have_the_names_of_all_files_before(tmp_path: Path) -> None:
    Predictions((SCENE, EVENTS)).save(tmp_path / "one.npz")
    scene = ("prediction", "target", "files", "row_file")
    events = [
        f"{kind}_events_{part}" for kind in ("predicted", "target") for part in ("file", "label", "start_ms", "end_ms")
    ]
    with np.load(tmp_path / "one.npz", allow_pickle=False) as archive:
        assert archive.files == [
            *(f"fold00/{name}" for name in scene),
            *(f"fold01/{name}" for name in (*scene, "timestamp_ms", *events, "group")),
        ]
        assert archive["fold01/predicted_events_end_ms"].tolist() == [1.0, 7.5]
    SCENE.save(tmp_path / "alone.npz")
    with np.load(tmp_path / "alone.npz", allow_pickle=False) as archive:
        assert archive.files == list(scene)


def test_events_may_be_stored_without_the_frames_behind_them() -> None:
    arrays = {name: array for name, array in EVENTS.to_arrays().items() if "events" in name or name == "files"}
    fold = FoldPredictions.from_arrays("test", arrays)
    assert len(fold.row_file) == 0
    assert fold.reference_events is not None
    assert fold.reference_events.file.tolist() == [2]


def test_rows_have_the_names_of_their_clips() -> None:
    assert SCENE.row_names == NAMES[::-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prediction": np.full((4, 2), 0.5)}, r"rows x classes, found \(4, 2\) and \(4, 3\)"),
        ({"prediction": np.full(4, 0.5), "target": np.ones(4)}, "rows x classes"),
        ({"prediction": np.eye(4, 3, dtype=np.int64)}, "numbers"),
        ({"target": np.full((4, 3), "x")}, "numbers"),
        ({"row_file": np.array([0, 1, 2, 9])}, "rows of test do not fit its 4 clips"),
        ({"row_file": np.array([0, 1, 2, -1])}, "do not fit"),
        ({"row_file": np.array([0.0, 1.0, 2.0, 3.0])}, "do not fit"),
        ({"row_file": np.zeros(3, np.int64)}, "do not fit"),
        ({"row_file": np.int64(3)}, "do not fit"),
        ({"files": np.array([b"a", b"b", b"c", b"d"])}, "list of names"),
        ({"group": np.array(["a"])}, "a group for each of 4 clips"),
        ({"timestamp_ms": np.zeros(2)}, "expected 4 timestamps"),
        ({"target_events_file": np.array([0])}, "there is no target_events_label"),
        ({"target": None}, "there is no test/target"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    arrays = {f"test/{name}": array for name, array in (ARRAYS | change).items() if array is not None}
    np.savez(tmp_path / "one.npz", **arrays)
    with pytest.raises(ResultError, match=rf"one\.npz does not hold the result's predictions \(.*{message}"):
        Predictions.load(tmp_path / "one.npz")


def test_events_of_other_clips_are_refused() -> None:
    events = Events(np.array([4]), np.array([0]), np.array([0.0]), np.array([1.0]))
    with pytest.raises(ResultError, match="events of fold01 do not fit its 4 clips"):
        replace(EVENTS, predicted_events=events)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", **{"test/files": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ResultError, match=r"one\.npz cannot be read as predictions"):
        Predictions.load(tmp_path / "one.npz")


# ------------------------------------------------------------------------------------------------- beside a result file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full((4, 2), 0.5), "targets": np.eye(4, 2)}, "do not fit the task's 3 classes"),
        ({"probabilities": np.full((4, 3), np.nan)}, "not all finite"),
        (
            {"probabilities": np.empty((0, 3)), "targets": np.empty((0, 3)), "row_file": np.empty(0, np.int64)},
            "do not fit the task's 3 classes",
        ),
    ],
)
def test_predictions_that_do_not_fit_the_task_are_not_drawn(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    result = fake.success(fake.LOGMEL, fake.GUNSHOT, [0.5])
    path = predictions.save(tmp_path, result, [replace(SCENE, **change)])
    file = path.with_suffix(".json").relative_to(tmp_path).as_posix()
    loaded = LoadedResult(file, result.model_copy(update={"predictions": path.name}))
    with pytest.raises(ResultError, match=message):
        scene_predictions(tmp_path, loaded)
    text = write_report(tmp_path, tmp_path / "out").html.read_text(encoding="utf-8")
    assert "No errors by class" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "No predictions"),
        ("../x.npz", "names no predictions beside it: .* is a path"),
        ("x.npz", "beside the result file"),
        ("bad.npz", "be read"),
        ("other.npz", "there is no test/files"),
    ],
)
def test_predictions_that_are_not_there(tmp_path: Path, name: str | None, message: str) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    Predictions((SCENE,)).save(tmp_path / "other.npz")
    loaded = LoadedResult("r.json", fake.success(fake.LOGMEL, fake.GUNSHOT, [0.5], predictions=name))
    with pytest.raises(ResultError, match=message) as caught:
        scene_predictions(tmp_path, loaded)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_predictions_stand_beside_their_result(tmp_path: Path, name: str) -> None:
    (tmp_path / "results").mkdir()
    Predictions((SCENE,)).save(tmp_path / "x")
    loaded = LoadedResult("r.json", fake.success(fake.LOGMEL, fake.GUNSHOT, [0.5], predictions=name))
    with pytest.raises(ResultError, match=r"names no predictions beside it: the predictions file .* rename it"):
        scene_predictions(tmp_path / "results", loaded)
