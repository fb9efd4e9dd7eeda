"""What is odd about a folder and gone on with: told once a kind, remembered, and told again."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from damaged_audio import encoded, saved, sound
from task_folders import event_folder, prepare, scene_folder, scene_rows, tone, write_audio, write_table

from hear_audiomosaic.errors import AudioError, TaskError
from hear_audiomosaic.tasks import PreparedTask, convert
from hear_audiomosaic.tasks.cells import milliseconds, one_spelling, similar_names
from hear_audiomosaic.tasks.findings import findings_of


def remembered(task: PreparedTask) -> dict[str, dict[str, str]]:
    content = json.loads((task.directory / "preparation.json").read_text(encoding="utf-8"))["findings"]
    assert findings_of(task.directory) == content
    return dict(content)


def odd_folder(folder: Path) -> Path:
    """Clips of every kind of oddity that can be gone on with."""
    source = scene_folder(folder)
    left = tone(440)
    soundfile.write(source / "audio" / "clip00.wav", np.stack([left, -left], axis=1), 16000)
    write_audio(source, "audio/clip01.wav", 3 * left, subtype="FLOAT")
    write_audio(source, "audio/clip02.wav", np.zeros(800, np.float32))
    write_audio(source, "audio/clip03.wav", np.zeros(800, np.float32))
    saved(source / "audio" / "clip04.wav", encoded(sound(0.5))[:-100])
    return source


ODD = {
    "cancelled channels": {"audio/clip00.wav": ""},
    "clipped": {"audio/clip01.wav": "peak 1.5, 54 % of its samples"},
    "silent": {"audio/clip02.wav": "", "audio/clip03.wav": ""},
    "cut short": {"audio/clip04.wav": "it announces 16000 bytes of samples and has 15900"},
}


def test_odd_recordings_are_told_and_remembered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = odd_folder(tmp_path / "in")
    with caplog.at_level(logging.WARNING):
        task = prepare(source, tmp_path, split_column="split")
    found = remembered(task)
    assert found == ODD
    told = [record.message for record in caplog.records]
    assert len(told) == 4
    assert any(
        "pets: 2 recordings are silent" in line and "'audio/clip02.wav', 'audio/clip03.wav'" in line for line in told
    )
    caplog.clear()
    again = prepare(source, tmp_path, split_column="split", rates_hz=[8000, 16000])
    assert [record.message for record in caplog.records] == told
    assert again.digest == task.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == [".locks", "in", "pets-v1-full"]
    assert not list(task.directory.glob(".*"))


def test_sound_above_half_the_rate_is_told(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    write_audio(source, "audio/clip05.wav", tone(20000, 0.5, 48000), 48000)
    write_audio(source, "audio/clip06.wav", tone(20000, 0.5, 48000) + 0.2 * tone(2000, 0.5, 48000), 48000)
    found = remembered(prepare(source, tmp_path, split_column="split", rates_hz=[48000, 16000]))
    assert found == {"lost in resampling": {"audio/clip05.wav": "at 16000 Hz"}}


def test_an_interrupted_preparation_forgets_nothing_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips that are kept from before are not decoded again, and what was odd about them is still known."""
    source = odd_folder(tmp_path / "in")
    real, calls = convert._convert_one, []

    def dies_at_ten(*arguments: Any) -> Any:
        calls.append(arguments[1])
        if len(calls) == 10:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(convert, "_convert_one", dies_at_ten)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path, split_column="split", workers=1)
    monkeypatch.setattr(convert, "_convert_one", real)
    for name in ("clip00", "clip01"):  # decoding them again would not find it
        stamp = (source / "audio" / f"{name}.wav").stat()
        size = stamp.st_size
        content = encoded(tone(300), subtype="PCM_16")
        (source / "audio" / f"{name}.wav").write_bytes(content + bytes(size - len(content)))
        os.utime(source / "audio" / f"{name}.wav", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert remembered(prepare(source, tmp_path, split_column="split")) == ODD


def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    write_audio(source, "audio/clip01.wav", 20000 * tone(300), subtype="FLOAT")
    saved(source / "audio" / "clip02.wav", encoded(sound())[:30000])
    shutil.copy(source / "audio" / "clip03.wav", source / "audio" / "clip03.raw")
    rows = scene_rows()
    rows[3]["filename"] = "audio/clip03.raw"
    write_table(source / "metadata.csv", rows)
    with pytest.raises(AudioError) as caught:
        prepare(source, tmp_path, split_column="split")
    message = str(caught.value)
    assert "3 of 24 recordings cannot be used" in message
    for name, why in (("clip01.wav", "another scale"), ("clip02.wav", "cut short"), ("clip03.raw", "has no header")):
        assert any(name in line and why in line for line in message.splitlines())
    assert not (tmp_path / "pets-v1-full").exists()


def test_the_same_recording_twice(tmp_path: Path) -> None:
    """Equal content counts, whatever the file; silence does not."""
    source = scene_folder(tmp_path / "in")
    audio = source / "audio"
    shutil.copy(audio / "clip00.wav", audio / "clip03.wav")  # dog in train, dog in test
    shutil.copy(audio / "clip01.wav", audio / "clip05.wav")  # dog in train, cat in train
    samples, rate_hz = soundfile.read(audio / "clip02.wav", dtype="int16")
    soundfile.write(audio / "clip06.wav", samples, rate_hz, format="FLAC")  # dog in valid, cat in valid
    for name in ("clip07", "clip08"):  # cat in test, dog in train
        write_audio(source, f"audio/{name}.wav", np.zeros(800, np.float32))
    found = remembered(prepare(source, tmp_path, split_column="split"))
    assert found["same recording in several splits"] == {"audio/clip00.wav": "in train; 'audio/clip03.wav' in test"}
    assert found["same recording with other labels"] == {
        "audio/clip01.wav": "and 'audio/clip05.wav'",
        "audio/clip02.wav": "and 'audio/clip06.wav'",
    }


def test_labels_and_groups_that_look_the_same_are_one(tmp_path: Path) -> None:
    rows = scene_rows()
    for i, row in enumerate(rows):
        row["label"] = row["label"].replace("cat", "m\u00e9 chat")
        row["speaker"] = row["speaker"].replace("s0", "jos\u00e9")
        if i % 8 == 7:
            row["label"] = "me\u0301\u00a0chat\u200b"
        if i % 8 == 0:
            row["speaker"] = "jose\u0301"
    task = prepare(scene_folder(tmp_path / "in", rows), tmp_path, split_column="split", group_column="speaker")
    assert task.vocabulary == ("dog", "m\u00e9 chat")
    assert set(task.groups("train").values()) == {"jos\u00e9", "s1"}
    assert remembered(task)["respelled"] == {"m\u00e9 chat": "column label", "jos\u00e9": "column speaker"}


def test_labels_that_nearly_look_the_same_are_told(tmp_path: Path) -> None:
    rows = [
        row | {"label": f"{row['label']}{'' if i % 8 < 4 else ' Big'[: i // 8 * 4]}"}
        for i, row in enumerate(scene_rows())
    ]
    for row in rows[::8]:
        row["label"] = "DOG"
    task = prepare(scene_folder(tmp_path / "in", rows), tmp_path, split_column="split", allow_untrained_labels=True)
    assert remembered(task)["similar spellings"] == {"DOG": "label, like 'dog'"}
    assert {"DOG", "dog"} <= set(task.vocabulary)


@pytest.mark.parametrize(
    ("one", "other", "same", "similar"),
    [
        ("\u00e9", "e\u0301", True, True),
        ("a b", "a\u00a0b", True, True),
        ("a", "a\u200b", True, True),
        ("a", "\ufeffa\u00ad", True, True),
        ("\ud55c", "\u1112\u1161\u11ab", True, True),
        ("dog", "Dog", False, True),
        ("a b", "a  b", False, True),
        ("fish", "\ufb01sh", False, True),
        ("cat", "\u0441at", False, True),
        ("BAT", "\u0412\u0410\u0422", False, True),
        ("\u0646\u0645\u06cc", "\u0646\u200c\u0645\u06cc", False, True),
        ("stra\u00dfe", "strasse", False, True),
        ("cat", "cot", False, False),
        ("1", "01", False, False),
        ("air-con", "air_con", False, True),
        ("air con", "air_con", False, True),
        ("-1", "1", False, False),
        ("e", "\u00e9", False, False),
    ],
)
def test_what_looks_the_same(one: str, other: str, same: bool, similar: bool) -> None:
    assert (one_spelling(one) == one_spelling(other)) == same
    if not same:
        assert bool(similar_names([one_spelling(one), one_spelling(other)], "label")) == similar


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1.5", 1500.0),
        ("0", 0.0),
        ("-0", 0.0),
        (" 2 ", 2000.0),
        (".25", 250.0),
        ("3.", 3000.0),
        ("1e-3", 1.0),
        ("+1E1", 1e4),
    ],
)
def test_seconds(cell: str, expected: float) -> None:
    found = milliseconds(cell, "here")
    assert found == expected
    assert str(found)[0] != "-"


@pytest.mark.parametrize(
    "cell",
    [
        "1_0",
        "nan",
        "inf",
        "-Infinity",
        "1e400",
        "1e306",
        "\u0661",
        "\uff11",
        "\u00b2",
        "1,5",
        "0x10",
        "1 0",
        "",
        " ",
        ".",
        "1e",
        "--1",
        "1\n",
        "1.0s",
        "\u00a01",
        "true",
        "1" * 5000,
    ],
)
def test_what_is_no_number_of_seconds(cell: str) -> None:
    with pytest.raises(TaskError, match=r"(?s)here: .* is not a (finite )?number of seconds"):
        milliseconds(cell, "here")


def test_a_label_that_has_events_after_the_end_only_goes(tmp_path: Path) -> None:
    events = [{"filename": f"c{i}.flac", "onset_s": 0.1, "offset_s": 0.9, "label": "bell"} for i in range(6)]
    late = {"filename": "c0.flac", "onset_s": 2.2, "offset_s": 2.8, "label": "ghost"}
    task = prepare(
        event_folder(tmp_path / "in", events=[*events, late]), tmp_path, events_file="events.csv", split_column="split"
    )
    assert task.vocabulary == ("bell",)
    assert task.card.n_classes == 1
    assert remembered(task) == {"left out events": {"c0.flac": "'ghost' from 2.200 to 2.800 s"}}
    nothing = [event | {"onset_s": 2.0, "offset_s": 2.5} for event in events]
    with pytest.raises(TaskError, match="Every event begins after the end of its clip"):
        prepare(
            event_folder(tmp_path / "none", events=nothing),
            tmp_path,
            "none",
            events_file="events.csv",
            split_column="split",
        )
    thousandfold = [events[0] | {"onset_s": 1200, "offset_s": 1400}, *events[1:]]
    with pytest.raises(
        TaskError, match=r"'c0.flac' lasts 2.000 s, .* ends at 1400.000 s \(are its times in milliseconds"
    ):
        prepare(
            event_folder(tmp_path / "ms", events=thousandfold),
            tmp_path,
            "ms",
            events_file="events.csv",
            split_column="split",
        )


@pytest.mark.parametrize("start", ["1_0", True, "10", "\u0661", None, [1], 10**400])
def test_times_in_a_tasks_json_are_numbers(tmp_path: Path, start: Any) -> None:
    events = [{"filename": f"c{i}.flac", "onset_s": 0.1, "offset_s": 0.9, "label": "bell"} for i in range(6)]
    task = prepare(
        event_folder(tmp_path / "in", events=events), tmp_path, events_file="events.csv", split_column="split"
    )
    path = task.directory / "test.json"
    content = json.loads(path.read_text())
    content["c3.wav"][0]["start"] = start
    path.write_text(json.dumps(content))
    with pytest.raises(TaskError, match=r"'c3\.wav' has the event|an integer of more than 64 bits"):
        PreparedTask.open(task.directory)
