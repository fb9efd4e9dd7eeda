"""Opening task folders in HEAR's layout, whoever made them."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from names_that_are_paths import ATTACKS, HARMLESS

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask, find_task, list_rows
from hear_audiomosaic.tasks.layout import heareval_spelling, read_vocabulary, sort_labels, write_vocabulary

METADATA: dict[str, Any] = {
    "task_name": "dogs",
    "version": "v1",
    "mode": "full",
    "embedding_type": "scene",
    "prediction_type": "multiclass",
    "split_mode": "trainvaltest",
    "sample_duration": None,
    "evaluation": ["top1_acc"],
    "splits": ["train", "valid", "test"],
    "tmp_dir": "_workdir",
}
EVENTS = METADATA | {"embedding_type": "event", "prediction_type": "multilabel", "evaluation": ["segment_1s_er"]}


def make(folder: Path, metadata: dict[str, Any], labels: dict[str, Any], vocabulary: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task_metadata.json").write_text(json.dumps(metadata))
    (folder / "labelvocabulary.csv").write_text(vocabulary)
    for split in metadata["splits"]:
        (folder / f"{split}.json").write_text(json.dumps(labels.get(split, {f"{split}.wav": ["01"]})))
    return folder


def test_a_scene_task_opens(tmp_path: Path) -> None:
    train = {"b.wav": ["01"], "a.wav": ["NA"]}
    folder = make(tmp_path / "dogs-v1-full", METADATA, {"train": train}, "idx,label\n0,01\n1,NA\n")
    for rate in ("16000", "48000", "22050", "16000.old", "audio"):
        (folder / rate).mkdir()
    task = PreparedTask.open(folder)
    assert task.vocabulary == ("01", "NA")
    assert task.splits == ("train", "valid", "test")
    assert task.labels("train") == {"b.wav": ["01"], "a.wav": ["NA"]}
    assert task.files("train") == ("b.wav", "a.wav")
    assert task.rates_hz == (16000, 22050, 48000)
    assert [task.best_rate(rate) for rate in (8000, 16000, 16001, 32000, 96000)] == [16000, 16000, 22050, 48000, 48000]
    assert task.audio_path("train", "b.wav", 16000) == folder / "16000" / "train" / "b.wav"
    assert task.groups("train") == {}
    assert len(task.missing_audio()) == 3 * 4
    with pytest.raises(TaskError, match="no split 'dev'; it has train, valid, test"):
        task.labels("dev")


def test_integer_labels_are_strings_here(tmp_path: Path) -> None:
    labels = {"train": {"a.wav": [{"label": 60, "start": 0, "end": 250.5}], "b.wav": []}}
    labels |= {split: {f"{split}.wav": [{"label": 61, "start": 1, "end": 1}]} for split in ("valid", "test")}
    task = PreparedTask.open(make(tmp_path / "dogs-v1-full", EVENTS, labels, "idx,label\n0,60\n1,61\n"))
    assert task.labels("train") == {"a.wav": [{"label": "60", "start": 0.0, "end": 250.5}], "b.wav": []}


def test_heareval_s_own_folders_open(shared: Path) -> None:
    task = PreparedTask.open(shared / "goldens/heareval/embeddings/synth_notes-v1-small")
    assert task.vocabulary == tuple(str(pitch) for pitch in range(60, 72))
    assert all(isinstance(event["label"], str) for events in task.labels("fold00").values() for event in events)
    assert task.rates_hz == ()
    with pytest.raises(TaskError, match="has no audio"):
        task.best_rate(16000)
    digits = PreparedTask.open(shared / "goldens/heareval/embeddings/fsdd_digits-v1-small")
    assert [len(digits.files(split)) for split in digits.splits] == [240, 80, 80]


def test_digest_tells_labels_order_vocabulary_and_metadata(tmp_path: Path) -> None:
    two = {"train": {"a.wav": ["x"], "b.wav": ["x"]}, "valid": {"c.wav": ["x"]}, "test": {"d.wav": ["y"]}}
    swapped = two | {"train": {"b.wav": ["x"], "a.wav": ["x"]}}
    relabelled = two | {"train": {"a.wav": ["y"], "b.wav": ["x"]}}
    xy = "idx,label\n0,x\n1,y\n"
    digests = [
        PreparedTask.open(make(tmp_path / str(i), *content)).digest
        for i, content in enumerate(
            [
                (METADATA, two, xy),
                (METADATA, two, xy),
                (METADATA, swapped, xy),
                (METADATA, relabelled, xy),
                (METADATA, two, "idx,label\n1,x\n0,y\n"),
                (METADATA | {"sample_duration": 1.0}, two, xy),
            ]
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5
    assert len(digests[0]) == 64


@pytest.mark.parametrize(
    ("metadata", "labels", "vocabulary", "message"),
    [
        (METADATA, {"valid": {"v.wav": ["cat"]}}, "idx,label\n0,01\n", r"valid\.json: 'v\.wav' has the label 'cat'"),
        (METADATA, {"valid": {"v.wav": []}}, "idx,label\n0,01\n", "has 0 labels; a multiclass clip has exactly one"),
        (METADATA, {"valid": {"v.wav": "01"}}, "idx,label\n0,01\n", "must have a list of labels"),
        (METADATA, {"valid": {}}, "idx,label\n0,01\n", r"valid\.json names no clip"),
        (METADATA, {}, "idx,label\n1,01\n", "idx must run from 0"),
        (METADATA, {}, "index,label\n0,01\n", "must have the columns idx,label"),
        (METADATA, {}, "idx,label\n0,01\n1,01\n", "no label twice"),
        (METADATA, {}, "idx,label\n", "at least one label"),
        (METADATA | {"splits": ["train", "test"]}, {}, "idx,label\n0,01\n", "train, valid, test"),
        (EVENTS, {}, "idx,label\n0,01\n", "expected label, start and end in ms"),
        (
            EVENTS,
            {"train": {"a.wav": [{"label": "01", "start": 5.0, "end": 4.0}]}},
            "idx,label\n0,01\n",
            "expected 0 <= start <= end",
        ),
    ],
)
def test_wrong_folders_are_refused(
    tmp_path: Path, metadata: dict[str, Any], labels: dict[str, Any], vocabulary: str, message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        PreparedTask.open(make(tmp_path / "dogs-v1-full", metadata, labels, vocabulary))


def test_missing_and_broken_files_are_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "dogs-v1-full", METADATA, {}, "idx,label\n0,01\n")
    (folder / "test.json").write_text("{")
    with pytest.raises(TaskError, match=r"test\.json cannot be read: it is not valid JSON"):
        PreparedTask.open(folder)
    (folder / "test.json").unlink()
    with pytest.raises(TaskError, match=r"not a task folder in HEAR's layout: it has no test\.json"):
        PreparedTask.open(folder)
    with pytest.raises(TaskError, match=r"no task_metadata\.json"):
        PreparedTask.open(tmp_path / "none")


def test_one_name_in_two_splits_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = {split: {"same.wav": ["01"]} for split in METADATA["splits"]}
    with caplog.at_level(logging.WARNING):
        PreparedTask.open(make(tmp_path / "dogs-v1-full", METADATA, labels, "idx,label\n0,01\n"))
    assert "more than one split (same.wav" in caplog.text


def test_find_task(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        make(tmp_path / f"dogs-{version}-full", METADATA | {"version": version}, {}, "idx,label\n0,01\n")
    make(tmp_path / "cats-v1-full", METADATA | {"task_name": "cats"}, {}, "idx,label\n0,01\n")
    make(tmp_path / ".cows-v1-full.part", METADATA, {}, "idx,label\n0,01\n")
    assert find_task("dogs-v2", tmp_path).card.version == "v2"
    assert find_task("cats", tmp_path).directory.name == "cats-v1-full"
    for name, message in (
        ("dogs", "names several tasks in .*: dogs-v1-full, dogs-v2-full"),
        (
            "cows",
            r"not prepared in .* \(there: cats-v1-full, dogs-v1-full, dogs-v2-full\).*prepare DIR --name cows",
        ),
        ("esc50", "tasks fetch esc50-v2.0.0-full"),
        ("../cats", "not a task name"),
        ("", "not a task name"),
    ):
        with pytest.raises(TaskError, match=message):
            find_task(name, tmp_path)
    with pytest.raises(TaskError, match="there: nothing"):
        find_task("dogs", tmp_path / "none")
    own = [row for row in list_rows(None, tmp_path) if row["suite"] is None]
    assert [row["task"] for row in own] == ["cats-v1-full", "dogs-v1-full", "dogs-v2-full"]


@pytest.mark.parametrize("labels", [("NA", "a,b", 'say "x"', "über", "01"), ("0", "1"), ("two\nlines",)])
def test_vocabulary_round_trip(tmp_path: Path, labels: tuple[str, ...]) -> None:
    write_vocabulary(tmp_path / "v.csv", labels)
    assert read_vocabulary(tmp_path / "v.csv") == labels
    assert (tmp_path / "v.csv").read_bytes().startswith(b"idx,label\n0,")


def test_labels_that_heareval_would_misread() -> None:
    assert heareval_spelling(("cat", "dog")) == {}
    assert heareval_spelling(("0", "1", "10")) == {}
    assert heareval_spelling(("01", "02")) == {"01": "1", "02": "2"}
    assert heareval_spelling(("NA", "dog")) == {"NA": "nan"}


def test_order_of_labels() -> None:
    assert sort_labels(["100", "21", "9", "21"]) == ("9", "21", "100")
    assert sort_labels(["b", "B", "a", "10"]) == ("10", "B", "a", "b")


def test_groups_have_a_digest_of_their_own_and_are_counted(tmp_path: Path) -> None:
    labels = {split: {f"{split}{i}.wav": ["01"] for i in range(3)} for split in METADATA["splits"]}
    folder = make(tmp_path / "dogs-v1-full", METADATA, labels, "idx,label\n0,01\n")
    alone = PreparedTask.open(folder)
    assert (alone.groups_digest, alone.n_groups, alone.shared_group_clips) == (None, None, None)
    groups = {"train0.wav": "rex", "valid0.wav": "bo", "test0.wav": "rex", "test1.wav": "ida", "no_clip.wav": "x"}
    (folder / "groups.json").write_text(json.dumps(groups))
    task = PreparedTask.open(folder)
    assert task.digest == alone.digest
    assert task.groups_digest is not None
    assert (task.n_groups, task.shared_group_clips) == (3, 1)  # rex, ida, and test2 is one of its own
    (folder / "groups.json").write_text(json.dumps(groups | {"test1.wav": "bo"}))
    other = PreparedTask.open(folder)
    assert other.groups_digest != task.groups_digest
    assert (other.n_groups, other.shared_group_clips) == (3, 2)  # a group of valid is shared, too


def test_groups_are_counted_over_folds(tmp_path: Path) -> None:
    folds = ["fold00", "fold01", "fold02", "fold03"]
    metadata = METADATA | {"split_mode": "presplit_kfold", "splits": folds}
    labels = {split: {f"{split}_{i}.wav": ["01"] for i in range(2)} for split in folds}
    folder = make(tmp_path / "dogs-v1-full", metadata, labels, "idx,label\n0,01\n")
    groups = {f"{split}_{i}.wav": f"{split} {i}" for split in folds for i in range(2)}
    (folder / "groups.json").write_text(json.dumps(groups))
    task = PreparedTask.open(folder)
    assert (task.n_groups, task.shared_group_clips) == (8, 0)
    (folder / "groups.json").write_text(json.dumps(groups | {"fold00_0.wav": "fold02 1"}))
    task = PreparedTask.open(folder)
    assert (task.n_groups, task.shared_group_clips) == (7, 2)


FOLDS = METADATA | {"split_mode": "new_split_kfold"}
HALF = r"\.json cannot be read: it holds half a character"
PLAIN = r"task_metadata\.json: splits: Value error, the split .* it is used as a file name"


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_splits_are_plain_names(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "tasks" / "dogs-v1-full", METADATA, {}, "idx,label\n0,01\n")
    (folder / "task_metadata.json").write_text(json.dumps(FOLDS | {"splits": ["a", "b", name]}))
    for split in ("a", "b", "../x", "a/b"):
        (folder / f"{split}.json").parent.mkdir(exist_ok=True)
        (folder / f"{split}.json").write_text('{"c.wav": ["01"]}')
    with pytest.raises(TaskError, match=HALF if name == "\udcff" else PLAIN):
        PreparedTask.open(folder)


@pytest.mark.parametrize("name", ["task_metadata", "groups", "preparation", "x" * 201])
def test_splits_take_no_name_of_another_file(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "dogs-v1-full", METADATA, {}, "idx,label\n0,01\n")
    (folder / "task_metadata.json").write_text(json.dumps(FOLDS | {"splits": ["a", "b", name]}))
    with pytest.raises(TaskError, match=r"task_metadata\.json: splits: .*rename it"):
        PreparedTask.open(folder)


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_clips_are_plain_names(tmp_path: Path, name: str) -> None:
    labels = {"valid": {"c00.wav": ["01"], name: ["01"]}}
    folder = make(tmp_path / "dogs-v1-full", METADATA, labels, "idx,label\n0,01\n")
    plain = r"valid\.json: the clip .* it is used as a file name: rename it"
    with pytest.raises(TaskError, match=HALF if name == "\udcff" else plain):
        PreparedTask.open(folder)


def test_harmless_names_open(tmp_path: Path) -> None:
    labels = {"valid": {name: ["01"] for name in HARMLESS}}
    task = PreparedTask.open(make(tmp_path / "dogs-v1-full", METADATA, labels, "idx,label\n0,01\n"))
    assert task.files("valid") == HARMLESS


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_no_task_has_such_a_name(tmp_path: Path, name: str) -> None:
    make(tmp_path / "x", METADATA, {}, "idx,label\n0,01\n")
    with pytest.raises(TaskError, match="is not a task name"):
        find_task(name, tmp_path / "tasks")


def test_a_folder_is_called_by_its_name_however_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "dogs-v1-full", METADATA, {}, "idx,label\n0,01\n")
    (folder / "16000").mkdir()
    monkeypatch.chdir(folder)
    for given in (Path(), folder / "16000" / ".."):
        assert PreparedTask.open(given).directory.name == "dogs-v1-full"


def test_the_folder_of_a_card_can_be_made(tmp_path: Path) -> None:
    folder = make(tmp_path / "dogs-v1-full", METADATA | {"task_name": "d" * 250}, {}, "idx,label\n0,01\n")
    with pytest.raises(TaskError, match=re.escape("has 258 bytes")):
        PreparedTask.open(folder)
