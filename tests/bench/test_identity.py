"""A kept result is true: whatever it was made from is the same; and to know that, no audio is read twice."""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.bench.runner import run
from hear_audiomosaic.embedding import task_audio
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.hear.objects import Labelled
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing import get_protocol
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import read_result, write_result
from hear_audiomosaic.tasks import PreparedTask


@pytest.fixture
def own_task(task: PreparedTask, tmp_path: Path) -> Path:
    """A copy of the task, to be changed."""
    return Path(shutil.copytree(task.directory, tmp_path / "tasks" / task.directory.name))


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written just now are remembered, too."""
    monkeypatch.setattr("hear_audiomosaic.file_digests._SETTLED_NS", 0)


def made(tmp_path: Path, task: Path, encoder: object = "logmel") -> tuple[int, int]:
    """Run; how many results were made and how many kept."""
    plan = Plan(
        encoders=[encoder],
        tasks=[PreparedTask.open(task)],
        protocols=[get_protocol("logistic")],
        seeds=[42],
        out=tmp_path / "results",
        store_dir=tmp_path / "store",
    )
    summary = run(plan)
    assert summary.failures == []
    return len(summary.finished), len(summary.kept)


def the_result(tmp_path: Path) -> Path:
    [path] = (tmp_path / "results").rglob("*.json")
    return path


def louder(path: Path) -> None:
    """Other samples in a file of the same size."""
    samples, rate = soundfile.read(path)
    soundfile.write(path, np.round(samples * 0.5, 3), rate)


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are read to be hashed from now on."""
    from hear_audiomosaic import file_digests as module

    read: list[Path] = []
    real = module.sha256_of_file
    on_the_way = module.FileDigests.read
    monkeypatch.setattr(module, "sha256_of_file", lambda path: read.append(path) or real(path))
    monkeypatch.setattr(module.FileDigests, "read", lambda own, path: read.append(path) or on_the_way(own, path))
    return read


def test_without_a_change_nothing_is_made_and_no_audio_is_read(
    tmp_path: Path, own_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = hashed(monkeypatch)
    assert made(tmp_path, own_task) == (1, 0)
    assert len(read) == len(set(read)) == 39  # embedding takes the digests that the identity was made of
    read.clear()
    assert made(tmp_path, own_task) == (0, 1)
    assert read == []


def test_groups_that_were_added_or_changed_make_a_new_result(
    tmp_path: Path, own_task: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path, own_task)
    before = read_result(the_result(tmp_path))
    assert (before.task.groups_digest, before.task.n_groups, before.task.shared_group_clips) == (None, None, None)
    files = [file for split in ("train", "valid", "test") for file in PreparedTask.open(own_task).labels(split)]
    groups = {file: file.split("_")[0] for file in files}
    (own_task / "groups.json").write_text(json.dumps(groups))
    with caplog.at_level(logging.WARNING):
        assert made(tmp_path, own_task) == (1, 0)
    assert "is made again: its groups changed" in caplog.text
    after = read_result(the_result(tmp_path))
    assert after.task.digest == before.task.digest  # tasks without groups keep the identity they had
    assert (after.task.n_groups, after.task.shared_group_clips) == (3, 12)
    (own_task / "groups.json").write_text(json.dumps(dict(reversed(list(groups.items())))))
    assert made(tmp_path, own_task) == (0, 1)  # only their order
    (own_task / "groups.json").write_text(json.dumps(groups | {files[-1]: "another"}))
    assert made(tmp_path, own_task) == (1, 0)


@pytest.mark.parametrize("times", ["as they come", "put back"])
def test_replaced_test_audio_makes_a_new_result(tmp_path: Path, own_task: Path, times: str) -> None:
    made(tmp_path, own_task)
    before = read_result(the_result(tmp_path))
    for path in (own_task / "16000" / "test").iterdir():
        was = path.stat()
        louder(path)
        assert path.stat().st_size == was.st_size
        if times == "put back":
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert made(tmp_path, own_task) == (1, 0)
    after = read_result(the_result(tmp_path))
    assert after.task.digest == before.task.digest
    assert after.task.audio_digest != before.task.audio_digest


def test_another_rate_makes_a_new_result_where_it_is_read(tmp_path: Path, own_task: Path) -> None:
    """logmel is of 16 kHz."""
    shutil.move(own_task / "16000", own_task / "48000")
    made(tmp_path, own_task)
    assert read_result(the_result(tmp_path)).task.audio_rate_hz == 48000
    shutil.copytree(own_task / "48000", own_task / "8000")  # lower: not read
    assert made(tmp_path, own_task) == (0, 1)
    shutil.copytree(own_task / "48000", own_task / "32000")  # nearer; the same bytes, so that the rate alone tells
    assert made(tmp_path, own_task) == (1, 0)
    assert read_result(the_result(tmp_path)).task.audio_rate_hz == 32000


def test_another_version_of_the_scores_makes_a_new_result(
    tmp_path: Path, own_task: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path, own_task)
    path = the_result(tmp_path)
    result = read_result(path)
    assert result.manifest.scoring_version == SCORING_VERSION
    older = result.manifest.model_copy(update={"scoring_version": SCORING_VERSION - 1})
    write_result(path, result.model_copy(update={"manifest": older}))
    with caplog.at_level(logging.WARNING):
        assert made(tmp_path, own_task) == (1, 0)
    assert "its scoring code changed" in caplog.text


def test_a_result_from_before_all_this_loads_and_is_made_again(
    tmp_path: Path, own_task: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path, own_task)
    path = the_result(tmp_path)
    content = json.loads(path.read_text())
    for name in ("groups_digest", "audio_digest", "audio_rate_hz", "n_groups", "shared_group_clips"):
        del content["task"][name]
    del content["manifest"]["scoring_version"]
    path.write_text(json.dumps(content))
    assert read_result(path).score == content["score"]
    with caplog.at_level(logging.WARNING):
        assert made(tmp_path, own_task) == (1, 0)
    assert "its scoring code, rate of the audio, audio changed, or was not recorded" in caplog.text


ENCODER = """
from pathlib import Path
from toy_encoder import Model, get_scene_embeddings, get_timestamp_embeddings

def load_model(model_file_path, gain=1):
    model = Model()
    if model_file_path:
        model.register_buffer("weight", __import__("torch").tensor(float(Path(model_file_path).read_text())))
    return model
"""


def test_what_changed_of_an_encoder_is_named(
    tmp_path: Path, own_task: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code, weights = tmp_path / "named_parts.py", tmp_path / "w.txt"

    def run_with(what: str, weight: str) -> tuple[int, int]:
        code.write_text(what)
        weights.write_text(weight)
        sys.modules.pop("named_parts", None)
        importlib.invalidate_caches()
        caplog.clear()
        return made(tmp_path, own_task, f"named_parts:{weights}")

    assert run_with(ENCODER, "1") == (1, 0)
    assert set(read_result(the_result(tmp_path)).encoder.parts or {}) >= {"code", "packages", "weights", "environment"}
    assert run_with(ENCODER, "2") == (1, 0)
    assert "its encoder (weights or a file that an option names, values in its model or modules) changed" in caplog.text
    assert run_with(ENCODER + "# longer\n", "2") == (1, 0)
    assert "its encoder (code) changed" in caplog.text
    monkeypatch.setattr("torch.__version__", "2.0.0")
    assert run_with(ENCODER + "# longer\n", "2") == (1, 0)
    assert "its encoder (package versions) changed" in caplog.text
    content = json.loads(the_result(tmp_path).read_text())
    del content["encoder"]["parts"]  # as before they were recorded
    the_result(tmp_path).write_text(json.dumps(content))
    assert run_with(ENCODER, "2") == (1, 0)
    assert "its encoder changed" in caplog.text
    sys.modules.pop("named_parts", None)


def test_a_label_alone_keeps_the_result(tmp_path: Path, own_task: Path) -> None:
    made(tmp_path, own_task)
    assert made(tmp_path, own_task, Labelled("mine", "logmel")) == (0, 1)
    assert read_result(the_result(tmp_path)).encoder.label == "mine"


def test_a_result_outlives_its_audio(tmp_path: Path, own_task: Path) -> None:
    """The failure is told; the result that was there is not lost."""
    made(tmp_path, own_task)
    before = the_result(tmp_path).read_bytes()
    shutil.rmtree(own_task / "16000" / "test")
    task = PreparedTask.open(own_task)
    plan = Plan(
        encoders=["logmel"],
        tasks=[task],
        protocols=[get_protocol("logistic")],
        seeds=[42],
        out=tmp_path / "results",
        store_dir=tmp_path / "store",
    )
    [failure] = run(plan).failures
    assert "which is not there; prepare the task again" in failure
    assert the_result(tmp_path).read_bytes() == before
    with pytest.raises(AudioError):
        task_audio(task, 16000, tmp_path / "store")


def cut(path: Path) -> None:
    predictions = path.with_suffix(".npz")
    predictions.write_bytes(predictions.read_bytes()[:-20])


def remove(path: Path) -> None:
    path.with_suffix(".npz").unlink()


def put_another(path: Path) -> None:
    """Predictions that can be read, of the same clips."""
    [fold] = Predictions.load(path.with_suffix(".npz"))
    replace(fold, probabilities=fold.probabilities[::-1].copy()).save(path.with_suffix(".npz"))


def edit_the_score(path: Path) -> None:
    result = read_result(path)
    [fold] = result.folds
    better = fold.model_copy(update={"scores": dict.fromkeys(fold.scores, 0.999)})
    write_result(path, result.model_copy(update={"folds": (better,)}))


def edit_the_score_on_top(path: Path) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"score": 0.999}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "is not the file of predictions that was written with it"),
        (remove, "its predictions are not beside it"),
        (put_another, "is not the file of predictions that was written with it"),
        (edit_the_score, "the result file says 0.999"),
        (edit_the_score_on_top, "contradicts itself: it says score = 0.999"),
    ],
)
def test_what_its_predictions_do_not_support_is_made_again(
    tmp_path: Path, own_task: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None], said: str
) -> None:
    made(tmp_path, own_task)
    path = the_result(tmp_path)
    right = [fold.scores for fold in read_result(path).folds]
    damage(path)
    assert made(tmp_path, own_task) == (1, 0)
    assert said in caplog.text
    assert [fold.scores for fold in read_result(path).folds] == right
    assert made(tmp_path, own_task) == (0, 1)
