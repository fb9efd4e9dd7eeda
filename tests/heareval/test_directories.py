from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from names_that_are_paths import ATTACKS
from small_tasks import changed, with_card

from hear_audiomosaic.errors import EmbeddingError, TaskError
from hear_audiomosaic.heareval.labels import read_vocabulary
from hear_audiomosaic.heareval.read import read_heareval_directory
from hear_audiomosaic.heareval.write import write_heareval_directory, write_predictions
from hear_audiomosaic.probing import ProbeTask, frame_labels, multi_hot, run_protocol

DIGITS, NOTES = "fsdd_digits-v1-small", "synth_notes-v1-small"


@pytest.fixture
def copied(shared: Path, tmp_path: Path):
    def copy(name: str) -> Path:
        target = tmp_path / name
        shutil.copytree(shared / "goldens" / "heareval" / "embeddings" / name, target, copy_function=shutil.copyfile)
        for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
            folder.chmod(0o755)
        return target

    return copy


def same(task: ProbeTask, other: ProbeTask) -> bool:
    for split, rows in task.splits.items():
        again = other.splits[split]
        assert again.files == rows.files
        for name in ("values", "targets", "row_file", "timestamps_ms"):
            np.testing.assert_array_equal(getattr(again, name), getattr(rows, name))
        if rows.reference is not None:
            assert again.reference.to_lists(again.files, other.vocabulary) == rows.reference.to_lists(
                rows.files, task.vocabulary
            )
    return (task.card, task.vocabulary) == (other.card, other.vocabulary)


def test_reads_what_heareval_wrote(copied) -> None:
    digits = read_heareval_directory(copied(DIGITS))
    assert (digits.name, digits.card.evaluation[0], digits.embedding_size) == ("fsdd_digits", "top1_acc", 192)
    assert [len(rows) for rows in digits.splits.values()] == [240, 80, 80]
    for rows in digits.splits.values():  # the file names begin with the digit
        assert [digits.vocabulary[column] for column in rows.targets.argmax(1)] == [file[0] for file in rows.files]


def test_reads_events_that_heareval_wrote(copied) -> None:
    directory = copied(NOTES)
    notes = read_heareval_directory(directory)
    assert notes.vocabulary == tuple(map(str, range(60, 72)))
    assert not notes.card.use_scoring_for_early_stopping
    assert notes.card.task_specific_param_grid["max_epochs"] == (50,)
    for split, rows in notes.splits.items():
        events = json.loads((directory / f"{split}.json").read_text())
        for number, file in enumerate(rows.files):
            mine = rows.row_file == number
            per_clip = np.load(directory / split / f"{file}.embedding.npy")
            np.testing.assert_array_equal(rows.values[mine], per_clip)
            labels = frame_labels(events[file], rows.timestamps_ms[mine].tolist())
            np.testing.assert_array_equal(rows.targets[mine], multi_hot(labels, notes.vocabulary))


@pytest.mark.parametrize("name", [DIGITS, NOTES])
def test_labels_from_json_where_there_is_no_pickle(copied, name: str) -> None:
    directory = copied(name)
    with_pickles = read_heareval_directory(directory)
    for path in directory.glob("*.pkl"):
        path.unlink()
    assert same(with_pickles, read_heareval_directory(directory))


@pytest.mark.parametrize("name", [DIGITS, NOTES])
def test_round_trip(copied, tmp_path: Path, name: str) -> None:
    task = read_heareval_directory(copied(name))
    write_heareval_directory(tmp_path / "again", task)
    assert (tmp_path / "again" / ".done.embeddings").exists()
    assert same(task, read_heareval_directory(tmp_path / "again"))
    original = json.loads((tmp_path / name / f"{next(iter(task.splits))}.json").read_text())
    again = json.loads((tmp_path / "again" / f"{next(iter(task.splits))}.json").read_text())
    assert list(again) == list(original)


def test_round_trip_of_tags(tagging_task: ProbeTask, tmp_path: Path) -> None:
    task = dataclasses.replace(tagging_task, vocabulary=("01", "02", "10"))
    write_heareval_directory(tmp_path / "tags", task)
    assert same(task, read_heareval_directory(tmp_path / "tags"))
    written = json.loads((tmp_path / "tags" / "train.json").read_text()).values()
    assert {label for row in written for label in row} == {"1", "2", "10"}  # as heareval reads the vocabulary
    merged = dataclasses.replace(tagging_task, vocabulary=("NA", "null", "x"))
    with pytest.raises(EmbeddingError, match="'nan'"):
        write_heareval_directory(tmp_path / "merged", merged)


def test_pandas_quirks_are_aliases(tmp_path: Path) -> None:
    path = tmp_path / "labelvocabulary.csv"
    path.write_text("idx,label\n0,01\n1,2\n")
    assert read_vocabulary(path) == (("01", "2"), {"1": "01"})
    path.write_text("idx,label\n1,b\n0,NA\n")
    assert read_vocabulary(path) == (("NA", "b"), {"nan": "NA"})
    path.write_text("idx,label\n0,a\n2,b\n")
    with pytest.raises(EmbeddingError, match=r"0 \.\. 1"):
        read_vocabulary(path)


class Evil:
    def __reduce__(self):
        return (print, ("made by a pickle",))


@pytest.mark.parametrize("content", [Evil(), [[Evil()]], [["0"], 3], {"0": 1}, [[1.5]], [[len]]])
def test_foreign_pickles_are_refused(copied, content: object, capsys: pytest.CaptureFixture[str]) -> None:
    directory = copied(DIGITS)
    (directory / "train.target-labels.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(EmbeddingError):
        read_heareval_directory(directory)
    assert capsys.readouterr().out == ""


def test_broken_directories_are_refused(copied, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"task_metadata\.json"):
        read_heareval_directory(tmp_path)
    directory = copied(DIGITS)
    path = directory / "valid.target-labels.pkl"
    labels = pickle.loads(path.read_bytes())  # noqa: S301 - made for this test by the one who runs it
    path.write_bytes(pickle.dumps(labels[::-1]))
    with pytest.raises(EmbeddingError, match="row order"):
        read_heareval_directory(directory)
    path.write_bytes(b"\x80\x04broken")
    with pytest.raises(EmbeddingError, match="pickled list"):
        read_heareval_directory(directory)
    path.write_bytes(pickle.dumps(labels))
    (directory / "test.embeddings.npy").write_bytes(b"12345")
    with pytest.raises(EmbeddingError, match="bytes"):
        read_heareval_directory(directory)
    (directory / "train.embeddings.npy").unlink()
    with pytest.raises(EmbeddingError, match=r"There is no .*train\.embeddings\.npy"):
        read_heareval_directory(directory)


@pytest.mark.parametrize("name", [DIGITS, NOTES])
def test_end_to_end_with_heareval_s_field_names(copied, shared: Path, name: str) -> None:
    directory = copied(name)
    task = with_card(read_heareval_directory(directory), task_specific_param_grid=None)
    grid = {"hidden_layers": (1,), "hidden_dim": (64,), "lr": (1e-2,), "max_epochs": (6,)}
    result = run_protocol(task, changed(**grid))
    write_predictions(directory, result, task.embedding_size)
    scores = shared / "goldens" / "heareval" / "scores" / name / "seed42"
    found = json.loads((directory / "test.predicted-scores.json").read_text())
    golden = json.loads((scores / "test.predicted-scores.json").read_text())
    assert list(found) == list(golden)
    for key, value in golden.items():
        if isinstance(value, dict):
            assert list(found[key]) == list(value)
    assert set(json.loads((directory / "prediction-done.json").read_text())) >= set(
        json.loads((scores / "prediction-done.json").read_text())
    )
    for fold in result.folds:
        with np.load(directory / f"{fold.split}.predictions.npz", allow_pickle=False) as arrays:
            np.testing.assert_array_equal(arrays["prediction"], fold.probabilities)
            assert arrays["files"].tolist() == list(fold.files)


@pytest.fixture
def events_directory(event_task: ProbeTask, tmp_path: Path) -> Path:
    directory = tmp_path / "embeddings" / "events"
    write_heareval_directory(directory, event_task)
    return directory


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_names_in_a_directory_are_plain(events_directory: Path, name: str) -> None:
    path = events_directory / "fold01.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, name: []}))
    plain = r"fold01\.json: the clip .* used as a file name: rename it"
    with pytest.raises(EmbeddingError, match=r"fold01\.json .*half a character" if name == "\udcff" else plain):
        read_heareval_directory(events_directory)
    path.write_text(json.dumps(content))
    read_heareval_directory(events_directory)
    metadata = json.loads((events_directory / "task_metadata.json").read_text())
    metadata["splits"][1] = name
    (events_directory / "task_metadata.json").write_text(json.dumps(metadata))
    half = r"task_metadata\.json .*half a character"
    with pytest.raises((TaskError, EmbeddingError), match=half if name == "\udcff" else r"task_metadata\.json: splits"):
        read_heareval_directory(events_directory)


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_nothing_is_written_under_names_that_are_not_plain(event_task: ProbeTask, tmp_path: Path, name: str) -> None:
    target = tmp_path / "embeddings" / "events"
    rows = event_task.splits["fold01"]
    clips = {**event_task.splits, "fold01": dataclasses.replace(rows, files=(name, *rows.files[1:]))}
    with pytest.raises(EmbeddingError, match=r"Nothing is written .* the clip"):
        write_heareval_directory(target, dataclasses.replace(event_task, splits=clips))
    splits = {"fold00": rows, "fold01": rows, name: rows}
    card = event_task.card.model_copy(update={"splits": tuple(splits)})  # past its checks
    with pytest.raises(EmbeddingError, match=r"Nothing is written .* the split"):
        write_heareval_directory(target, dataclasses.replace(event_task, card=card, splits=splits))
    result: Any = SimpleNamespace(folds=[SimpleNamespace(split=name)])
    with pytest.raises(EmbeddingError, match=r"Nothing is written .* the split"):
        write_predictions(target, result, event_task.embedding_size)
    assert list(tmp_path.rglob("*")) == []
