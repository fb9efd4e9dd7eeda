"""The files of heareval's embeddings directories one by one: each typed and whole, or an error that names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, StrictInt, StrictStr, TypeAdapter, model_validator

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.parsing import UnreadableError, parse_json
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.reading import read_file

__all__ = ["AGAIN", "SplitFrames", "read_events", "read_frames", "read_labels", "read_metadata", "read_values"]

AGAIN = "make the embeddings again"

T = TypeVar("T")
Milliseconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Label = StrictStr | StrictInt
"""MAESTRO's are integers."""


class _Event(BaseModel):
    label: Label
    start: Milliseconds
    end: Milliseconds

    @model_validator(mode="after")
    def _lasts(self) -> _Event:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"lasts from {self.start} to {self.end} ms; expected 0 <= start <= end")
        return self


_LABELS = TypeAdapter(dict[str, list[Label]])
_EVENTS = TypeAdapter(dict[str, list[_Event]])
_SHAPE = TypeAdapter(tuple[Annotated[StrictInt, Field(ge=0)], Annotated[StrictInt, Field(ge=1)]])
_FRAMES = TypeAdapter(list[tuple[StrictStr, Milliseconds]])


@dataclass(frozen=True)
class SplitFrames:
    """Where the frames of a split lie.

    Attributes:
        files: names of the clips, in the order of their rows.
        row_file: (n,) index of each row's clip.
        timestamps_ms: (n,) centre of each row's frame.
    """

    files: tuple[str, ...]
    row_file: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.float64]


def read_metadata(path: Path) -> dict[str, Any]:
    """Read ``task_metadata.json``, whose fields the task's card checks."""

    def mapping(content: bytes) -> dict[str, Any]:
        metadata = parse_json(content)
        if not isinstance(metadata, dict):
            raise UnreadableError("it is no object")
        return metadata

    return read_file(path, mapping, EmbeddingError, "a task's metadata", AGAIN)


def read_labels(path: Path) -> dict[str, list[str]]:
    """Read ``<split>.json`` of a scene task: clip -> labels as strings, in the order of the file.

    Raises:
        EmbeddingError: it cannot be read, or a clip's name is no plain file name.
    """
    content = _typed(path, _LABELS, "the labels of a split's clips")
    _check_names(path, content)
    return {file: [str(label) for label in labels] for file, labels in content.items()}


def read_events(path: Path, aliases: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Read ``<split>.json`` of an event task: clip -> ``{label, start, end}`` in ms, in the order of the file.

    Args:
        path: of the file.
        aliases: label -> what it stands for.

    Raises:
        EmbeddingError: it cannot be read, or a clip's name is no plain file name.
    """
    content = _typed(path, _EVENTS, "the events of a split's clips")
    _check_names(path, content)
    return {
        file: [
            {"label": aliases.get(str(one.label), str(one.label)), "start": one.start, "end": one.end} for one in events
        ]
        for file, events in content.items()
    }


def read_values(directory: Path, split: str) -> npt.NDArray[np.float32]:
    """Read a split's embeddings (n, D): raw float32, of the shape that the file beside says.

    Raises:
        EmbeddingError: a file is missing, or does not have the size.
    """
    shape = directory / f"{split}.embedding-dimensions.json"
    n, n_features = _typed(shape, _SHAPE, "the shape of a split's embeddings, [rows, features]")
    path = directory / f"{split}.embeddings.npy"
    wanted = n * n_features * 4

    def values(content: bytes) -> npt.NDArray[np.float32]:
        if len(content) != wanted:
            raise UnreadableError(f"expected {wanted} bytes, found {len(content)}")
        return np.frombuffer(bytearray(content), dtype="<f4").reshape(n, n_features)

    what = f"{n} x {n_features} float32 numbers without a header"
    return read_file(path, values, EmbeddingError, what, AGAIN)


def read_frames(directory: Path, split: str, clips: Sequence[str]) -> SplitFrames:
    """Read where a split's frames lie: ``[["<folder>/<split>/<clip>", ms], ...]``, clip by clip, ascending.

    Args:
        directory: of the embeddings.
        split: its name.
        clips: of ``<split>.json``.

    Raises:
        EmbeddingError: it cannot be read, names a clip of another split, lacks one, or its times do not ascend.
    """
    path = directory / f"{split}.filename-timestamps.json"
    pairs = _typed(path, _FRAMES, 'the frames of a split, [["<split>/<clip>", ms], ...]')
    index: dict[str, int] = {}
    row_file = np.empty(len(pairs), dtype=np.int64)
    times = np.array([time for _, time in pairs], dtype=np.float64)
    known, before = set(clips), ""
    for row, (slug, _) in enumerate(pairs):
        folder, name = ("", *PurePosixPath(slug).parts)[-2:]
        if folder != split or name not in known:
            raise EmbeddingError(f"{path}: {shortened(slug)!r} has frames but is not in {split}.json; {AGAIN}.")
        if name != before and name in index:
            raise EmbeddingError(f"{path}: the frames of {shortened(name)!r} do not follow each other; {AGAIN}.")
        row_file[row] = index.setdefault(name, len(index))
        before = name
    back = np.flatnonzero((np.diff(times) <= 0) & (np.diff(row_file) == 0))
    if len(back):
        slug, time = pairs[int(back[0]) + 1]
        raise EmbeddingError(f"{path}: the frames of {shortened(slug)!r} do not ascend at {time} ms; {AGAIN}.")
    if lacking := [clip for clip in clips if clip not in index]:
        raise EmbeddingError(f"{path}: {shortened(lacking[0])!r} of {split}.json has no frames; {AGAIN}.")
    return SplitFrames(tuple(index), row_file, times)


def _typed(path: Path, kind: TypeAdapter[T], what: str) -> T:
    def parse(content: bytes) -> T:
        return kind.validate_python(parse_json(content))

    return read_file(path, parse, EmbeddingError, what, AGAIN)


def _check_names(path: Path, names: Mapping[str, Any]) -> None:
    if not names:
        raise EmbeddingError(f"{path} names no clip; {AGAIN}.")
    for name in names:
        if fault := plain_name_fault(name, "clip"):
            raise EmbeddingError(f"{path}: {fault}, and {AGAIN}.")
