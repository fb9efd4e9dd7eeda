"""The most confident mistakes: the clips to listen to when a score is low."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result, TaskFacts
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["Mistake", "mistakes", "open_probed_task"]


@dataclass(frozen=True)
class Mistake:
    """A clip with a wrong prediction."""

    split: str
    file: str
    expected: tuple[str, ...]
    """Its labels."""
    predicted: str
    """Multiclass: the most probable label. Multilabel: the label with the largest error."""
    probability: float
    """Of ``predicted``, 0 to 1."""
    kind: Literal["mistaken", "false alarm", "missed"]
    """Multiclass is always mistaken; a label of a multilabel clip is a false alarm, or missed."""
    audio: Path | None = None
    """The clip, where the task's folder was given and is the one that was probed."""


def mistakes(
    result: Result, predictions: Sequence[FoldPredictions], task: PreparedTask | None = None, n: int = 6
) -> tuple[Mistake, ...]:
    """Find the wrong predictions that were made with the most confidence.

    Multiclass: clips whose most probable class is not theirs, by its probability. Multilabel: clips by their label
    with the largest distance between probability and truth (0 or 1), from one half upwards.

    Args:
        result: of a scene task.
        predictions: its test predictions, one per fold.
        task: the prepared task that was probed (:func:`open_probed_task`), for the audio of the clips; None: clips have
            names only. (Default: None)
        n: largest number of mistakes. (Default: 6)

    Returns:
        The most confident first, of all folds; ties in the order of folds and clips.
    """
    multiclass = result.task.prediction_type == "multiclass"
    ranked: list[tuple[float, Mistake]] = []
    for one in predictions:
        truth, files = one.targets > 0, one.row_names
        probabilities = one.probabilities.astype(np.float64)
        error = np.abs(probabilities - truth)  # (n, C)
        label = probabilities.argmax(axis=1) if multiclass else error.argmax(axis=1)  # (n,)
        rows = np.arange(len(label))
        is_label = truth[rows, label]
        confidence = probabilities[rows, label] if multiclass else error[rows, label]
        wrong = ~is_label if multiclass else confidence >= 0.5
        order = np.argsort(-confidence, kind="stable")
        for row in order[wrong[order]][:n].tolist():
            mistake = Mistake(
                split=one.split,
                file=files[row],
                expected=tuple(result.task.vocabulary[c] for c in np.flatnonzero(truth[row])),
                predicted=result.task.vocabulary[label[row]],
                probability=float(probabilities[row, label[row]]),
                kind="mistaken" if multiclass else "missed" if is_label[row] else "false alarm",
                audio=None if task is None else _audio(task, one.split, files[row], result.encoder.sample_rate_hz or 0),
            )
            ranked.append((float(confidence[row]), mistake))
    ranked.sort(key=lambda pair: -pair[0])
    return tuple(mistake for _, mistake in ranked[:n])


def open_probed_task(facts: TaskFacts, tasks_dir: Path) -> PreparedTask:
    """Open the prepared task of a result.

    Args:
        facts: of the task that was probed.
        tasks_dir: folder of prepared tasks.

    Raises:
        TaskError: the folder has no task of this name, or one with other labels.
    """
    if fault := plain_name_fault(facts.directory, "task folder"):
        raise TaskError(fault)
    task = PreparedTask.open(tasks_dir / facts.directory)
    if task.digest != facts.digest:
        raise TaskError(f"{task.directory} has other labels than those that were probed, so its clips may be others")
    return task


def _audio(task: PreparedTask, split: str, file: str, rate_hz: int) -> Path | None:
    """The clip at the encoder's rate; None for a name that the task does not have (it could be any path)."""
    if split not in task.splits or file not in task.labels(split) or not task.rates_hz:
        return None
    path = task.audio_path(split, file, task.best_rate(rate_hz))
    return path if path.is_file() else None
