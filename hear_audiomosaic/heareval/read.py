"""Reading an embeddings directory as heareval writes it.

Origin: heareval 2021.1.3. ``<split>.embeddings.npy`` is raw float32 without a header, its shape is in
``<split>.embedding-dimensions.json``; labels per row are a pickle, which is read by an unpickler that admits lists and
strings only (and, for scenes, compared with ``<split>.json`` in the order of the rows).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError, MetricError, TaskError
from hear_audiomosaic.heareval.files import read_events, read_frames, read_labels, read_metadata, read_values
from hear_audiomosaic.heareval.labels import read_pickled_labels, read_vocabulary
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import ProbeTask, SplitRows, heareval_row_order, multi_hot
from hear_audiomosaic.probing.data import frame_labels_of_rows
from hear_audiomosaic.tasks import TaskCard
from hear_audiomosaic.tasks.layout import METADATA, VOCABULARY

__all__ = ["is_heareval_directory", "read_heareval_directory"]


def is_heareval_directory(directory: Path) -> bool:
    """Whether this looks like a finished directory of heareval's embeddings step."""
    return (directory / METADATA).is_file() and any(directory.glob("*.embedding-dimensions.json"))


def read_heareval_directory(directory: Path) -> ProbeTask:
    """Read a directory that heareval's embeddings step (or ours) wrote.

    Args:
        directory: ``<embeddings>/<module>/<task>``.

    Returns:
        The task, its rows in the order of the files.

    Raises:
        EmbeddingError: a file is missing, has the wrong size, holds foreign objects, has
            a name of a clip that is no plain file name, or contradicts another one.
        TaskError: ``task_metadata.json`` describes no task, or has a split whose name is no plain file name.
    """
    if not is_heareval_directory(directory):
        raise EmbeddingError(
            f"{directory}: expected an embeddings directory of heareval (task_metadata.json and "
            "<split>.embedding-dimensions.json); give the directory of one task."
        )
    card = TaskCard.from_metadata(read_metadata(directory / METADATA), str(directory / METADATA))
    vocabulary, aliases = read_vocabulary(directory / VOCABULARY)
    read = _read_events if card.embedding_type == "event" else _read_scenes
    splits = read(directory, card.splits, vocabulary, aliases)
    return ProbeTask(card, splits, vocabulary)


def _read_scenes(
    directory: Path, splits: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> dict[str, SplitRows]:
    labels_of = {split: read_labels(directory / f"{split}.json") for split in splits}
    order = heareval_row_order({split: list(labels) for split, labels in labels_of.items()})
    rows = {}
    for split in splits:
        values = read_values(directory, split)
        labels = [labels_of[split][file] for file in order[split]]
        pickled = directory / f"{split}.target-labels.pkl"
        if pickled.is_file() and read_pickled_labels(pickled) != labels:
            raise EmbeddingError(
                f"{pickled}: its labels are not those of {split}.json in heareval's row order; "
                "the directory mixes two tasks or was made by another version; make it again."
            )
        _check_length(directory / f"{split}.json", len(labels), len(values))
        targets = _targets(directory / f"{split}.json", labels, vocabulary, aliases)
        rows[split] = SplitRows(values, targets, tuple(order[split]), np.arange(len(values)))
    return rows


def _read_events(
    directory: Path, splits: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> dict[str, SplitRows]:
    return {split: _read_event_split(directory, split, vocabulary, aliases) for split in splits}


def _read_event_split(
    directory: Path, split: str, vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> SplitRows:
    path = directory / f"{split}.json"
    events_of = read_events(path, aliases)
    values = read_values(directory, split)
    frames = read_frames(directory, split, list(events_of))
    _check_length(directory / f"{split}.filename-timestamps.json", len(frames.row_file), len(values))
    pickled = directory / f"{split}.target-labels.pkl"
    if pickled.is_file():
        labels = read_pickled_labels(pickled)
        _check_length(pickled, len(labels), len(values))
    else:
        labels = frame_labels_of_rows(events_of, frames.files, frames.row_file, frames.timestamps_ms)
    targets = _targets(pickled if pickled.is_file() else path, labels, vocabulary, aliases)
    try:
        reference = Events.from_lists(events_of, frames.files, vocabulary)
    except MetricError as error:
        raise EmbeddingError(f"{path}: {error}") from error
    return SplitRows(values, targets, frames.files, frames.row_file, frames.timestamps_ms, reference)


def _targets(
    path: Path, labels: Sequence[Sequence[str]], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> npt.NDArray[np.float32]:
    """Multi-hot (n, C) of labels that stand in ``path``."""
    try:
        return multi_hot([[aliases.get(label, label) for label in row] for row in labels], vocabulary)
    except TaskError as error:
        raise EmbeddingError(f"{path}: {error} Make the embeddings again.") from error


def _check_length(path: Path, length: int, expected: int) -> None:
    if length != expected:
        raise EmbeddingError(f"{path}: expected {expected} rows as in the embeddings, found {length}.")
