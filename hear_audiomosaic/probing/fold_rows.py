"""The rows of one fold: those that train, and the watch over those that validate."""

from __future__ import annotations

import dataclasses

import numpy as np

from hear_audiomosaic.errors import EmbeddingError, ProtocolError
from hear_audiomosaic.probing.data import Fold, ProbeTask, SplitRows
from hear_audiomosaic.probing.fused.trainer import TrainingData
from hear_audiomosaic.probing.monitor import Monitor
from hear_audiomosaic.probing.postprocessing import Frames, Setting, settings_of
from hear_audiomosaic.probing.protocol import Protocol

__all__ = ["frames_of", "monitored", "of_fold", "training_data"]


def of_fold(task: ProbeTask, protocol: Protocol, fold: Fold) -> ProbeTask:
    """The task as this fold's head sees it: as it is, or with features standardised by the fold's training rows."""
    if not protocol.standardise:
        return task
    rows = np.concatenate([task.splits[name].values for name in fold.train])
    mean, std = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    scale = np.where(std > 0, 1.0 / np.maximum(std, 1e-12), 0.0)  # what never changes tells nothing
    splits = {
        name: dataclasses.replace(
            task.splits[name], values=((task.splits[name].values - mean) * scale).astype(np.float32)
        )
        for name in (*fold.train, fold.valid, fold.test)
    }
    return dataclasses.replace(task, splits=splits)


def training_data(task: ProbeTask, protocol: Protocol, fold: Fold) -> TrainingData:
    """Join a fold's training rows, and set up the watch over its validation rows.

    Raises:
        ProtocolError: the task is selected by validation loss and has several post-processing settings; or ``strict``,
            and heareval would crash on a file of one frame.
    """
    parts = [task.splits[name] for name in fold.train]
    values = parts[0].values if len(parts) == 1 else np.concatenate([part.values for part in parts])
    targets = parts[0].targets if len(parts) == 1 else np.concatenate([part.targets for part in parts])
    rows, (score, settings) = task.splits[fold.valid], monitored(task, protocol)
    frames = frames_of(rows, protocol) if settings else None
    return TrainingData(values, targets, Monitor(rows, score, task.prediction_type == "multilabel", frames, settings))


def monitored(task: ProbeTask, protocol: Protocol) -> tuple[str | None, tuple[Setting, ...]]:
    """The score that is watched (None: the validation loss), and the post-processing settings to choose from.

    Raises:
        ProtocolError: the protocol does not apply to the task.
    """
    score = task.evaluation[0] if task.use_scoring_for_early_stopping else None
    if task.embedding_type != "event":
        return score, ()
    if protocol.shots is not None:
        raise ProtocolError(
            f"task {task.name!r} labels frames, and protocol {protocol.name!r} draws clips by their labels; "
            "use it for scene tasks, and linear or hear-2021 here."
        )
    settings = settings_of(task.event_postprocessing_grid or protocol.event_postprocessing_grid)
    if score is None and len(settings) != 1:
        raise ProtocolError(
            f"task {task.name!r} is selected by validation loss, so its post-processing grid must have one "
            f"setting; it has {len(settings)}."
        )
    return score, settings


def frames_of(rows: SplitRows, protocol: Protocol) -> Frames:
    """The frames of an event split, for post-processing.

    Raises:
        EmbeddingError: the split has no timestamps.
    """
    if rows.timestamps_ms is None:
        raise EmbeddingError("an event split needs timestamps.")
    return Frames(rows.row_file, rows.timestamps_ms, threshold=protocol.event_threshold, strict=protocol.strict)
