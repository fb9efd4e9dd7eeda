"""What is written is read back as it was, and anything else is refused as ours: over drawn names, texts and bytes."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
from pathlib import Path
from typing import Any

import fake_results as fake
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st
from properties import JSON, PLAIN, REFUSED, holds_for, value_or_refused

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding import SplitStore
from hear_audiomosaic.errors import AudioError, EmbeddingError, EncoderError, ResultError, TaskError
from hear_audiomosaic.hear.card import EncoderCard, read_card
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.heareval.labels import read_pickled_labels
from hear_audiomosaic.parsing import UnreadableError, parse_json, parse_yaml
from hear_audiomosaic.pretraining.data.crops import Recording, read_crop
from hear_audiomosaic.reporting.text.csv_cells import csv_text, original_text
from hear_audiomosaic.results.schema import read_result, write_result
from hear_audiomosaic.tasks import PreparedTask, TaskCard
from hear_audiomosaic.tasks.folder import read_table

NAMES = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)
OPTIONS = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
CARDS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "embedding_type": st.just("scene"),
        "prediction_type": st.sampled_from(["multiclass", "multilabel"]),
        "split_mode": st.just("new_split_kfold"),
        "splits": st.lists(NAMES, min_size=3, max_size=6, unique=True).map(tuple),
        "evaluation": st.lists(st.sampled_from(["mAP", "aucroc", "d_prime"]), min_size=1, unique=True).map(tuple),
    },
    optional={
        "title": PLAIN,
        "notes": PLAIN,
        "n_clips": st.integers(1, 10**9),
        "hours": st.floats(0, 1e9),
        "sample_duration_s": st.floats(1e-3, 1e6) | st.integers(1, 10**6),
        "use_scoring_for_early_stopping": st.booleans(),
        "task_specific_param_grid": st.dictionaries(
            NAMES,
            st.lists(st.booleans() | st.integers(-(2**60), 2**60) | PLAIN, min_size=1, max_size=3).map(tuple),
            min_size=1,
            max_size=2,
        ),
    },
)


@holds_for(
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True),
    options=st.dictionaries(TEXT.filter(bool), OPTIONS, max_size=3),
    weights=st.none() | TEXT.filter(lambda text: "?" not in text),
)
def test_references(folder: Path, name: str, weights: str | None, options: dict[str, Any]) -> None:
    ref = EncoderRef(name, weights, tuple(sorted(options.items())))
    again = EncoderRef.parse(ref.text)
    assert again.name == name
    assert again.weights == weights
    assert [(key, type(value), value) for key, value in again.options] == [
        (key, type(value), value) for key, value in sorted(options.items())
    ]


@holds_for(text=st.text(max_size=30) | st.from_regex(r"[a-z]{1,3}(:[a-z:]*)?\?[a-z=&%\"0-9.]*", fullmatch=True))
def test_any_text_as_a_reference(folder: Path, text: str) -> None:
    try:
        ref = EncoderRef.parse(text)
    except EncoderError:
        return
    assert EncoderRef.parse(ref.text) == ref


@holds_for(fields=CARDS)
def test_task_cards(folder: Path, fields: dict[str, Any]) -> None:
    card = TaskCard.from_fields(fields, "drawn")
    path = folder / "card.yaml"
    path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
    assert TaskCard.from_yaml(path) == card
    assert TaskCard.from_metadata(json.loads(json.dumps(card.to_metadata()))) == card
    assert parse_json(json.dumps(fields).encode()) == json.loads(json.dumps(fields))


@holds_for(content=st.binary(max_size=60) | TEXT.map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_as_a_task_card(folder: Path, content: bytes) -> None:
    path = folder / "card.yaml"
    path.write_bytes(content)
    with pytest.raises(TaskError):  # no such text is a card by chance
        TaskCard.from_yaml(path)


@holds_for(
    value=JSON,
    field=st.sampled_from(
        [
            "task_name",
            "version",
            "mode",
            "splits",
            "evaluation",
            "evaluation_params",
            "hear_audiomosaic",
            "sample_duration",
        ]
    ),
)
def test_any_value_in_metadata(folder: Path, value: Any, field: str) -> None:
    metadata = {"task_name": "x", "embedding_type": "scene", "prediction_type": "multilabel", "evaluation": ["mAP"]}
    metadata |= {"split_mode": "trainvaltest", "splits": ["train", "valid", "test"], field: value}
    card = value_or_refused(lambda: TaskCard.from_metadata(metadata), TaskError)
    if card is not REFUSED and field in ("task_name", "splits", "evaluation"):
        assert json.loads(json.dumps(card.to_metadata()))[field] == value


@holds_for(labels=JSON, groups=JSON)
def test_any_value_as_labels(folder: Path, labels: Any, groups: Any) -> None:
    task = folder / "dogs-v1-full"
    task.mkdir(exist_ok=True)
    metadata = {"task_name": "dogs", "embedding_type": "scene", "prediction_type": "multilabel", "evaluation": ["mAP"]}
    metadata |= {"split_mode": "trainvaltest", "splits": ["train", "valid", "test"]}
    (task / "task_metadata.json").write_text(json.dumps(metadata))
    (task / "labelvocabulary.csv").write_text("idx,label\n0,a\n")
    for split in metadata["splits"]:
        (task / f"{split}.json").write_text('{"c.wav": ["a"]}')
    (task / "test.json").write_text(json.dumps({"c.wav": labels}))
    (task / "groups.json").write_text(json.dumps({"c.wav": groups}))
    try:
        opened = PreparedTask.open(task)
    except TaskError:
        assert not (isinstance(labels, list) and set(map(repr, labels)) <= {"'a'"} and isinstance(groups, str)) or (
            "\ud800" <= max(groups, default="") <= "\udfff"
        )
        return
    assert opened.labels("test") == {"c.wav": labels}
    assert opened.groups("test") == {"c.wav": groups}


@holds_for(value=JSON)
def test_any_value_as_an_encoder_card(folder: Path, value: Any) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(value))
    try:
        card = read_card(path)
    except EncoderError:
        return
    assert EncoderCard.model_validate_json(card.model_dump_json()) == card


@holds_for(
    columns=st.lists(PLAIN.filter(bool), min_size=1, max_size=4, unique=True), rows=st.integers(1, 4), data=st.data()
)
def test_tables(folder: Path, columns: list[str], rows: int, data: st.DataObject) -> None:
    cell = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
    cells = [[data.draw(cell) for _ in columns] for _ in range(rows)]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([columns, *cells])
    path = folder / "metadata.csv"
    path.write_bytes(text.getvalue().encode())
    table = read_table(path)
    assert table.columns == tuple(columns)
    assert [list(row.values()) for row in table.rows] == cells


@holds_for(content=st.binary(max_size=80) | TEXT.map(str.encode))
def test_any_bytes_as_a_table(folder: Path, content: bytes) -> None:
    path = folder / "metadata.csv"
    path.write_bytes(content)
    table = value_or_refused(lambda: read_table(path), TaskError)
    assert table is REFUSED or all(len(row) == len(table.columns) for row in table.rows)


@holds_for(
    scores=st.lists(st.floats(), min_size=1, max_size=3), label=PLAIN, ref=TEXT, classes=st.lists(TEXT, max_size=3)
)
def test_result_files(folder: Path, scores: list[float], label: str, ref: str, classes: list[str]) -> None:
    task = fake.task("tones", 0.5, folds=len(scores), vocabulary=tuple(classes))
    result = fake.success(fake.encoder(ref, label or "x"), task, scores)
    path = folder / "one.json"
    write_result(path, result)
    assert read_result(path).model_dump_json() == result.model_dump_json()


@holds_for(value=JSON)
def test_any_value_as_a_result_file(folder: Path, value: Any) -> None:
    path = folder / "one.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ResultError):
        read_result(path)


@holds_for(
    rows=st.dictionaries(TEXT.filter(bool), st.integers(1, 4), min_size=1, max_size=5),
    timed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_stores(folder: Path, rows: dict[str, int], timed: bool, seed: int) -> None:
    store = folder / str(len(list(folder.iterdir())))
    rng = np.random.default_rng(seed)
    clips = {file: rng.normal(size=(n if timed else 1, 3)).astype(np.float32) for file, n in rows.items()}
    times = {file: np.cumsum(rng.uniform(1, 9, len(values))) for file, values in clips.items()}
    with SplitStore(store, 3, timed) as writing:
        for file, values in clips.items():
            writing.append(file, "digest", values, times[file] if timed else None)
    order = sorted(clips)
    read = SplitStore(store, 3, timed).read(order)
    assert np.array_equal(read.values, np.concatenate([clips[file] for file in order]))
    assert [read.files[i] for i in read.row_file] == [file for file in order for _ in clips[file]]
    assert not timed or np.array_equal(read.timestamps_ms, np.concatenate([times[file] for file in order]))


@holds_for(
    place=st.integers(0, 60),
    value=st.binary(min_size=1, max_size=8),
    kept=st.integers(0, 2000),
    kind=st.sampled_from(["WAV", "FLAC", "OGG", "AIFF"]),
)
def test_headers_of_audio(folder: Path, place: int, value: bytes, kept: int, kind: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(800)).astype(np.float32) / 2, 16000, format=kind)
    whole = file.getvalue()
    content = (whole[:place] + value + whole[place + len(value) :])[: max(kept, 4)]
    path = folder / f"x.{kind.lower()}"
    path.write_bytes(content)
    for read in (lambda: read_audio(path, 16000)[0], lambda: read_crop(Recording("x", content), 800, 16000, 0.5)):
        samples = value_or_refused(read, AudioError)
        if samples is not REFUSED:
            assert samples.dtype == np.float32
            assert samples.ndim == 1
            assert np.isfinite(samples).all()


@holds_for(
    rows=st.lists(st.lists(TEXT | st.integers(-9, 9), max_size=3), max_size=4), other=st.binary(max_size=40), value=JSON
)
def test_pickled_labels(folder: Path, rows: list[list[str | int]], other: bytes, value: Any) -> None:
    path = folder / "labels.pkl"
    path.write_bytes(pickle.dumps(rows, protocol=4))
    assert read_pickled_labels(path) == [[str(label) for label in row] for row in rows]
    for content in (other, pickle.dumps(value), pickle.dumps(rows)[:-2]):
        path.write_bytes(content)
        read = value_or_refused(lambda: read_pickled_labels(path), EmbeddingError)
        assert read is REFUSED or all(isinstance(label, str) for row in read for label in row)


@holds_for(value=JSON)
def test_strict_json_is_json(folder: Path, value: Any) -> None:
    """A slow second opinion: whatever is accepted is what Python reads, and what is refused is out of bounds."""
    text = json.dumps(value)
    try:
        read = parse_json(text.encode())
    except UnreadableError:
        assert any(map(_is_out_of_bounds, _leaves(value)))
        return
    assert json.dumps(read) == text
    assert not any(map(_is_out_of_bounds, _leaves(value)))


@holds_for(value=JSON)
def test_plain_yaml_reads_json(folder: Path, value: Any) -> None:
    try:
        given = parse_json(json.dumps(value).encode())
    except UnreadableError:
        return
    if all(str.isprintable(text) for text in _leaves(given) if isinstance(text, str)):
        assert parse_yaml(json.dumps(value, ensure_ascii=False).encode()) == given


@holds_for(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=12))
def test_cells_of_reports(folder: Path, text: str) -> None:
    _, [cell, _] = csv.reader(io.StringIO(csv_text(["a", "b"], [[text, "x"]]), newline=""))
    assert original_text(cell) == text
    assert cell == text or cell == f"'{text}"


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in (name, *_leaves(inner))]
    return [leaf for inner in value for leaf in _leaves(inner)] if isinstance(value, list) else [value]


def _is_out_of_bounds(leaf: Any) -> bool:
    if isinstance(leaf, str):
        return any("\ud800" <= letter <= "\udfff" for letter in leaf)
    if isinstance(leaf, float):
        return not math.isfinite(leaf)
    return isinstance(leaf, int) and not -(2**63) <= leaf < 2**63
