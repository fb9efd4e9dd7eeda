"""Verifying tasks: what is right, what is wrong in every way, what is known; and that it is remembered."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from published_tasks import prepare_small
from task_folders import prepare, scene_folder

import hear_audiomosaic as ha
from hear_audiomosaic import file_digests
from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask, list_rows
from hear_audiomosaic.tasks.verify import Verification, verify_task

RATE_HZ = 16000


@pytest.fixture
def task(tmp_path: Path) -> PreparedTask:
    return prepare(
        scene_folder(tmp_path / "source"), tmp_path / "tasks", split_column="split", rates_hz=(8000, RATE_HZ)
    )


def verified(task: PreparedTask) -> Verification:
    return verify_task(task.directory, task.directory.parent.parent / "digests.txt")


def state(task: PreparedTask) -> str:
    return next(row["state"] for row in list_rows(None, task.directory.parent) if row["task"] == task.directory.name)


def a_clip(task: PreparedTask) -> Path:
    return task.audio_path("test", task.files("test")[0], RATE_HZ)


def test_a_task_as_it_was_prepared(task: PreparedTask) -> None:
    assert state(task) == "prepared"
    found = verified(task)
    assert (found.state, found.differences) == ("verified", ())
    assert found.clips == {split: len(task.labels(split)) for split in task.splits}
    assert (found.rates_hz, found.durations_s) == ((8000, RATE_HZ), (0.05, 0.05))
    assert found.hours == pytest.approx(24 * 0.05 / 3600, abs=1e-4)
    counted = Counter(
        (split, label) for split in task.splits for labels in task.labels(split).values() for label in labels
    )
    assert {(split, label): n for label, of in found.labels.items() for split, n in of.items() if n} == counted
    assert found.pinned == {"when it was prepared": 24}
    assert any("29 of 53 files had no digest" in note for note in found.notes)  # those at 16 kHz, and the tables
    assert state(task) == "verified"
    again = verified(task)
    assert again.pinned == {"when it was prepared": 24, "when it was verified last": 29}


def _remove(task: PreparedTask) -> None:
    a_clip(task).unlink()


def _truncate(task: PreparedTask) -> None:
    a_clip(task).write_bytes(a_clip(task).read_bytes()[:-100])


def _empty(task: PreparedTask) -> None:
    a_clip(task).write_bytes(b"")


def _other_bytes(task: PreparedTask) -> None:
    a_clip(task).write_bytes(a_clip(task).read_bytes()[:-2] + b"\1\1")


def _other_rate(task: PreparedTask) -> None:
    soundfile.write(a_clip(task), np.zeros(2205), 44100, subtype="PCM_16")


def _stereo(task: PreparedTask) -> None:
    soundfile.write(a_clip(task), np.zeros((800, 2)), RATE_HZ, subtype="PCM_16")


def _longer(task: PreparedTask) -> None:
    soundfile.write(a_clip(task), np.zeros(1600), RATE_HZ, subtype="PCM_16")


def _no_audio_file(task: PreparedTask) -> None:
    a_clip(task).write_bytes(b"<html>404</html>" * 10)


def _label_outside(task: PreparedTask) -> None:
    labels = json.loads((task.directory / "test.json").read_text())
    labels[task.files("test")[0]] = ["horse"]
    (task.directory / "test.json").write_text(json.dumps(labels))


def _other_labels(task: PreparedTask) -> None:
    labels = json.loads((task.directory / "test.json").read_text())
    labels = {file: ["dog"] for file in labels}
    (task.directory / "test.json").write_text(json.dumps(labels))


def _fewer_clips(task: PreparedTask) -> None:
    labels = json.loads((task.directory / "test.json").read_text())
    (task.directory / "test.json").write_text(json.dumps(dict(list(labels.items())[1:])))


def _no_audio(task: PreparedTask) -> None:
    for rate_hz in task.rates_hz:
        (task.directory / str(rate_hz)).rename(task.directory / f"away {rate_hz}")


@pytest.mark.parametrize(
    ("harm", "kind", "expected", "found"),
    [
        (_remove, "clip", "a file", "nothing"),
        (_truncate, "clip", "a whole WAV file", "it announces 1600 bytes of samples and has 1500"),
        (_empty, "clip", "a whole WAV file", "an empty file"),
        (_no_audio_file, "clip", "a whole WAV file", "cannot be read"),
        (_other_rate, "clip", "16000 Hz, mono, PCM_16", "44100 Hz, mono, PCM_16"),
        (_stereo, "clip", "16000 Hz, mono, PCM_16", "16000 Hz, 2 channels, PCM_16"),
        (_longer, "length", "0.05 s", "0.1000 s"),
        (_other_bytes, "digest", "(when it was verified last)", ""),
        (_label_outside, "tables", "agrees with itself", "'horse'"),
        (_other_labels, "digest", "(when it was verified last)", ""),
        (_fewer_clips, "card", "24", "23"),
        (_no_audio, "audio", "a folder of clips", "none"),
    ],
)
def test_everything_that_may_be_wrong_is_said(
    task: PreparedTask, harm: Callable[[PreparedTask], None], kind: str, expected: str, found: str
) -> None:
    assert verified(task).state == "verified"
    harm(task)
    after = verified(task)
    assert after.state == "wrong"
    matching = [one for one in after.differences if one.kind == kind]
    assert any(expected in one.expected and found in one.found for one in matching), after.differences
    assert state_or_broken(task) != "verified"


def state_or_broken(task: PreparedTask) -> str:
    try:
        return state(task)
    except TaskError:  # listing opens the tasks that have no card
        return "broken"


def test_lengths_at_several_rates_are_compared_where_the_card_has_none(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "source")
    soundfile.write(source / "audio" / "clip00.wav", np.ones(4000) / 4, RATE_HZ)
    task = prepare(source, tmp_path / "tasks", split_column="split", rates_hz=(8000, RATE_HZ))
    assert task.card.sample_duration_s is None
    assert verified(task).state == "verified"
    _longer(task)
    assert [one.expected for one in verified(task).differences if one.kind == "length"] == ["0.0500 s, as at 8000 Hz"]


def test_a_change_takes_the_state_away(task: PreparedTask) -> None:
    verified(task)
    clip = a_clip(task)
    was = clip.stat()
    os.utime(clip, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    assert state(task) == "prepared"
    assert verified(task).state == state(task) == "verified"
    # A change without a sign in size and time is not seen by the list, but by the next verification, which says so.
    _other_bytes(task)
    os.utime(clip, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    assert state(task) == "verified"
    assert verified(task).state == "wrong"
    assert state(task) == "prepared"


def test_a_task_that_is_made_again_is_compared_with_itself(task: PreparedTask, tmp_path: Path) -> None:
    verified(task)
    soundfile.write(tmp_path / "source" / "audio" / "clip00.wav", np.ones(800) / 8, RATE_HZ)
    again = prepare(
        tmp_path / "source", tmp_path / "tasks", split_column="split", rates_hz=(8000, RATE_HZ), overwrite=True
    )
    assert state(again) == "prepared"
    assert verified(again).differences == ()


def test_nothing_can_be_remembered(task: PreparedTask) -> None:
    (task.directory.parent / ".verified").write_text("in the way, as a read-only folder is")
    assert verified(task).state == "verified"
    assert state(task) == "prepared"


def test_a_second_time_nothing_is_read(task: PreparedTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_digests, "_SETTLED_NS", -(10**13))  # new files are taken for settled
    read: list[Path] = []
    digest = file_digests.sha256_of_file
    monkeypatch.setattr(file_digests, "sha256_of_file", lambda path: read.append(path) or digest(path))
    verified(task)
    assert len(read) == 53
    verified(task)
    assert len(read) == 53


def test_files_that_no_split_names(task: PreparedTask) -> None:
    verified(task)
    (a_clip(task).parent / "left.wav").write_bytes(a_clip(task).read_bytes())
    found = verified(task)
    assert found.state == "verified"
    assert any("1 files of audio stand in no split" in note for note in found.notes)


def test_small_mode(shared: Path, tmp_path: Path) -> None:
    task = prepare_small("mridangam_tonic-v1.5-small", shared, tmp_path / "tasks", [RATE_HZ])
    assert verified(task).pinned == {"when it was prepared": 20}
    assert verified(task).differences == ()
    metadata = json.loads((task.directory / "task_metadata.json").read_text())
    (task.directory / "task_metadata.json").write_text(json.dumps(metadata | {"sample_duration": 0.81}))
    labels = json.loads((task.directory / "fold00.json").read_text())
    (task.directory / "fold00.json").write_text(json.dumps(dict(list(labels.items())[1:])))
    words = [one.words for one in verified(task).differences]
    assert "card sample_duration_s: expected 1.0, found 0.81" in words
    small = "hearpreprocess 2021.1.1 on its small archives"
    assert f"counts n_clips: expected 20 ({small}), found 19" in words
    # The rate is added, and its clips are pinned, too.
    (task.directory / "fold00.json").write_text(json.dumps(labels, indent=1))
    (task.directory / "task_metadata.json").write_text(json.dumps(metadata, indent=1))
    task = prepare_small("mridangam_tonic-v1.5-small", shared, tmp_path / "tasks", [RATE_HZ, 22050])
    assert verified(task).pinned["when it was prepared"] == 40


def type_in(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    out = capsys.readouterr()
    return int(ended.value.code or 0), out.out, out.err


def test_as_typed(task: PreparedTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"--tasks-dir {tmp_path}/tasks --store {tmp_path}/store"
    code, out, err = type_in(f"tasks verify pets {where}", capsys)
    assert code == 0, err
    assert "verified" in out
    for file in task.files("test"):
        task.audio_path("test", file, RATE_HZ).unlink()
    code, out, _ = type_in(f"tasks verify pets {where}", capsys)
    assert code == 1
    assert "expected a file, found nothing" in out
    code, out, _ = type_in(f"tasks verify pets {where} --json", capsys)
    assert code == 1
    [found] = json.loads(out)
    assert len(found["differences"]) == len(task.files("test"))
    code, _, err = type_in(f"tasks verify esc50 {where}", capsys)
    assert code == 1
    assert "tasks fetch esc50" in err
    code, _, err = type_in(f"tasks verify hear2021 {where}", capsys)
    assert code == 1
    assert "is not prepared" in err


def test_show_has_rates_labels_and_what_is_published(
    task: PreparedTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = ha.show_task("pets", tasks_dir=tmp_path / "tasks")
    assert facts["rates_hz"] == [8000, RATE_HZ]
    assert facts["labels"] == verified(task).labels
    assert facts["published"] == []
    _, out, _ = type_in(f"tasks show pets --tasks-dir {tmp_path}/tasks", capsys)
    assert [line.split()[:2] for line in out.splitlines() if "\u2588" in line] == [["cat", "12"], ["dog", "12"]]
    _, out, _ = type_in(f"tasks show gunshot_triangulation --tasks-dir {tmp_path}/tasks", capsys)
    assert "HEAR 2021" in out
    assert "hear2021_leaderboard.csv" in out
