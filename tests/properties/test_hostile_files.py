"""Attacks on the parsers by name: each is refused in one bounded sentence that says what is wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pydantic import ValidationError
from task_folders import prepare, scene_folder

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import EmbeddingError, EncoderError, HearAudioMosaicError, PretrainingError, TaskError
from hear_audiomosaic.hear.card import EncoderCard, read_card
from hear_audiomosaic.heareval.files import read_frames, read_values
from hear_audiomosaic.parsing import UnreadableError, parse_csv, parse_json, parse_yaml
from hear_audiomosaic.pretraining.data.shards import expand_braces
from hear_audiomosaic.printable import listed, shortened
from hear_audiomosaic.reading import read_file
from hear_audiomosaic.results.cards import cards_of
from hear_audiomosaic.results.schema import EncoderFacts
from hear_audiomosaic.tasks import TaskCard
from hear_audiomosaic.tasks.folder import read_table

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
MERGES = "a: &a {x: 1}\n" + "".join(f"b{i}: &b{i} {{<<: [*a, *a]}}\n" for i in range(20))
CARD = (
    *("name: birds", "embedding_type: event", "prediction_type: multilabel", "split_mode: presplit_kfold"),
    *("splits: [a, b, c]", "evaluation: [segment_1s_er]"),
)
YAML = {
    "aliases": (BOMB, r"line 1: anchors \(&x\) and aliases"),
    "merges": (MERGES, r"line 1: anchors"),
    "merge without alias": ("a: 1\n<<: {b: 2}\n<<: {c: 3}", "'<<' stands there twice"),
    "depth": ("[" * 5000, "nested more than 64 levels deep"),
    "depth in blocks": ("".join(" " * i + "a:\n" for i in range(500)), "nested more than 64 levels deep"),
    "digits": ("a: " + "9" * 5000, "not valid YAML: Exceeds the limit"),
    "64 bits": ("a: " + "9" * 30, "integer of more than 64 bits"),
    "infinity": ("a: 1e999", "a number beyond all bounds"),
    "encoding": (b"a: \xff", "it is not UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "it is UTF-16"),
    "NUL": ("a: 1\nb: \0", "line 2 holds a NUL byte"),
    "twice": ("a: 1\na: 2", "'a' stands there twice"),
    "twice within": ("a:\n  b: 1\n  b: 2", "from line 2 on: the field 'b' stands there twice"),
    "tag": ("a: !!python/object/apply:os.system [x]", r"tags \(!x\) are not used"),
    "number as name": ("1: a", "of a field is no text"),
    "half a character": ('a: "\\ud800"', "half a character"),
}
JSON = {
    "depth": ("[" * 100_000, "nested more than 64 levels deep"),
    "closed depth": ("[" * 100 + "]" * 100, "nested more than 64 levels deep"),
    "digits": ("9" * 5000, "Exceeds the limit"),
    "64 bits": ("[9223372036854775808]", "integer of more than 64 bits"),
    "NaN": ("[NaN]", "NaN, which is no number of JSON"),
    "infinity": ("[1e999]", "a number beyond all bounds"),
    "twice": ('{"a": {"b": 1, "b": 2}}', "'b' twice in one object"),
    "half a character": ('["\\ud800"]', "half a character"),
    "as a name": ('{"\\udfff": 1}', "half a character"),
    "UTF-16": ("[1]".encode("utf-16"), "it is UTF-16"),
    "long name": (json.dumps({"x" * 10**6: 1})[:-1] + ', "' + "x" * 10**6 + '": 2}', "twice in one object"),
}
CSV = {
    "NUL": ("a,b\n1,\0", "line 2 holds a NUL byte"),
    "open quote": ('a,b\n1,"2\n3,4\n', "unexpected end of data"),
    "long cell": ("a,b\n1," + "x" * 200_000, "field larger than field limit"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "it is UTF-16"),
    "encoding": (b"a,b\n1,\xff", "it is not UTF-8"),
    "twice": ("a,a\n1,2", "column 'a' more than once"),
    "cells": ("a,b\n1,2,3", "line 2: 3 cells, but 2 columns"),
}


@pytest.mark.parametrize(
    ("parse", "content", "says"),
    [
        pytest.param(parse, content if isinstance(content, bytes) else content.encode(), says, id=f"{name}: {attack}")
        for name, parse, attacks in (("YAML", parse_yaml, YAML), ("JSON", parse_json, JSON), ("CSV", parse_csv, CSV))
        for attack, (content, says) in attacks.items()
    ],
)
def test_attacks_on_parsers(parse, content: bytes, says: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(UnreadableError, match=says) as caught:
        parse(content)
    assert len(str(caught.value)) < 600
    assert time.perf_counter() - begin < 5


def test_plain_yaml_is_what_it_looks_like() -> None:
    text = (
        "a: no\nb: 1:30\nc: 010\nd: 2020-01-01\ne: 1e-3\nf: -7\ng: true\nh: ~\ni: [1, 2.5, x]\nj: 1_0\nk: .inf\nl: 'x'"
    )
    assert parse_yaml(text.encode()) == {
        "a": "no",
        "b": "1:30",
        "c": "010",
        "d": "2020-01-01",
        "e": 0.001,
        "f": -7,
        "g": True,
        "h": None,
        "i": [1, 2.5, "x"],
        "j": "1_0",
        "k": ".inf",
        "l": "x",
    }
    assert parse_yaml(b"\xef\xbb\xbfa: 1") == {"a": 1}


def test_messages_are_bounded() -> None:
    assert listed("abcdefg") == "a, b, c, d, e, and 2 more"
    assert listed("ab") == "a, b"
    assert listed([]) == ""
    assert shortened("x" * 80) == "x" * 80
    assert shortened("x" * 81) == "x" * 64 + "... (81 letters)"
    error = HearAudioMosaicError("begin " + "x" * 10**6 + " end")
    assert len(str(error)) < 2000
    assert str(error).startswith("begin")
    assert str(error).endswith("x end")
    assert "998110 letters left out" in str(error)
    assert isinstance(EmbeddingError("x"), HearAudioMosaicError)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.json"):
        with pytest.raises(TaskError, match=r"There is no .*no\.json.*; mend it\.|is a directory; .* move it away"):
            read_file(path, parse_json, TaskError, "x", "mend it")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("splits: [a, b, 1]", "splits.2: Input should be a valid string"),
        ("title: 3", "title: Input should be a valid string"),
        ("n_classes: true", "n_classes: Input should be a valid integer"),
        ("hours: '3'", "hours: Input should be a valid number"),
        ("use_scoring_for_early_stopping: no", "use_scoring_for_early_stopping: Input should be a valid boolean"),
        ("event_postprocessing_grid: {median_filter_ms: [true], min_duration: [1]}", "median_filter_ms.0"),
        ("x" * 900 + ": 1", "Extra inputs are not permitted"),
    ],
)
def test_cards_of_other_types(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "card.yaml"
    name = line.partition(":")[0]
    kept = [one for one in CARD if not one.startswith(f"{name}:")]
    path.write_text("\n".join(CARD))
    assert TaskCard.from_yaml(path).name == "birds"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(TaskError, match=says) as caught:
        TaskCard.from_yaml(path)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task_name": ["x"]}, "name: Input should be a valid string"),
        ({"evaluation_params": [1]}, "evaluation_params must be a mapping"),
        ({"evaluation_params": {"task_specific_param_grid": "x"}}, "task_specific_param_grid must be a mapping"),
        ({"hear_audiomosaic": "x"}, "hear_audiomosaic must be a mapping"),
        ({"version": None}, "version: Input should be a valid string"),
        ({"version": True}, "version: Input should be a valid string"),
    ],
)
def test_metadata_of_other_types(changes: dict[str, object], says: str) -> None:
    metadata = {"task_name": "x", "embedding_type": "scene", "prediction_type": "multilabel", "evaluation": ["mAP"]}
    metadata |= {"split_mode": "trainvaltest", "splits": ["train", "valid", "test"], "version": 2.0}
    assert TaskCard.from_metadata(metadata).version == "2.0"
    with pytest.raises(TaskError, match=says):
        TaskCard.from_metadata(metadata | changes)


def test_encoder_cards(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text('{"title": ' + "[" * 50_000)
    with pytest.raises(EncoderError, match=r"card\.json cannot be read as an encoder's card: .*levels deep"):
        read_card(path)
    with pytest.raises(ValidationError):
        EncoderCard.model_validate({"extra": {2: "x", "b": "y"}})
    facts = EncoderFacts(
        ref="no reference :",
        label="x",
        untrained=False,
        fingerprint="f",
        sample_rate_hz=1,
        embedding_size=1,
        n_parameters=0,
    )
    known = facts.model_copy(update={"card": EncoderCard(title="known")})
    assert [card.title for card in cards_of([facts, known])] == ["known"]


def test_tables_with_a_million_columns_and_separators(tmp_path: Path) -> None:
    folder = scene_folder(tmp_path / "in")
    path = folder / "metadata.csv"
    path.write_text(",".join(map(str, range(10**5))) + "\n" + "," * (10**5 - 1) + "\n")
    with pytest.raises(TaskError, match=r"no column 'filename' .* and 99980 more") as caught:
        read_table(path).need("filename", "--x")
    assert len(str(caught.value)) < 1000
    scene_folder(folder)
    for separator in ("", '"', "\n", "\0"):
        with pytest.raises(TaskError, match=r"--separator .*expected what stands between"):
            prepare(folder, tmp_path, label_column="tags", separator=separator, split_column="split")
    for rate in (10**9, 999, 384_001, True):
        with pytest.raises(TaskError, match=r"--rate expects sample rates from 1000 to 384000 Hz"):
            prepare(folder, tmp_path, split_column="split", rates_hz=[rate])
    path.write_text(path.read_text().replace("|", " :: "))
    task = prepare(folder, tmp_path, label_column="tags", separator=" :: ", split_column="split")
    assert task.vocabulary == ("a", "b", "c")


def test_frames_are_those_of_the_split_and_ascend(tmp_path: Path) -> None:
    path = tmp_path / "test.filename-timestamps.json"
    good = [["x/test/a", 0.0], ["x/test/a", 50.0], ["test/b", 0.0]]
    for pairs, says in (
        (good, None),
        ([["train/a", 0.0], *good[1:]], "'train/a' has frames but is not in test.json"),
        ([["test/c", 0.0], *good[1:]], "'test/c' has frames but is not in test.json"),
        ([good[0], good[2], good[1]], "frames of 'a' do not follow each other"),
        ([good[1], good[0], good[2]], "do not ascend at 0.0 ms"),
        ([good[0], good[0], good[2]], "do not ascend"),
        (good[:2], "'b' of test.json has no frames"),
        ([["test/a", "0"]], "0.1: Input should be a valid number"),
        ([["test/a"]], "Field required"),
    ):
        path.write_text(json.dumps(pairs))
        if says is None:
            assert read_frames(tmp_path, "test", ["a", "b"]).row_file.tolist() == [0, 0, 1]
            continue
        with pytest.raises(EmbeddingError, match=says):
            read_frames(tmp_path, "test", ["a", "b"])


@pytest.mark.parametrize("shape", ["[1]", "[1, 2, 3]", "[-1, 2]", "[1, 0]", "[1.5, 2]", "true", "[1, 1e18]", "[2, 2]"])
def test_shapes_that_are_none(tmp_path: Path, shape: str) -> None:
    (tmp_path / "test.embedding-dimensions.json").write_text(shape)
    (tmp_path / "test.embeddings.npy").write_bytes(b"\0" * 8)
    with pytest.raises(EmbeddingError, match=r"test\.embed.* cannot be read as .*; make the embeddings again\."):
        read_values(tmp_path, "test")


def test_a_bad_directory_does_not_end_a_probe_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = []
    for name, content in (("one", "[" * 5000), ("two", '{"task_name": []}')):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        (folders[-1] / "task_metadata.json").write_text(content)
        (folders[-1] / "test.embedding-dimensions.json").write_text("[]")
    with pytest.raises(SystemExit) as ended:
        main(["probe", *map(str, folders)])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert [f"failed: {folder}" in told for folder in folders] == [True, True]


@pytest.mark.parametrize(
    "braces", ["{0..1000000000}", "{0.." + "9" * 5000 + "}", "{" + "9" * 30 + ".." + "9" * 30 + "}"]
)
def test_braces_are_bounded(braces: str) -> None:
    with pytest.raises(PretrainingError, match="more than 1000000 shards"):
        expand_braces(f"x-{braces}.tar")
    assert expand_braces("x-{08..10}.tar") == ["x-08.tar", "x-09.tar", "x-10.tar"]
