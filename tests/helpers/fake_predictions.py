"""Predictions beside invented results, as the runner stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_results as fake
import numpy as np
import numpy.typing as npt

from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events
from hear_audiomosaic.results.predictions import FoldPredictions, Predictions
from hear_audiomosaic.results.schema import EncoderFacts, ProtocolFacts, Result, TaskFacts


def save(folder: Path, result: Result, folds: Sequence[FoldPredictions]) -> Path:
    """Write a result and its predictions; the path of the predictions. Splits take the names of the result's folds."""
    path = fake.path_of(folder, result).with_suffix(".npz")
    fake.save(folder, result.model_copy(update={"predictions": path.name}))
    named = [replace(fold, split=scores.split) for scores, fold in zip(result.folds, folds, strict=True)]
    Predictions(tuple(named)).save(path)
    return path


def clips(
    folder: Path,
    of: EncoderFacts,
    on: TaskFacts,
    folds: Sequence[FoldPredictions],
    by: ProtocolFacts | None = None,
    score_name: str = "top1_acc",
    **facts: Any,
) -> Path:
    """A result whose scores are those of its predictions."""
    scores = [evaluate_clips([score_name], fold.targets, fold.probabilities)[score_name] for fold in folds]
    higher = score_name != "eer"
    return save(folder, fake.success(of, on, scores, by, score_name, higher, **facts), folds)


def fold(
    probabilities: npt.ArrayLike, targets: npt.ArrayLike, prefix: str = "", groups: Sequence[str] | None = None
) -> FoldPredictions:
    """Predictions for clips that are named by their number, in float32."""
    n = len(np.asarray(targets))
    return FoldPredictions(
        split="test",
        files=tuple(f"{prefix}{i:04d}.wav" for i in range(n)),
        probabilities=np.asarray(probabilities, dtype=np.float32),
        targets=np.asarray(targets, dtype=np.float32),
        row_file=np.arange(n),
        groups=None if groups is None else tuple(groups),
    )


def right(answers: Sequence[bool], prefix: str = "", groups: Sequence[str] | None = None) -> FoldPredictions:
    """Two classes; each clip's answer is right or wrong."""
    truth = np.arange(len(answers)) % 2
    said = np.where(np.asarray(answers, dtype=bool), truth, 1 - truth)
    return fold(np.eye(2)[said], np.eye(2)[truth], prefix, groups)


def shuffled(one: FoldPredictions, seed: int = 1) -> FoldPredictions:
    """The same clips in another order of files and of rows."""
    rng = np.random.default_rng(seed)
    files, rows = rng.permutation(len(one.files)), rng.permutation(len(one.files))
    return replace(
        one,
        files=tuple(one.files[i] for i in files),
        probabilities=one.probabilities[rows],
        targets=one.targets[rows],
        row_file=np.argsort(files)[one.row_file][rows],  # of each row's file in the new order
    )


def ranked(n: int, n_classes: int, skill: float, seed: int = 0) -> FoldPredictions:
    """Multi-hot targets with many positives, and probabilities that know something of them."""
    target = (np.random.default_rng(0).random((n, n_classes)) < 0.4).astype(np.float32)
    noise = np.random.default_rng(seed).random((n, n_classes))
    return fold((skill * target + noise).round(2), target)  # with ties


def event_fold(n_files: int, seed: int, chance_of_hit: float) -> FoldPredictions:
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
    return replace(
        fold(np.empty((0, 2)), np.empty((0, 2))),
        files=tuple(f"{i:03d}.wav" for i in range(n_files)),
        predicted_events=predicted,
        reference_events=target,
    )


def events(
    folder: Path, of: EncoderFacts, on: TaskFacts, folds: Sequence[FoldPredictions], score_name: str, **facts: Any
) -> Path:
    """An event result whose scores are those of its predictions."""
    higher = score_name != "segment_1s_er"
    scores = [
        evaluate_events([score_name], one.reference_events, one.predicted_events)[score_name]
        for one in folds
        if one.reference_events is not None and one.predicted_events is not None
    ]
    return save(folder, fake.success(of, on, scores, None, score_name, higher, **facts), folds)
