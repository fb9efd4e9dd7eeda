"""Preparing a task again: nothing is done twice, and what was interrupted resumes."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from task_folders import everything, prepare, scene_folder, tone, write_audio

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import convert


def test_repetition_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = scene_folder(tmp_path / "in")
    first = prepare(source, tmp_path / "out", split_column="split")
    before = everything(first.directory)
    stamps = {path: path.stat().st_mtime_ns for path in first.directory.rglob("*")}
    for path in source.rglob("*.wav"):
        path.touch()
    with caplog.at_level(logging.INFO):
        again = prepare(source, tmp_path / "out", split_column="split")
    assert "nothing to do" in caplog.text
    assert everything(again.directory) == before
    assert {path: path.stat().st_mtime_ns for path in first.directory.rglob("*")} == stamps
    assert again.digest == first.digest
    moved = Path(shutil.copytree(source, tmp_path / "elsewhere"))
    elsewhere = prepare(moved, tmp_path / "out2", split_column="split")
    assert elsewhere.digest == first.digest


def test_another_rate_is_added_and_a_lost_file_made_again(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    first = prepare(source, tmp_path, split_column="split")
    lost = first.audio_path("train", "clip00.wav", 16000)
    content = lost.read_bytes()
    lost.unlink()
    second = prepare(source, tmp_path, split_column="split", rates_hz=[8000, 16000])
    assert second.rates_hz == (8000, 16000)
    assert second.digest == first.digest
    assert lost.read_bytes() == content
    assert second.missing_audio() == []
    assert not list(tmp_path.glob(".pets*"))


def test_other_input_is_refused_unless_overwritten(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    first = prepare(source, tmp_path, split_column="split")
    with pytest.raises(TaskError, match="made with other labels, splits or options; remove that folder, give another"):
        prepare(source, tmp_path, fold_column="fold")
    write_audio(source, "audio/clip03.wav", tone(999))
    with pytest.raises(TaskError, match=r"made from other recordings \(1 differ: 'audio/clip03.wav'"):
        prepare(source, tmp_path, split_column="split")
    second = prepare(source, tmp_path, split_column="split", overwrite=True)
    assert second.digest != first.digest
    (second.directory / "preparation.json").unlink()
    with pytest.raises(TaskError, match="was not made by this command"):
        prepare(source, tmp_path, split_column="split")


def test_an_interrupted_preparation_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = scene_folder(tmp_path / "in")
    whole = prepare(source, tmp_path / "reference", split_column="split")
    real, calls = convert._convert_one, []

    def dies_at_ten(*arguments: Any) -> Any:
        calls.append(arguments[1])
        if len(calls) == 10:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(convert, "_convert_one", dies_at_ten)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "out", split_column="split", workers=1)
    assert not (tmp_path / "out" / "pets-v1-full").exists()
    part = tmp_path / "out" / ".pets-v1-full.part"
    done = sorted(part.rglob("*.wav"))
    assert len(done) >= 9
    done[0].write_bytes(done[0].read_bytes()[:100])
    write_audio(part, "16000/train/foreign.wav", tone(100))
    stamps = {path.name: path.stat().st_mtime_ns for path in done}
    monkeypatch.setattr(convert, "_convert_one", real)
    task = prepare(source, tmp_path / "out", split_column="split")
    assert everything(task.directory).keys() == everything(whole.directory).keys()
    audio = {name: content for name, content in everything(task.directory).items() if name.endswith(".wav")}
    assert audio == {name: content for name, content in everything(whole.directory).items() if name.endswith(".wav")}
    kept = [name for name, stamp in stamps.items() if next(task.directory.rglob(name)).stat().st_mtime_ns == stamp]
    assert sorted(kept) == sorted(path.name for path in done[1:])


def test_two_at_once(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    found: list[str] = []

    def work() -> None:
        found.append(prepare(source, tmp_path, split_column="split").digest)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 3
    assert len(set(found)) == 1
