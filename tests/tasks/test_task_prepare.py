"""A folder of recordings becomes a task: layout, and everything that can be wrong."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from task_folders import event_folder, prepare, scene_folder, scene_rows, tone, write_audio, write_table

from hear_audiomosaic.errors import AudioError, TaskError
from hear_audiomosaic.tasks import PreparedTask, find_task
from hear_audiomosaic.tasks.folder import flat_names, parse_where, read_table


def test_split_column(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    task = prepare(source, tmp_path / "out", split_column="split", rates_hz=[16000, 8000])
    assert task.directory == tmp_path / "out" / "pets-v1-full"
    assert task.vocabulary == ("cat", "dog")
    assert {split: len(task.files(split)) for split in task.splits} == {"train": 12, "valid": 6, "test": 6}
    assert task.rates_hz == (8000, 16000)
    assert task.missing_audio() == []
    audio = soundfile.info(task.audio_path("train", "clip00.wav", 8000))
    assert (audio.samplerate, audio.frames, audio.channels, audio.subtype) == (8000, 400, 1, "PCM_16")
    metadata = json.loads((task.directory / "task_metadata.json").read_text())
    assert metadata["sample_duration"] == 0.05
    assert metadata["evaluation"] == ["top1_acc", "mAP", "d_prime", "aucroc"]
    assert metadata["split_mode"] == "trainvaltest"
    assert "evaluation_params" not in metadata
    assert (task.card.n_clips, task.card.n_classes, task.card.chance) == (24, 2, 0.5)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".locks", "pets-v1-full"]
    same = read_pcm(task, "train", "clip00.wav")
    np.testing.assert_allclose(same, tone(200), atol=2 / 32768)


def read_pcm(task: PreparedTask, split: str, file: str) -> Any:
    return soundfile.read(task.audio_path(split, file, 16000), dtype="float32")[0]


def test_folds_are_sorted_as_numbers(tmp_path: Path) -> None:
    task = prepare(scene_folder(tmp_path / "in"), tmp_path, fold_column="fold", group_column="speaker")
    assert task.card.split_mode == "presplit_kfold"
    assert task.splits == ("fold00", "fold01", "fold02", "fold03")
    assert set(task.groups("fold02").values()) == {"s2"}
    metadata = json.loads((task.directory / "task_metadata.json").read_text())
    assert metadata["nfolds"] == 4
    assert metadata["hear_audiomosaic"]["fold_values"] == {"fold00": "1", "fold01": "2", "fold02": "10", "fold03": "11"}


def test_new_folds_along_groups(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    task = prepare(source, tmp_path, group_column="speaker", folds=3)
    assert task.card.split_mode == "new_split_kfold"
    owners = [set(task.groups(split).values()) for split in task.splits]
    assert sorted(len(owner) for owner in owners) == [1, 1, 2]
    assert len(set().union(*owners)) == 4


def test_tags(tmp_path: Path) -> None:
    task = prepare(scene_folder(tmp_path / "in"), tmp_path, label_column="tags", separator="|", split_column="split")
    assert task.card.prediction_type == "multilabel"
    assert task.vocabulary == ("a", "b", "c")
    assert task.card.evaluation == ("mAP", "d_prime", "aucroc", "top1_acc")
    assert task.labels("train")["clip00.wav"] == ["a", "b"]
    assert task.labels("valid")["clip02.wav"] == []


def test_labels_survive_as_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row | {"label": "NA" if row["label"] == "dog" else "01"} for row in scene_rows()]
    with caplog.at_level(logging.WARNING):
        task = prepare(scene_folder(tmp_path / "in", rows), tmp_path, split_column="split")
    assert task.vocabulary == ("01", "NA")
    assert "heareval would read" in caplog.text


def test_colliding_names() -> None:
    names = flat_names(["yes/1.wav", "no/1.ogg", "no/2.flac", "A.wav", "b/a.wav", "b_a.mp3", "b/a.ogg"])
    assert names["no/2.flac"] == "2.wav"
    assert (names["yes/1.wav"], names["no/1.ogg"]) == ("yes_1.wav", "no_1.wav")
    assert len({name.lower() for name in names.values()}) == len(names)
    assert names == {source: flat_names(sorted(names, reverse=True))[source] for source in names}


def test_different_lengths_have_no_sample_duration(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    write_audio(source, "audio/clip05.wav", tone(300, 0.06))
    assert prepare(source, tmp_path, split_column="split").card.sample_duration_s is None


def test_events(tmp_path: Path) -> None:
    source = event_folder(tmp_path / "in")
    options: dict[str, Any] = {"events_file": "events.csv", "where": ["level=fine"], "split_column": "split"}
    task = prepare(source, tmp_path, **options)
    assert (task.card.embedding_type, task.card.prediction_type) == ("event", "multilabel")
    assert task.card.evaluation == ("event_onset_200ms_fms", "segment_1s_er")
    assert task.card.event_postprocessing_grid is None
    assert task.labels("train")["c0.wav"] == [
        {"label": "bell", "start": 100.0, "end": 700.0},
        {"label": "knock", "start": 570.0, "end": 1170.0},
    ]
    assert task.labels("train")["c5.wav"] == []
    assert task.card.sample_duration_s == 2.0
    given = prepare(source, tmp_path, "given", median_filter_ms=[100], evaluation=["event_onset_50ms_fms"], **options)
    assert given.card.event_postprocessing_grid == {"median_filter_ms": (100,), "min_duration": (125, 250)}
    assert given.card.evaluation == ("event_onset_50ms_fms",)


def test_short_events_are_neither_filtered_nor_dropped_by_default(tmp_path: Path) -> None:
    source = event_folder(tmp_path / "in", length_s=0.1)
    task = prepare(source, tmp_path, events_file="events.csv", where={"level": "fine"}, split_column="split")
    metadata = json.loads((task.directory / "task_metadata.json").read_text())
    assert metadata["evaluation_params"]["event_postprocessing_grid"] == {"median_filter_ms": [0], "min_duration": [0]}


def test_events_are_cut_at_the_end_of_their_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def events(*last: tuple[float, float]) -> list[dict[str, Any]]:
        every = [{"filename": f"c{i}.flac", "onset_s": 0.1, "offset_s": 0.9, "label": "bell"} for i in range(6)]
        return every + [{"filename": "c3.flac", "onset_s": a, "offset_s": b, "label": "bell"} for a, b in last]

    source = event_folder(tmp_path / "in", events=events((1.5, 2.4), (2.1, 2.2)))
    with caplog.at_level(logging.WARNING):
        task = prepare(source, tmp_path, events_file="events.csv", split_column="split")
    assert [event["end"] for event in task.labels("test")["c3.wav"]] == [900.0, 2000.0]
    assert "these are cut there: 'c3.flac' ('bell' from 1.500 to 2.400 s)" in caplog.text
    assert "these are left out, and with them labels that have no other event: 'c3.flac' ('bell' from" in caplog.text
    write_table(source / "events.csv", events((1.5, 3.1)))
    with pytest.raises(TaskError, match=r"'c3.flac' lasts 2.000 s, but its event 'bell' from 1.500 s ends at 3.100 s"):
        prepare(source, tmp_path, "other", events_file="events.csv", split_column="split")


def test_conditions_reach_the_table_that_has_the_column(tmp_path: Path) -> None:
    source = event_folder(tmp_path / "in")
    rows = [
        {"filename": f"c{i}.flac", "kind": "xy"[i % 2], "split": ("train", "valid", "test")[i // 2]} for i in range(6)
    ]
    write_table(source / "metadata.csv", rows)
    options: dict[str, Any] = {"events_file": "events.csv", "split_column": "split"}
    task = prepare(source, tmp_path, where=["level=fine", "kind=x"], **options)
    assert [task.files(split) for split in task.splits] == [("c0.wav",), ("c2.wav",), ("c4.wav",)]
    either = prepare(source, tmp_path, "all", where=["level=fine", "kind=x", "kind=y"], **options)
    assert either.card.n_clips == 6
    assert parse_where(["a=b=c"]) == (("a", "b=c"),)


def test_validation_held_out_of_training(tmp_path: Path) -> None:
    rows = [row | {"split": row["split"].replace("valid", "train")} for row in scene_rows(80)]
    source = scene_folder(tmp_path / "in", rows)
    with pytest.raises(TaskError, match="marks no clip as valid"):
        prepare(source, tmp_path, split_column="split")
    task = prepare(source, tmp_path, split_column="split", hold_out_valid=True)
    assert [len(task.files(split)) for split in task.splits] == [53, 7, 20]


def changed(index: int, **cells: Any) -> list[dict[str, Any]]:
    rows = scene_rows()
    rows[index] |= cells
    return rows


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (None, {}, "exactly one of --split COLUMN, --fold COLUMN, or --group COLUMN together with --folds K"),
        (None, {"split_column": "split", "fold_column": "fold"}, "exactly one of"),
        (None, {"folds": 3}, "name their column with --group"),
        (None, {"folds": 2, "group_column": "speaker"}, "at least 3 folds"),
        (None, {"folds": 5, "group_column": "speaker"}, "4 groups cannot fill 5 folds"),
        (None, {"split_column": "part"}, r"no column 'part' \(--split\); its columns are: filename, label, split"),
        (None, {"fold_column": "part"}, r"no column 'part' \(--fold\)"),
        (None, {"split_column": "split", "group_column": "who"}, r"no column 'who' \(--group\)"),
        (None, {"split_column": "split", "label_column": "class"}, r"no column 'class' \(--label\); its columns are"),
        (None, {"split_column": "split", "label_column": None}, "Which column .* There are: filename"),
        (None, {"split_column": "split", "where": ["colour=red"]}, r"no column 'colour' \(--where\)"),
        (None, {"split_column": "split", "where": ["label"]}, "--where expects COLUMN=VALUE, found 'label'"),
        (None, {"split_column": "split", "where": ["label=cow"]}, "no row has label=cow .* its values are: cat, dog"),
        (None, {"split_column": "split", "rates_hz": []}, "expects sample rates from 1000 to 384000 Hz"),
        (None, {"split_column": "split", "evaluation": ["acc"]}, "Task pets: .*'acc' is not a score of a scene task"),
        (None, {"split_column": "split", "evaluation": ["chroma_acc"]}, "consecutive whole numbers"),
        (None, {"split_column": "split", "median_filter_ms": [10]}, "for tasks with --events"),
        (None, {"split_column": "split", "facts": {"colour": 1}}, "colour: Extra inputs"),
        (changed(3, split="dev"), {"split_column": "split"}, r"holds 'dev'; expected train, valid, test"),
        (changed(3, split=""), {"split_column": "split"}, r"holds ''; expected train, valid, test"),
        (changed(3, label=" "), {"split_column": "split"}, "line 5: 'audio/clip03.wav' has an empty label"),
        (changed(3, fold=""), {"fold_column": "fold"}, "'audio/clip03.wav' has an empty fold"),
        (changed(3, speaker=""), {"folds": 3, "group_column": "speaker"}, "has an empty speaker"),
        (changed(3, filename="audio/clip02.wav"), {"split_column": "split"}, "stands in lines 4 and 5"),
        (
            changed(3, filename="./audio/clip02.wav"),
            {"split_column": "split"},
            r"lines 4 \(as 'audio/clip02.wav'\) and 5",
        ),
        (
            changed(3, filename="audio//clip02.wav"),
            {"split_column": "split"},
            r"lines 4 \(as 'audio/clip02.wav'\) and 5",
        ),
        (changed(3, filename="audio\\x.wav"), {"split_column": "split"}, "line 5: the recording's name .* is a path"),
        (
            changed(3, filename=f"audio/{'x' * 300}.wav"),
            {"split_column": "split"},
            "line 5: .* has 304 bytes; .* rename",
        ),
        (changed(3, filename="../x.wav"), {"split_column": "split"}, "line 5: '../x.wav' is not a file name relative"),
        (changed(3, filename=""), {"split_column": "split"}, "line 5: '' is not a file name"),
        (changed(3, label="cow"), {"split_column": "split"}, "Of 3 labels 1 do not occur in train, .*: cow"),
        (changed(3, label="cow"), {"fold_column": "fold"}, "Of 3 labels 1 do not occur in fold00 .*: cow"),
        (
            changed(3, speaker="s0"),
            {"fold_column": "fold", "group_column": "speaker"},
            "1 groups stand in more than one split: 's0' in fold00 and fold03",
        ),
        (
            [row for row in scene_rows() if row["fold"] in ("2", "11")],
            {"fold_column": "fold"},
            "at least 3",
        ),
        ([row for row in scene_rows() if row["split"] != "test"], {"split_column": "split"}, "marks no clip as test"),
    ],
)
def test_wrong_tables_are_refused(
    tmp_path: Path, rows: list[dict[str, Any]] | None, options: dict[str, Any], message: str
) -> None:
    source = tmp_path / "in"
    scene_folder(source)
    if rows is not None:
        write_table(source / "metadata.csv", rows)
    with pytest.raises(TaskError, match=message):
        prepare(source, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("pets*"))


def test_rows_without_a_recording_are_refused(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    (source / "audio" / "clip07.wav").unlink()
    with pytest.raises(TaskError, match=r"1 recordings are not in .*'audio/clip07.wav' \(line 9\)"):
        prepare(source, tmp_path, split_column="split")
    with pytest.raises(TaskError, match=r"There is no .*metadata\.csv"):
        prepare(tmp_path, tmp_path, split_column="split")


def test_an_untrained_label_may_be_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = scene_folder(tmp_path / "in", changed(3, label="cow"))
    with caplog.at_level(logging.WARNING):
        task = prepare(source, tmp_path, split_column="split", allow_untrained_labels=True)
    assert task.vocabulary == ("cat", "cow", "dog")
    assert "do not occur in train" in caplog.text


def test_a_label_that_a_test_split_lacks_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        prepare(scene_folder(tmp_path / "in", changed(0, label="cow")), tmp_path, split_column="split")
    assert "Of 3 labels 1 do not occur in valid: cow" in caplog.text


def test_labels_that_are_not_trained_and_labels_that_are_not_tested_are_both_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = changed(0, label="cow")
    rows[3]["label"] = "emu"
    with caplog.at_level(logging.WARNING):
        prepare(scene_folder(tmp_path / "in", rows), tmp_path, split_column="split", allow_untrained_labels=True)
    told = [record.message for record in caplog.records]
    assert told == [
        "Of 4 labels 1 do not occur in train, which trains when test tests: emu",
        "Of 4 labels 2 do not occur in valid: cow, emu",
        "Of 4 labels 1 do not occur in test: cow",
        "pets: no training clip has the label 'emu', of which a probe can learn nothing",
        "pets: no test clip has the label 'cow', of which the score says nothing",
    ]


def test_a_column_called_group_is_kept_but_does_not_bind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row | {"group": "g0"} for row in scene_rows()]
    with caplog.at_level(logging.WARNING):
        task = prepare(scene_folder(tmp_path / "in", rows), tmp_path, fold_column="fold")
    assert "1 groups stand in more than one split" in caplog.text
    assert set(task.groups("fold00").values()) == {"g0"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"filename,label,label\na,b,c\n", "column 'label' more than once"),
        (b"filename,label\na\n", "line 2: 1 cells, but 2 columns"),
        (b"filename,label\n", "has no row"),
        (b"filename\n\xff\n", "as a UTF-8 CSV table"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(TaskError, match=message):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"onset_s": 0.9}, "lasts from 0.9 s to 0.7 s; expected 0 <= onset_s <= offset_s"),
        ({"onset_s": -0.1}, "expected 0 <= onset_s"),
        ({"onset_s": "soon"}, "'soon' is not a number of seconds"),
        ({"onset_s": "nan"}, "'nan' is not a number of seconds"),
        ({"onset_s": "1e400"}, "not a finite number"),
        ({"label": ""}, "the event of 'c0.flac' has an empty label"),
        ({"filename": "c9.flac"}, r"'c9\.flac' has no row in metadata\.csv"),
        ({"label": "knock", "onset_s": 0.57, "offset_s": 1.17}, "line 3: the same event as in line 2"),
    ],
)
def test_wrong_events_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    source = event_folder(tmp_path / "in")
    events = list(read_table(source / "events.csv").only("level", ["fine"]).rows)
    events[1] = events[1] | {"offset_s": "0.7"} | {key: str(value) for key, value in change.items()}
    write_table(source / "events.csv", events)
    with pytest.raises(TaskError, match=message):
        prepare(source, tmp_path, events_file="events.csv", split_column="split")


def test_event_options_are_checked(tmp_path: Path) -> None:
    source = event_folder(tmp_path / "in")
    for options, message in (
        ({"events_file": "none.csv"}, r"There is no .*none\.csv"),
        ({"events_file": "metadata.csv"}, "no column 'onset_s'"),
        ({"events_file": "events.csv", "label_column": "class"}, r"events\.csv has no column 'class' \(--label\)"),
        ({"events_file": "events.csv", "separator": "|"}, "an event has one label"),
        ({"events_file": "events.csv", "where": ["colour=red"]}, r"--where; nor has events\.csv"),
        ({"events_file": "events.csv"}, "line 3: the same event as in line 2"),
    ):
        with pytest.raises(TaskError, match=message):
            prepare(source, tmp_path, split_column="split", **options)


def test_all_broken_recordings_are_named(tmp_path: Path) -> None:
    source = scene_folder(tmp_path / "in")
    (source / "audio" / "clip01.wav").write_bytes(b"RIFF nonsense")
    (source / "audio" / "clip02.wav").write_bytes(b"")
    write_audio(source, "audio/clip03.wav", np.zeros(0, np.float32))
    write_audio(source, "audio/clip04.wav", np.array([0.0, np.nan], np.float32), subtype="FLOAT")
    with pytest.raises(AudioError) as caught:
        prepare(source, tmp_path, split_column="split")
    message = str(caught.value)
    assert "4 of 24 recordings cannot be used" in message
    assert all(f"clip0{i}.wav" in message for i in (1, 2, 3, 4))
    with pytest.raises(TaskError, match="not prepared"):
        find_task("pets", tmp_path)
    for i in (1, 2, 3, 4):
        write_audio(source, f"audio/clip0{i}.wav", tone(200 + 20 * i))
    assert prepare(source, tmp_path, split_column="split").missing_audio() == []
