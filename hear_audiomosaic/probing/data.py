"""What a protocol is run on: rows of embeddings with their labels, split by split.

Origin: heareval 2021.1.3, whose rows, row order and labels per frame are reproduced.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError, TaskError
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.tasks import TaskCard

__all__ = [
    "ProbeTask",
    "SplitRows",
    "frame_labels",
    "frame_labels_of_rows",
    "heareval_row_order",
    "multi_hot",
]

Floats = npt.NDArray[np.float32]

FRAME_TOLERANCE_MS = 0.0001
"""An event's end belongs to it, up to this much."""


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split: one per clip (scene) or one per frame (event).

    Raises:
        EmbeddingError: the arrays do not fit each other.
    """

    values: Floats
    """(n, D) embeddings."""
    targets: Floats
    """(n, C) multi-hot labels."""
    files: tuple[str, ...]
    """Clip names; scene: one per row; event: each clip once, in row order."""
    row_file: npt.NDArray[np.int64]
    """(n,) index of each row's clip in ``files``."""
    timestamps_ms: npt.NDArray[np.float64] | None = None
    """(n,) centre of each frame; None for scenes."""
    reference: Events | None = None
    """The true events; None for scenes."""

    def __post_init__(self) -> None:
        n = len(self.values)
        if self.values.ndim != 2 or self.targets.ndim != 2:
            raise EmbeddingError(
                f"expected values (n, D) and targets (n, C), found {self.values.shape} and {self.targets.shape}."
            )
        lengths = [len(self.targets), len(self.row_file)]
        lengths += [] if self.timestamps_ms is None else [len(self.timestamps_ms)]
        if any(length != n for length in lengths):
            raise EmbeddingError(
                f"expected one entry per row ({n}) in targets, row_file and timestamps, found {lengths}."
            )
        if n and not 0 <= int(self.row_file.min()) <= int(self.row_file.max()) < len(self.files):
            raise EmbeddingError(f"row_file must index the {len(self.files)} files.")

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class ProbeTask:
    """A task as its probes see it: its card, and embeddings and labels of every split.

    Raises:
        TaskError: there are other splits than the card's, or labels that do not fit the kind of task; or a split has
            events, and none covers a frame.
        EmbeddingError: the splits do not fit each other, are empty, or hold values that are not finite.
    """

    card: TaskCard
    splits: Mapping[str, SplitRows]
    vocabulary: tuple[str, ...]

    def __post_init__(self) -> None:
        if set(self.splits) != set(self.card.splits):
            raise TaskError(f"task {self.name!r}: expected the splits {self.card.splits}, found {tuple(self.splits)}.")
        sizes = {rows.values.shape[1] for rows in self.splits.values()}
        if len(sizes) != 1:
            raise EmbeddingError(
                f"task {self.name!r}: expected one embedding size in all splits, found {sorted(sizes)}."
            )
        for split, rows in self.splits.items():
            self._check_split(split, rows)

    def _check_split(self, split: str, rows: SplitRows) -> None:
        where = f"task {self.name!r}, split {split!r}"
        if len(rows) == 0:
            raise EmbeddingError(f"{where}: there are no rows.")
        if rows.targets.shape[1] != len(self.vocabulary):
            raise EmbeddingError(
                f"{where}: expected one target column per vocabulary entry ({len(self.vocabulary)}), "
                f"found {rows.targets.shape[1]}."
            )
        if not np.isfinite(rows.values).all():
            raise EmbeddingError(f"{where}: the embeddings hold NaN or infinite values; mend the encoder.")
        if self.card.prediction_type == "multiclass" and not (rows.targets.sum(axis=1) == 1).all():
            raise TaskError(f"{where}: a multiclass row has one label exactly, found rows with none or several.")
        if self.card.embedding_type == "event" and (rows.timestamps_ms is None or rows.reference is None):
            raise EmbeddingError(f"{where}: an event task needs timestamps and reference events.")
        if rows.reference is not None and len(rows.reference) and not rows.targets.any():
            raise TaskError(self._no_frame(where, rows.reference))

    @staticmethod
    def _no_frame(where: str, events: Events) -> str:
        longest_ms = float((events.end_ms - events.start_ms).max())
        return (
            f"{where}: none of {len(events)} events covers a frame of this encoder, so that nothing can be learnt or "
            f"scored; the longest lasts {longest_ms:g} ms. Give events that last (offsets after their onsets), or take "
            "an encoder with a smaller hop."
        )

    @property
    def name(self) -> str:
        """The task's name, as in its card."""
        return self.card.name

    @property
    def embedding_size(self) -> int:
        """D."""
        return int(next(iter(self.splits.values())).values.shape[1])


def frame_labels(events: Sequence[Mapping[str, Any]], timestamps_ms: Sequence[float]) -> list[list[str]]:
    """Label the frames of one clip: all events with start <= t < end + 0.0001 ms.

    Args:
        events: ``{"label", "start", "end"}``, times in ms.
        timestamps_ms: the centre of each frame.

    Returns:
        For each frame its labels as strings, in the order of the events' starts (then ends, then labels).
    """
    ordered = sorted(events, key=lambda event: (event["start"], event["end"], str(event["label"])))
    return [
        [str(event["label"]) for event in ordered if event["start"] <= time < event["end"] + FRAME_TOLERANCE_MS]
        for time in timestamps_ms
    ]


def frame_labels_of_rows(
    events_of: Mapping[str, Sequence[Mapping[str, Any]]],
    files: Sequence[str],
    row_file: npt.NDArray[np.int64],
    timestamps_ms: npt.NDArray[np.float64],
) -> list[list[str]]:
    """Label every row of an event split by :func:`frame_labels`.

    Args:
        events_of: clip name -> its events.
        files: clip names.
        row_file: (n,) index of each row's clip in ``files``.
        timestamps_ms: (n,) centre of each row's frame.
    """
    labels: list[list[str]] = [[] for _ in row_file]
    for number, file in enumerate(files):
        rows = np.flatnonzero(row_file == number)
        for row, of_row in zip(rows, frame_labels(events_of[file], timestamps_ms[rows].tolist()), strict=True):
            labels[row] = of_row
    return labels


def heareval_row_order(splits: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Order the files of each split as heareval orders its rows.

    Each list is shuffled in place by one ``random.Random(0)``, whose state carries over from split to split.

    Args:
        splits: split name -> files in the order of ``<split>.json``; splits in the order of the metadata.

    Returns:
        Split name -> files in row order.
    """
    generator = random.Random(0)  # noqa: S311 - a published order, not a secret
    ordered = {split: list(files) for split, files in splits.items()}
    for files in ordered.values():
        generator.shuffle(files)
    return ordered


def multi_hot(labels: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> Floats:
    """Code lists of labels as (n, C) zeros and ones.

    Raises:
        TaskError: a label is not in the vocabulary.
    """
    index = {label: column for column, label in enumerate(vocabulary)}
    targets = np.zeros((len(labels), len(vocabulary)), dtype=np.float32)
    for row, row_labels in enumerate(labels):
        for label in row_labels:
            if label not in index:
                raise TaskError(f"label {shortened(label)!r} is not in the vocabulary ({len(vocabulary)} labels).")
            targets[row, index[label]] = 1.0
    return targets
