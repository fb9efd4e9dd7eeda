"""The rows of one fold: those that train, the monitor of those that validate, and those that test."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from hear_audiomosaic.errors import EmbeddingError, ProtocolError
from hear_audiomosaic.probing.data import ProbeTask, SplitRows
from hear_audiomosaic.probing.monitor import Monitor
from hear_audiomosaic.probing.postprocessing import Frames, Setting, settings_of
from hear_audiomosaic.probing.probe import TrainingData
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.probing.standardise import Standardiser
from hear_audiomosaic.tasks import Fold

__all__ = ["FoldRows", "fold_rows", "frames_of", "monitored"]


@dataclass(frozen=True)
class FoldRows:
    """What the probes of one fold are given."""

    training: TrainingData
    test: SplitRows


def fold_rows(task: ProbeTask, protocol: Protocol, fold: Fold) -> FoldRows:
    """Join a fold's training rows, standardise if the probe asks for it, and set up the monitor of validation.

    Raises:
        ProtocolError: the task is selected by validation loss and has several post-processing settings; or ``strict``,
            and heareval would crash on a file of one frame.
    """
    train = [task.splits[name] for name in fold.train]
    values = train[0].values if len(train) == 1 else np.concatenate([rows.values for rows in train])
    targets = train[0].targets if len(train) == 1 else np.concatenate([rows.targets for rows in train])
    valid, test = task.splits[fold.valid], task.splits[fold.test]
    if protocol.probe.standardise:
        standardised = Standardiser(values)
        values = standardised(values)
        valid, test = (dataclasses.replace(rows, values=standardised(rows.values)) for rows in (valid, test))
    score, settings = monitored(task, protocol)
    frames = frames_of(valid, protocol) if settings else None
    monitor = Monitor(valid, score, task.card.prediction_type == "multilabel", frames, settings)
    return FoldRows(TrainingData(values, targets, monitor), test)


def monitored(task: ProbeTask, protocol: Protocol) -> tuple[str | None, tuple[Setting, ...]]:
    """The score that is monitored (None: the validation loss), and the post-processing settings to choose from.

    Raises:
        ProtocolError: the protocol does not apply to the task.
    """
    card = task.card
    score = protocol.probe.monitored_score(card)
    if card.embedding_type != "event":
        return score, ()
    if protocol.shots is not None:
        raise ProtocolError(
            f"task {task.name!r} labels frames, and protocol {protocol.name!r} draws clips by their labels; "
            "use it for scene tasks, and linear, logistic or hear-2021 here."
        )
    settings = settings_of(card.event_postprocessing_grid or protocol.event_postprocessing_grid)
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
