"""Every kind of file that we write or take, mutated: one clear error, the same as before, or what the file says."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest
import torch
import yaml
from audio_files import folder_of, shard
from mutations import Case, hunt
from safetensors.torch import load
from small_tasks import SPLITS, clusters, event_rows, task_of
from task_folders import event_folder, everything, prepare, scene_folder, scene_rows

from hear_audiomosaic.embedding.audio_digests import FileDigests
from hear_audiomosaic.hear.card import read_card
from hear_audiomosaic.heareval.read import read_heareval_directory
from hear_audiomosaic.heareval.write import write_heareval_directory
from hear_audiomosaic.nn.checkpoints import read_state, write_state
from hear_audiomosaic.pretraining.data import OddLog, open_clips
from hear_audiomosaic.pretraining.log import RunLog
from hear_audiomosaic.pretraining.state import read_checkpoint, read_facts, write_checkpoint
from hear_audiomosaic.reporting.published.figures import read_figures
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import read_result
from hear_audiomosaic.tasks import PreparedTask, TaskCard
from hear_audiomosaic.tasks.folder import read_table

SHORT = 30
"""Mutations of each kind of file in the default run."""
LONG = 400
"""And behind ``faults``; with 17 kinds, 6,800 mutations."""

CARD_YAML = """\
name: birds
version: v2.0
title: "Birds: of the garden"
domain: bioacoustics
embedding_type: scene
prediction_type: multiclass
split_mode: presplit_kfold
splits: [fold00, fold01, fold02]
sample_duration_s: 4.5
evaluation: [top1_acc, mAP]
use_scoring_for_early_stopping: true
task_specific_param_grid: {hidden_dim: [64, 128], lr: [1e-3, 0.01]}
n_classes: 3
n_clips: 24
hours: 0.03
chance: 0.34
source: https://example.org
seed: 7
"""
ENCODER_CARD = {
    "title": "Example",
    "licence": "MIT",
    "paper": {"title": "A paper", "authors": ["Who, Some"], "year": 2022, "arxiv": "2203.03022"},
    "training_data": [{"name": "set", "licences": ["CC0"], "hours": 3.5}],
    "note": "of a test",
}


def scene_directory(folder: Path) -> Case:
    rng = np.random.default_rng(1)
    splits = {split: clusters(rng, n // 6, 3, 4, multilabel=True) for split, n in SPLITS.items()}
    write_heareval_directory(folder, task_of("tags", splits, ("a", "b", "c"), ("mAP",)))
    return heareval_case(folder)


def event_directory(folder: Path) -> Case:
    rng = np.random.default_rng(3)
    splits = {f"fold0{i}": event_rows(rng, 2, 6, 2, 3) for i in range(3)}
    scores = ("event_onset_200ms_fms",)
    task = task_of("events", splits, ("60", "61"), scores, "new_split_kfold", embedding_type="event")
    write_heareval_directory(folder, task)
    return heareval_case(folder)


def heareval_case(folder: Path) -> Case:
    files = tuple(path for path in sorted(folder.iterdir()) if path.suffix in (".json", ".csv", ".npy", ".pkl"))

    def read() -> Any:
        task = read_heareval_directory(folder)
        splits = {}
        for split, rows in task.splits.items():
            reference = rows.reference and rows.reference.to_lists(rows.files, task.vocabulary)
            times = None if rows.timestamps_ms is None else rows.timestamps_ms.tolist()
            names = [rows.files[i] for i in rows.row_file]
            splits[split] = (rows.values.tobytes(), rows.values.shape, rows.targets.tolist(), names, times, reference)
        return card_facts(task.card), task.vocabulary, splits

    return Case(tuple(path for path in files if "profile" not in path.name), read, lambda: plain_directory(folder))


def plain_directory(folder: Path) -> Any:
    """heareval's directory by the shortest way."""
    metadata = json.loads((folder / "task_metadata.json").read_text(encoding="utf-8-sig"))
    vocabulary = plain_vocabulary(folder)
    generator = random.Random(0)  # noqa: S311 - heareval's
    splits = {}
    for split in metadata["splits"]:
        content = json.loads((folder / f"{split}.json").read_text(encoding="utf-8-sig"))
        shape = tuple(json.loads((folder / f"{split}.embedding-dimensions.json").read_text(encoding="utf-8-sig")))
        values = (folder / f"{split}.embeddings.npy").read_bytes()
        pickled = labels_of_pickle(folder / f"{split}.target-labels.pkl")
        names, times, reference = list(content), None, None
        generator.shuffle(names)
        if metadata["embedding_type"] == "event":
            pairs = json.loads((folder / f"{split}.filename-timestamps.json").read_text(encoding="utf-8-sig"))
            names, times = [slug.split("/")[-1] for slug, _ in pairs], [float(time) for _, time in pairs]
            assert all(slug.split("/")[-2] == split for slug, _ in pairs)
            reference = {
                file: [{"label": str(e["label"]), "start": e["start"], "end": e["end"]} for e in content[file]]
                for file in dict.fromkeys(names)
            }
            assert set(content) == set(names)
        else:
            assert pickled == [[str(label) for label in content[name]] for name in names]
        assert {label for row in pickled for label in row} <= set(vocabulary)
        targets = [[float(label in row) for label in vocabulary] for row in pickled]
        splits[split] = (values, shape, targets, names, times, reference)
        assert len(values) == 4 * shape[0] * shape[1]
    return metadata_facts(metadata), vocabulary, splits


def labels_of_pickle(path: Path) -> list[list[str]]:
    from hear_audiomosaic.heareval.labels import read_pickled_labels

    return read_pickled_labels(path)  # the only reading of it that is safe


def plain_vocabulary(folder: Path) -> tuple[str, ...]:
    rows = [row for row in csv.reader(io.StringIO(text_of(folder / "labelvocabulary.csv"), newline="")) if row]
    assert rows[0] == ["idx", "label"]
    return tuple(label for _, label in sorted(rows[1:], key=lambda row: int(row[0])))


def card_facts(card: TaskCard) -> dict[str, Any]:
    return {
        name: value for name, value in card.model_dump(mode="json").items() if value not in (None, "", "v1", "full")
    }


def metadata_facts(metadata: dict[str, Any]) -> dict[str, Any]:
    facts = {
        name: value
        for name, value in (metadata.get("hear_audiomosaic") or {}).items()
        if name in TaskCard.model_fields and name not in ("name", "version", "mode", "splits")
    }
    facts |= {name: metadata.get(name) for name in ("embedding_type", "prediction_type", "split_mode", "splits")}
    facts |= {"evaluation": metadata["evaluation"], "name": metadata["task_name"]}
    facts |= {name: str(metadata.get(name, default)) for name, default in (("version", "v1"), ("mode", "full"))}
    facts["sample_duration_s"] = metadata.get("sample_duration")
    facts["use_scoring_for_early_stopping"] = metadata.get("use_scoring_for_early_stopping", True)
    for name in ("event_postprocessing_grid", "task_specific_param_grid"):
        facts[name] = (metadata.get("evaluation_params") or {}).get(name) or None
    return {name: value for name, value in facts.items() if value not in (None, "", "v1", "full")}


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def prepared_scene(folder: Path) -> Case:
    task = prepare(scene_folder(folder / "in"), folder / "tasks", split_column="split", group_column=None)
    (task.directory / "groups.json").write_text(json.dumps(dict.fromkeys(task.files("test"), "g")))
    return prepared_case(task.directory)


def prepared_events(folder: Path) -> Case:
    source = event_folder(folder / "in")
    task = prepare(
        source, folder / "tasks", split_column="split", events_file="events.csv", where=["level=fine"], name="knocks"
    )
    return prepared_case(task.directory)


def prepared_case(directory: Path) -> Case:
    names = ("task_metadata.json", "labelvocabulary.csv", "train.json", "test.json", "groups.json")

    def read() -> Any:
        task = PreparedTask.open(directory)
        labels = {split: task.labels(split) for split in task.splits}
        groups = {split: task.groups(split) for split in task.splits}
        return card_facts(task.card), task.vocabulary, labels, groups

    def says() -> Any:
        metadata = json.loads(text_of(directory / "task_metadata.json"))
        given = {split: json.loads(text_of(directory / f"{split}.json")) for split in metadata["splits"]}
        path = directory / "groups.json"
        all_groups = json.loads(text_of(path)) if path.is_file() else {}
        labels = {
            split: {
                file: [
                    {"label": str(one["label"]), "start": one["start"], "end": one["end"]}
                    if isinstance(one, dict)
                    else str(one)
                    for one in values
                ]
                for file, values in files.items()
            }
            for split, files in given.items()
        }
        groups = {
            split: {file: all_groups[file] for file in files if file in all_groups} for split, files in given.items()
        }
        return metadata_facts(metadata), plain_vocabulary(directory), labels, groups

    return Case(tuple(directory / name for name in names if (directory / name).is_file()), read, says)


def preparation(folder: Path) -> Case:
    """What a task was made from: the same command then changes nothing, or says that the task is not its own."""
    source = scene_folder(folder / "in", scene_rows(12))

    def read() -> Any:
        task = prepare(source, folder / "tasks", split_column="split", workers=1)
        return {name: content for name, content in everything(task.directory).items() if name != "preparation.json"}

    read()
    [path] = (folder / "tasks").rglob("preparation.json")
    return Case((path,), read)


def task_card(folder: Path) -> Case:
    path = folder / "birds.yaml"
    path.write_text(CARD_YAML)
    given = TaskCard.from_yaml(path).model_fields_set

    def read() -> Any:
        card = TaskCard.from_yaml(path)
        return {name: value for name, value in card.model_dump(mode="json").items() if name in card.model_fields_set}

    def says() -> Any:
        texts = yaml.load(text_of(path), Loader=yaml.BaseLoader)  # noqa: S506 - every value as the text that it is
        return {name: said(text, name) for name, text in texts.items()}

    assert len(given) == len(CARD_YAML.splitlines())
    return Case((path,), read, says)


def said(text: Any, name: str) -> Any:
    """A field's value from its text, by the kind of field."""
    if isinstance(text, dict):
        return {key: said(value, name) for key, value in text.items()}
    if isinstance(text, list):
        return [said(value, name) for value in text]
    if name == "task_specific_param_grid":
        return float(text) if re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", text) else text
    if name in ("sample_duration_s", "hours", "chance") and text not in ("", "~", "null"):
        return float(text)
    if name in ("n_classes", "n_clips", "seed"):
        assert text.isdecimal()
        return int(text)
    if name == "use_scoring_for_early_stopping":
        return {"true": True, "false": False}[text.lower()]
    return None if text in ("~", "null", "") and name not in ("title", "domain", "source") else text


def encoder_card(folder: Path) -> Case:
    path = folder / "encoder_card.json"
    path.write_text(json.dumps(ENCODER_CARD))

    def shown(card: Any) -> Any:
        return json.loads(card.model_dump_json())

    def says() -> Any:
        facts = json.loads(text_of(path))
        card = shown(read_card(path))
        extra = {**facts.pop("extra", {})}
        for name, value in facts.items():
            if name in card or name == "license":
                assert agree(card[name if name in card else "licence"], value), name
            else:
                extra[name] = value
        assert card["extra"] == extra
        return card

    return Case((path,), lambda: shown(read_card(path)), says)


def agree(read: Any, given: Any) -> bool:
    """Whether what was read is what was given, but for fields that are not given, and for numbers given as texts."""
    if isinstance(given, dict):
        return isinstance(read, dict) and all(
            agree(read[name if name in read else name.replace("licenses", "licences")], value)
            for name, value in given.items()
        )
    if isinstance(given, list):
        return isinstance(read, list) and len(read) == len(given) and all(map(agree, read, given))
    return read == given or str(read) == str(given) or (isinstance(given, int | str) and float(read) == float(given))


def table(folder: Path) -> Case:
    path = scene_folder(folder) / "metadata.csv"

    def read() -> Any:
        found = read_table(path)
        return found.columns, found.rows

    def says() -> Any:
        columns, *rows = (row for row in csv.reader(io.StringIO(text_of(path), newline="")))
        assert len(set(columns)) == len(columns)
        return tuple(columns), tuple(dict(zip(columns, row, strict=True)) for row in rows if row)

    return Case((path,), read, says)


def figures(folder: Path) -> Case:
    path = folder / "x_reported.csv"
    rows = [f"m{i},p,t{i % 3},mAP,0.{i}5,table {i}" for i in range(6)]
    path.write_text("\n".join(["method,protocol,task,metric,value,source", *rows]) + "\n")

    def says() -> Any:
        _, *rows = csv.reader(io.StringIO(text_of(path), newline=""))
        return [tuple(row) for row in rows if row]

    return Case((path,), lambda: [tuple(vars(one).values()) for one in read_figures(path)], says)


def header_index(folder: Path) -> Case:
    from hear_audiomosaic.paths import data_home

    audio = folder_of(folder / "audio", 4, 0.05)
    (folder / "x.tar").write_bytes(shard(0, 3))
    sources = [str(audio), str(folder / "x.tar")]

    def read() -> Any:
        clips = open_clips(sources)
        return clips.digest(), [clips.key(i) for i in range(len(clips))]

    read()
    return Case(tuple(sorted((data_home() / "pretraining").iterdir())), read, served=True)


def run_state(folder: Path) -> Case:
    def parts() -> tuple[torch.nn.Module, torch.optim.Optimizer, list[str]]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1), ["weight", "bias"]

    model, optimiser, names = parts()
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    odd = OddLog({"silent": 2}, {"silent": ["b.wav"]})
    write_checkpoint(folder, 1, model, optimiser, names, ["a.wav"], odd)

    def read() -> Any:
        again, of_again, _ = parts()
        checkpoint = read_checkpoint(folder, again, of_again, names)
        state = {
            index: {k: v.tolist() for k, v in values.items()}
            for index, values in of_again.state_dict()["state"].items()
        }
        return checkpoint, {name: value.tolist() for name, value in again.state_dict().items()}, state

    return Case((folder / "checkpoint.json", folder / "checkpoint-00000001.safetensors"), read)


def run_settings(folder: Path) -> Case:
    path = folder / "run.json"
    path.write_text(
        json.dumps({"method": "aasp", "seed": 0, "options": {"n_masks": 2}, "peak_lr": None, "data": ["x"]})
    )
    return Case((path,), lambda: read_facts(path), lambda: json.loads(text_of(path)))


def run_log(folder: Path) -> Case:
    log = RunLog(folder, 0)
    for step in range(1, 6):
        log.write({"step": step, "loss": 1.0 / step, "seconds": 2.0 * step})
    log.close()

    def says() -> Any:
        text = text_of(folder / "log.csv").rpartition("\n")[0]
        names, *rows = csv.reader(io.StringIO(text)) if text else [[]]
        rows = [[float(value) if value else None for value in row] for row in rows]
        last = zip(names, rows[-1], strict=True) if rows else ()
        return {name: value for name, value in last if value is not None}

    def read() -> Any:
        log = RunLog.__new__(RunLog)
        log.path = folder / "log.csv"
        return log.last()

    return Case((folder / "log.csv",), read, says)


def result_file(folder: Path) -> Case:
    path = folder / "one.json"
    path.write_text(fake.success(fake.LOGMEL, fake.task("tones", 0.5), [0.5, 0.75]).model_dump_json())

    def shown() -> Any:
        return json.loads(read_result(path).model_dump_json())

    def says() -> Any:
        given, read = json.loads(text_of(path)), shown()
        assert all(agree(read[name], value) for name, value in given.items() if name not in ("score", "score_std"))
        return read

    return Case((path,), shown, says)


def predictions(folder: Path) -> Case:
    of, task = fake.encoder("e", "e"), fake.task("tones", 0.5)
    stored.clips(folder, of, task, [stored.right([True, False] * 4)])
    [path] = folder.rglob("*.npz")

    def plain(arrays: Any) -> Any:
        return {name: (array.dtype.kind, array.shape, repr(array.tolist())) for name, array in sorted(arrays.items())}

    def says() -> Any:
        with np.load(path, allow_pickle=False) as archive:
            split = archive.files[0].rpartition("/")[0]
            return [plain({key.removeprefix(f"{split}/"): archive[key] for key in archive.files if _known(key)})]

    return Case((path,), lambda: [plain(fold.to_arrays()) for fold in Predictions.load(path)], says)


def _known(key: str) -> bool:
    return key.rpartition("/")[2] in ("prediction", "target", "files", "row_file", "group", "timestamp_ms")


def weights(folder: Path) -> Case:
    path = folder / "w.safetensors"
    write_state(path, {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}, {"sizes": "{}"})

    def plain(state: Any) -> Any:
        return {name: (str(value.dtype), value.shape, value.numpy().tobytes()) for name, value in state.items()}

    return Case((path,), lambda: plain(read_state(path)), lambda: plain(load(path.read_bytes())))


def digests(folder: Path) -> Case:
    audio = folder_of(folder / "audio", 4, 0.05)
    memory = folder / "memory.txt"
    files = sorted(audio.rglob("*.wav"))

    def read() -> Any:
        with FileDigests(memory) as known:
            return [known.of(path) for path in files]

    import os

    for path in files:
        os.utime(path, (1, 1))
    state = SimpleNamespace(read=read)
    memory.write_text("")
    read()
    return Case((memory,), state.read, served=True)


KINDS: dict[str, Callable[[Path], Case]] = {
    "heareval's scenes": scene_directory,
    "heareval's events": event_directory,
    "a prepared scene task": prepared_scene,
    "a prepared event task": prepared_events,
    "a preparation": preparation,
    "a task card": task_card,
    "an encoder card": encoder_card,
    "a metadata table": table,
    "published figures": figures,
    "an index of headers": header_index,
    "the state of a run": run_state,
    "the settings of a run": run_settings,
    "the log of a run": run_log,
    "a result file": result_file,
    "predictions": predictions,
    "weights": weights,
    "remembered digests": digests,
}


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_are_refused_or_read_as_they_are(kind: str, tmp_path: Path) -> None:
    check(kind, tmp_path, SHORT, seed=0)


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_many_mutated_files(kind: str, tmp_path: Path) -> None:
    check(kind, tmp_path, LONG, seed=1)


def check(kind: str, folder: Path, n: int, seed: int) -> None:
    found = hunt(KINDS[kind](folder), n, seed)
    print(kind, dict(found.outcomes))  # noqa: T201 - the counts, with -s
    assert not found.wrong, "\n".join(found.wrong[:8])
    assert sum(found.outcomes.values()) == n


def test_the_judge_finds_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2], "b": "c"}')
    careless = hunt(Case((path,), lambda: json.loads(path.read_bytes()), lambda: json.loads(path.read_text())), 100, 0)
    assert any("TRACEBACK" in one for one in careless.wrong)
    deaf = hunt(Case((path,), lambda: path.read_bytes()[:1]), 200, 0)
    assert any("SILENTLY WRONG" in one for one in deaf.wrong)
    assert Counter(careless.outcomes) != Counter(deaf.outcomes)
