"""Reading an embeddings directory as heareval writes it.

Origin: heareval 2021.1.3. ``<split>.embeddings.npy`` is raw float32 without a header, its shape is in
``<split>.embedding-dimensions.json``; labels per row are a pickle, which is read by an unpickler that admits lists and
strings only (and, for scenes, compared with ``<split>.json`` in the order of the rows).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.heareval.labels import read_pickled_labels, read_vocabulary
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.paths import plain_name_fault
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
    card = TaskCard.from_metadata(read_json(directory / METADATA), str(directory / METADATA))
    vocabulary, aliases = read_vocabulary(directory / VOCABULARY)
    order = heareval_row_order({split: _clip_names(directory / f"{split}.json") for split in card.splits})
    read = _read_events if card.embedding_type == "event" else _read_scenes
    splits = {split: read(directory, split, order[split], vocabulary, aliases) for split in card.splits}
    return ProbeTask(card, splits, vocabulary)


def _read_scenes(
    directory: Path, split: str, order: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> SplitRows:
    values = _read_values(directory, split)
    labels_of = read_json(directory / f"{split}.json")
    labels = [[str(label) for label in labels_of[file]] for file in order]
    pickled = directory / f"{split}.target-labels.pkl"
    if pickled.is_file() and read_pickled_labels(pickled) != labels:
        raise EmbeddingError(
            f"{pickled}: its labels are not those of {split}.json in heareval's row order; "
            "the directory mixes two tasks or was made by another version; make it again."
        )
    _check_length(directory / f"{split}.json", len(labels), len(values))
    labels = [[aliases.get(label, label) for label in row] for row in labels]
    return SplitRows(values, multi_hot(labels, vocabulary), tuple(order), np.arange(len(values)))


def _read_events(
    directory: Path, split: str, order: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> SplitRows:
    values = _read_values(directory, split)
    slugs = read_json(_existing(directory / f"{split}.filename-timestamps.json"))
    _check_length(directory / f"{split}.filename-timestamps.json", len(slugs), len(values))
    names = [PurePosixPath(slug).name for slug, _ in slugs]
    files = tuple(dict.fromkeys(names))
    index = {file: number for number, file in enumerate(files)}
    timestamps_ms = np.array([time for _, time in slugs], dtype=np.float64)
    events_of = {
        file: [{**event, "label": aliases.get(str(event["label"]), str(event["label"]))} for event in events]
        for file, events in read_json(directory / f"{split}.json").items()
    }
    unknown = sorted(set(files) - set(order))
    if unknown:
        raise EmbeddingError(f"{directory}: {unknown[0]!r} has frames but is not in {split}.json.")
    row_file = np.array([index[name] for name in names], dtype=np.int64)
    pickled = directory / f"{split}.target-labels.pkl"
    if pickled.is_file():
        labels = [[aliases.get(label, label) for label in row] for row in read_pickled_labels(pickled)]
        _check_length(pickled, len(labels), len(values))
    else:
        labels = frame_labels_of_rows(events_of, files, row_file, timestamps_ms)
    reference = Events.from_lists(events_of, files, vocabulary)
    return SplitRows(values, multi_hot(labels, vocabulary), files, row_file, timestamps_ms, reference)


def _read_values(directory: Path, split: str) -> npt.NDArray[np.float32]:
    n, n_features = read_json(_existing(directory / f"{split}.embedding-dimensions.json"))
    path = _existing(directory / f"{split}.embeddings.npy")
    if path.stat().st_size != n * n_features * 4:
        raise EmbeddingError(
            f"{path}: expected {n} x {n_features} float32 numbers without a header ({n * n_features * 4} bytes), "
            f"found {path.stat().st_size} bytes; make the embeddings again."
        )
    return np.fromfile(path, dtype="<f4").reshape(n, n_features)


def _clip_names(path: Path) -> list[str]:
    names = list(read_json(_existing(path)))
    for name in names:
        if fault := plain_name_fault(name, "clip"):
            raise EmbeddingError(f"{path}: {fault}, and make the embeddings again.")
    return names


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EmbeddingError(f"{path} is missing; make the embeddings again.")
    return path


def _check_length(path: Path, length: int, expected: int) -> None:
    if length != expected:
        raise EmbeddingError(f"{path}: expected {expected} rows as in the embeddings, found {length}.")
