"""A run looks at an encoder on the task's own clips, and says what it saw: in the log, the result and the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from foreign_modules import PLAIN, source_of

from hear_audiomosaic import api
from hear_audiomosaic.bench.real_clips import seen_on_clips
from hear_audiomosaic.embedding import task_audio
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.results.load import load_results
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

EARLY = """
def get_timestamp_embeddings(audio, model):
    return frames(audio)[:, :25], times(audio)[:, :25]
"""
RANDOM = """
def get_scene_embeddings(audio, model):
    return frames(audio).mean(1) + torch.rand(1)
"""
FAILING = """
del Model.scene_embedding_size


def get_scene_embeddings(audio, model):
    return model.nothing
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sources = {name: source_of(name) for name in ("statistics_of_the_batch", "half", "wordy")}
    sources |= {"plain": PLAIN, "early": PLAIN + EARLY, "drawn": PLAIN + RANDOM, "sizeless": PLAIN + FAILING}
    for name, text in sources.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in sources:
        sys.modules.pop(name, None)


@pytest.fixture
def events(tmp_path: Path) -> PreparedTask:
    """Six clips of a second, in each a beep."""
    folder, time = tmp_path / "beeps", np.arange(16000) / 16000
    folder.mkdir()
    for i in range(6):
        beep = np.where(np.abs(time - 0.3) < 0.1, 0.5 * np.sin(2 * np.pi * (400 + 40 * i) * time), 0.0)
        soundfile.write(folder / f"{i}.wav", beep, 16000)
    splits = ["train", "train", "valid", "valid", "test", "test"]
    (folder / "metadata.csv").write_text("filename,split\n" + "".join(f"{i}.wav,{s}\n" for i, s in enumerate(splits)))
    (folder / "events.csv").write_text(
        "filename,onset_s,offset_s,label\n" + "".join(f"{i}.wav,0.2,0.4,beep\n" for i in range(6))
    )
    return prepare_folder(folder, "beeps", events_file="events.csv", split_column="split", tasks_dir=tmp_path / "tasks")


def findings(ref: str, task: PreparedTask, store: Path) -> tuple[str, ...] | None:
    encoder = load_encoder(ref)
    return seen_on_clips(encoder, task, task_audio(task, encoder.sample_rate, store), {}).findings


def test_what_is_found(
    task: PreparedTask, events: PreparedTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [batch] = findings("statistics_of_the_batch", task, tmp_path) or ()
    assert batch.startswith("the embedding of a clip depends on the others in its batch: alone it differs by")
    [drawn] = findings("drawn", task, tmp_path) or ()
    assert drawn.startswith("asked twice, it embeds the same clip otherwise")
    [early] = findings("early", events, tmp_path) or ()
    assert early == "timestamps go from 0.01 to 0.49 s of a clip of 1.00 s: what sounds outside cannot be found"
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        "statistics_of_the_batch on tones",
        "drawn on tones",
        "early on beeps",
    ]
    for ref in ("plain", "half", "statistics_of_the_batch?batch=1"):
        assert findings(ref, task, tmp_path) == findings(ref, events, tmp_path) == ()


def test_an_encoder_that_fails_now_is_told(
    task: PreparedTask, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder("plain")
    audio = task_audio(task, 16000, tmp_path)
    monkeypatch.setattr(
        sys.modules["plain"], "get_scene_embeddings", lambda audio, model: torch.ones(1) / audio.nothing
    )
    assert seen_on_clips(encoder, task, audio, {}).findings is None
    assert "is not known: get_scene_embeddings of plain failed: AttributeError" in caplog.text


def test_results_and_reports_say_it(task: PreparedTask, events: PreparedTask, tmp_path: Path) -> None:
    refs = ["half", "plain", "statistics_of_the_batch", "statistics_of_the_batch?batch=1"]
    store, out = tmp_path / "store", tmp_path / "results"
    results = api.evaluate(refs, [task, events], ["linear"], [1], out=out, store_dir=store)
    facts = {(one.result.encoder.ref, one.result.task.name): one.result.encoder for one in load_results(out).results}
    assert facts["half", "tones"].coercions == (
        "sample_rate of float became int",
        "scene embeddings of float16 became float32",
    )
    assert facts["half", "beeps"].coercions == (
        "sample_rate of float became int",
        "timestamp embeddings of float16 became float32",
        "timestamps of int64 became float64",
    )
    plain = facts["plain", "tones"]
    assert (plain.coercions, plain.findings, plain.batch) == ((), (), None)
    assert facts["statistics_of_the_batch?batch=1", "tones"].batch == 1
    results.report(tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "statistics_of_the_batch on tones: the embedding of a clip depends on" in text
    assert "What half returned was brought into HEAR's form: sample_rate of float became int; scene" in text
    assert "?batch=1 embedded clip by clip, as asked." in text


def test_an_encoder_of_unknown_size_that_fails_is_recorded(task: PreparedTask, tmp_path: Path) -> None:
    out = tmp_path / "results"
    results = api.evaluate(["sizeless"], [task], ["linear"], [1], out=out, store_dir=tmp_path / "store")
    [loaded] = load_results(out).results
    assert (loaded.result.status, loaded.result.encoder.embedding_size) == ("error", None)
    assert "AttributeError" in results.failures[0]


def test_a_result_of_before_has_no_findings(task: PreparedTask, tmp_path: Path) -> None:
    api.evaluate(["plain"], [task], ["linear"], [1], out=tmp_path / "results", store_dir=tmp_path / "store")
    [path] = (tmp_path / "results").rglob("*.json")
    content = json.loads(path.read_text())
    for name in ("batch", "coercions", "findings"):
        del content["encoder"][name]
    path.write_text(json.dumps(content))
    [loaded] = load_results(tmp_path / "results").results
    assert (loaded.result.encoder.findings, loaded.result.encoder.coercions) == (None, ())
