"""Predictions beside invented results, as the runner stores them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fake_results as fake
import numpy as np

from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events
from hear_audiomosaic.results.schema import EncoderFacts, ProtocolFacts, Result, TaskFacts

Fold = dict[str, Any]
"""Arrays of one test split, without its name."""

GROUPED = "group"


def path_of(folder: Path, result: Result) -> Path:
    """Where ``fake_results.save`` writes this result."""
    name = f"{result.protocol.name}-seed{result.protocol.seed}.json"
    return folder / fake.digest(result.encoder.ref)[:8] / result.task.directory / name


def save(folder: Path, result: Result, folds: Sequence[Fold]) -> Path:
    """Write a result and its predictions; the path of the predictions."""
    path = path_of(folder, result).with_suffix(".npz")
    fake.save(folder, result.model_copy(update={"predictions": path.name}))
    arrays = {
        f"{scores.split}/{name}": array
        for scores, fold in zip(result.folds, folds, strict=True)
        for name, array in fold.items()
    }
    np.savez(path, **arrays)
    return path


def clips(
    folder: Path,
    of: EncoderFacts,
    on: TaskFacts,
    folds: Sequence[Fold],
    by: ProtocolFacts | None = None,
    score_name: str = "top1_acc",
    **facts: Any,
) -> Path:
    """A result whose scores are those of its predictions."""
    scores = [evaluate_clips([score_name], fold["target"], fold["prediction"])[score_name] for fold in folds]
    higher = score_name != "eer"
    return save(folder, fake.success(of, on, scores, by, score_name, higher, **facts), folds)


def right(answers: Sequence[bool], prefix: str = "", groups: Sequence[str] | None = None) -> Fold:
    """Two classes; each clip's answer is right or wrong."""
    n = len(answers)
    truth = np.arange(n) % 2
    said = np.where(np.asarray(answers, dtype=bool), truth, 1 - truth)
    fold: Fold = {
        "prediction": np.eye(2, dtype=np.float32)[said],
        "target": np.eye(2, dtype=np.float32)[truth],
        "files": np.array([f"{prefix}{i:04d}.wav" for i in range(n)]),
        "row_file": np.arange(n),
    }
    return fold if groups is None else fold | {GROUPED: np.array(groups)}


def shuffled(fold: Fold, seed: int = 1) -> Fold:
    """The same clips in another order of files and of rows."""
    rng = np.random.default_rng(seed)
    n = len(fold["files"])
    files, rows = rng.permutation(n), rng.permutation(n)
    index = np.argsort(files)[fold["row_file"]]  # of each row's file in the new order
    return {
        "prediction": fold["prediction"][rows],
        "target": fold["target"][rows],
        "files": fold["files"][files],
        "row_file": index[rows],
    }


def ranked(n: int, n_classes: int, skill: float, seed: int = 0) -> Fold:
    """Multi-hot targets with many positives, and probabilities that know something of them."""
    target = (np.random.default_rng(0).random((n, n_classes)) < 0.4).astype(np.float32)
    noise = np.random.default_rng(seed).random((n, n_classes))
    return {
        "prediction": (skill * target + noise).round(2).astype(np.float32),  # with ties
        "target": target,
        "files": np.array([f"{i:04d}.wav" for i in range(n)]),
        "row_file": np.arange(n),
    }


def event_fold(n_files: int, seed: int, chance_of_hit: float) -> Fold:
    """Events of two classes; some are found, some others are made up."""
    truth = np.random.default_rng(0)
    counts = truth.integers(1, 6, n_files)
    file = np.repeat(np.arange(n_files), counts)
    start = truth.uniform(0, 50_000, len(file))
    target = Events(file, truth.integers(0, 2, len(file)), start, start + 500.0)
    rng = np.random.default_rng(seed)
    found = rng.random(len(file)) < chance_of_hit
    extra = rng.integers(0, n_files, n_files)
    starts = np.concatenate([start[found] + rng.uniform(-90, 90, found.sum()).clip(-start[found]), extra * 10.0])
    predicted = Events(
        np.concatenate([file[found], extra]),
        np.concatenate([target.label[found], extra % 2]),
        starts,
        starts + 400.0,
    )
    fold: Fold = {"files": np.array([f"{i:03d}.wav" for i in range(n_files)])}
    for kind, events in (("predicted", predicted), ("target", target)):
        for part in ("file", "label", "start_ms", "end_ms"):
            fold[f"{kind}_events_{part}"] = getattr(events, part)
    return fold


def events_of(fold: Fold, kind: str) -> Events:
    return Events(*(fold[f"{kind}_events_{part}"] for part in ("file", "label", "start_ms", "end_ms")))


def events(folder: Path, of: EncoderFacts, on: TaskFacts, folds: Sequence[Fold], score_name: str, **facts: Any) -> Path:
    """An event result whose scores are those of its predictions."""
    higher = score_name != "segment_1s_er"
    scores = [
        evaluate_events([score_name], events_of(fold, "target"), events_of(fold, "predicted"))[score_name]
        for fold in folds
    ]
    return save(folder, fake.success(of, on, scores, None, score_name, higher, **facts), folds)
