"""The most confident mistakes: which clips they are, and how they are heard without a network."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import fake_predictions as predictions
import fake_results as fake
import numpy as np
import pytest
import soundfile

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import AudioError, ResultError, TaskError
from hear_audiomosaic.reporting.analysis.mistakes import mistakes, open_probed_task
from hear_audiomosaic.reporting.render.html.audio_playback import AudioPlayback
from hear_audiomosaic.reporting.render.html.clip_audio import ogg_data_uri, renumbered
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.tasks import TaskCard
from hear_audiomosaic.tasks.prepared import PreparedTask

NAMES = ("right.wav", "a bit wrong.wav", "very wrong.wav", "long.wav")
PROBABILITIES = [[0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.95, 0.03, 0.02], [0.1, 0.2, 0.7]]
TARGETS = [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
ONE = FoldPredictions("test", NAMES, np.array(PROBABILITIES), np.array(TARGETS, dtype=bool), np.arange(4))


def tone(seconds: float, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(16000 * seconds)) / 16000)).astype(np.float32)


@pytest.fixture
def task(tmp_path: Path) -> PreparedTask:
    """A prepared task whose test clips are those of the predictions."""
    folder = tmp_path / "tasks" / "small-v1-full"
    card = TaskCard(
        name="small",
        version="v1",
        mode="full",
        title="Small",
        domain="environment",
        embedding_type="scene",
        prediction_type="multiclass",
        split_mode="trainvaltest",
        splits=("train", "valid", "test"),
        sample_duration_s=1.0,
        evaluation=("top1_acc",),
    )
    folder.mkdir(parents=True)
    (folder / "task_metadata.json").write_text(json.dumps(card.to_metadata()))
    (folder / "labelvocabulary.csv").write_text("idx,label\n0,a\n1,b\n2,c\n")
    labels = {name: ["abc"[row.index(1)]] for name, row in zip(NAMES, TARGETS, strict=True)}
    for split in card.splits:
        (folder / f"{split}.json").write_text(json.dumps(labels))
        (folder / "16000" / split).mkdir(parents=True)
        for i, name in enumerate(NAMES):
            soundfile.write(
                folder / "16000" / split / name, tone(7.0 if name == "long.wav" else 0.5, 300.0 + 90 * i), 16000
            )
    return PreparedTask.open(folder)


def result_on(task: PreparedTask):
    facts = fake.task("small", None, directory=task.directory.name, digest=task.digest)
    return fake.success(fake.LOGMEL, facts, [0.25])


def test_the_most_confident_come_first():
    result = fake.success(fake.LOGMEL, fake.ESC50, [0.25])
    found = mistakes(result, [ONE])
    assert [(one.file, one.expected, one.predicted, one.probability) for one in found] == [
        ("very wrong.wav", ("c",), "a", 0.95),
        ("long.wav", ("b",), "c", 0.7),
        ("a bit wrong.wav", ("a",), "b", 0.6),
    ]
    assert {one.kind for one in found} == {"mistaken"}
    assert {one.audio for one in found} == {None}
    assert len(mistakes(result, [ONE, ONE], n=4)) == 4
    assert [one.file for one in mistakes(result, [ONE, ONE], n=2)] == ["very wrong.wav"] * 2


def test_multilabel_clips_are_missed_or_false_alarms():
    result = fake.success(fake.LOGMEL, fake.FSD50K, [0.25])
    found = mistakes(result, [ONE])
    assert [(one.file, one.predicted, one.kind) for one in found] == [
        ("very wrong.wav", "c", "missed"),
        ("long.wav", "b", "missed"),
        ("a bit wrong.wav", "a", "missed"),
    ]
    over = FoldPredictions("test", ("x.wav",), np.array([[0.9, 0.1, 0.8]]), np.array([[1, 0, 0]]), np.arange(1))
    [one] = mistakes(result, [over])
    assert (one.predicted, one.kind, one.expected) == ("c", "false alarm", ("a",))


def test_audio_is_of_the_task_that_was_probed(task):
    tasks_dir = task.directory.parent
    result = result_on(task)
    found = mistakes(result, [ONE], open_probed_task(result.task, tasks_dir))
    assert [one.audio for one in found] == [task.audio_path("test", one.file, 16000) for one in found]
    other = result_on(task).model_copy(update={"task": fake.task("small", None, digest="0" * 64)})
    with pytest.raises(TaskError, match="other labels than those that were probed"):
        open_probed_task(other.task, tasks_dir)
    away = other.model_copy(update={"task": fake.task("small", None, directory="../tasks/small-v1-full")})
    with pytest.raises(TaskError, match=r"the task folder .* is used as a file name"):
        open_probed_task(away.task, tasks_dir)


def test_names_from_a_file_lead_nowhere_else(task, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"not yours")
    stranger = FoldPredictions(
        "test", ("../../../../secret.wav",), np.array([[0.9, 0.1, 0.0]]), np.array([[0, 1, 0]]), np.arange(1)
    )
    [one] = mistakes(result_on(task), [stranger], task)
    assert one.audio is None
    assert AudioPlayback("embed", task.directory.parent).source(one) == ""


def test_links_are_relative_and_arrive(task, tmp_path):
    page_dir = tmp_path / "a report"
    playback = AudioPlayback("link", task.directory.parent, page_dir)
    for one in playback.mistakes(result_on(task), [ONE]):
        link = playback.source(one)
        assert link.startswith("../tasks/small-v1-full/16000/test/")
        assert " " not in link
        assert (page_dir / unquote(link)).resolve() == one.audio.resolve()


def test_embedded_clips_are_short_and_always_the_same_bytes(task):
    path = task.audio_path("test", "long.wav", 16000)
    uri = ogg_data_uri(path)
    assert uri == ogg_data_uri(path)
    kind, content = uri.split(",")
    assert kind == "data:audio/ogg;base64"
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(content)))
    assert rate_hz == 16000
    assert len(samples) == pytest.approx(5 * 16000, abs=1024)
    assert np.corrcoef(samples[1000:30000], tone(7.0, 570.0)[1000:30000])[0, 1] > 0.95


def test_no_more_audio_than_there_is_room_for(task):
    tasks_dir = task.directory.parent
    short = len(ogg_data_uri(task.audio_path("test", "very wrong.wav", 16000)))
    playback = AudioPlayback("embed", tasks_dir, most_kb=short // 1000 + 1)
    sources = [playback.source(one) for one in playback.mistakes(result_on(task), [ONE])]
    assert [bool(source) for source in sources] == [True, False, False]
    assert playback.n_left_out == 2
    assert "2 clips did not fit" in playback.about


def test_what_is_not_audio_has_a_name_only(task, caplog):
    task.audio_path("test", "very wrong.wav", 16000).write_bytes(b"nothing to hear")
    playback = AudioPlayback("embed", task.directory.parent)
    assert playback.source(playback.mistakes(result_on(task), [ONE])[0]) == ""
    assert "cannot be embedded" in caplog.text
    with pytest.raises(AudioError, match="not an Ogg stream"):
        renumbered(b"OggS but no more")


def test_a_task_that_is_not_there_leaves_the_names(tmp_path, caplog):
    playback = AudioPlayback("embed", tmp_path)
    found = playback.mistakes(fake.success(fake.LOGMEL, fake.ESC50, [0.25]), [ONE])
    assert [one.audio for one in found] == [None] * 3
    assert "no audio of esc50-v1-full" in caplog.text


@pytest.mark.parametrize("mode", ["link", "embed"])
def test_playback_needs_the_tasks(mode):
    with pytest.raises(ResultError, match="--tasks-dir"):
        AudioPlayback(mode)


@pytest.mark.parametrize("mode", ["none", "link", "embed"])
def test_the_command_writes_what_is_asked_for(task, tmp_path, mode):
    fold = replace(ONE, probabilities=ONE.probabilities.astype(np.float32), targets=ONE.targets.astype(np.float32))
    result = result_on(task)
    predictions.clips(tmp_path / "results", result.encoder, result.task, [fold])
    out = tmp_path / "report"
    options = ["--listen", mode, "--tasks-dir", str(task.directory.parent)]
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path / "results"), "--out", str(out), *options])
    assert ended.value.code == 0
    text = (out / "index.html").read_text(encoding="utf-8")
    assert text.count("<audio ") == (0 if mode == "none" else 3)
    assert text.count('src="data:audio/ogg;base64,') == (3 if mode == "embed" else 0)
    assert text.count('src="../tasks/') == (3 if mode == "link" else 0)
    assert ("media-src" in text) == (mode != "none")
    assert str(tmp_path) not in text
    assert "very wrong.wav" in text
