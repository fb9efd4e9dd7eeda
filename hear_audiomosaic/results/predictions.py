"""Test predictions as plain arrays, so that scores can be computed again from them.

An ``.npz`` of arrays ``<split>/<name>``, read without unpickling. The names, of which only this module knows:

- ``files`` (F,) names of the clips; ``group`` (F,) what each belongs to (a speaker, a recording), where that is known;
- ``prediction`` (n, C) probabilities and ``target`` (n, C) multi-hot, a row per clip or per frame; ``row_file`` (n,)
  index of each row's clip; ``timestamp_ms`` (n,) of frames;
- for events, ``predicted_events_<part>`` and ``target_events_<part>``, each (E,), with the parts ``file`` (index),
  ``label`` (index), ``start_ms`` and ``end_ms``.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError, ResultError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.metrics import Events

__all__ = ["FoldPredictions", "Predictions"]

Arrays = Mapping[str, npt.NDArray[Any]]

_EVENT_PARTS = ("file", "label", "start_ms", "end_ms")
_UNREADABLE = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError, AttributeError, NotImplementedError),
    *(RuntimeError, KeyError, MemoryError, OverflowError, SyntaxError, tokenize.TokenError, struct.error),
)
"""What reading a broken archive raises; numpy takes headers for Python."""


_LARGEST_UNQUESTIONED = 256 * 2**20
"""Bytes that an archive may unpack to however small it is."""
_LARGEST_RATIO = 100
"""Of unpacked to packed bytes above that. Probabilities, half of an archive, hardly shrink; zeros do 1000-fold."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class FoldPredictions:
    """The predictions for one test split.

    Raises:
        ResultError: the arrays do not fit each other; the message names no file.
    """

    split: str
    files: tuple[str, ...]
    """(F,) names of the clips."""
    probabilities: npt.NDArray[Any]
    """(n, C) floating-point numbers, a row per clip or per frame."""
    targets: npt.NDArray[Any]
    """(n, C) multi-hot."""
    row_file: npt.NDArray[Any]
    """(n,) index of each row's clip."""
    groups: tuple[str, ...] | None = None
    """(F,) what each clip belongs to; None where nothing is known."""
    timestamps_ms: npt.NDArray[Any] | None = None
    """(n,) of frames; None where rows are clips."""
    predicted_events: Events | None = None
    """With indices into ``files``; None for scenes."""
    reference_events: Events | None = None

    def __post_init__(self) -> None:
        name, n_files, shape = self.split, len(self.files), self.targets.shape
        if len(shape) != 2 or self.probabilities.shape != shape:
            found = f"{self.probabilities.shape} and {shape}"
            raise ResultError(f"of {name}, expected predictions and targets of rows x classes, found {found}")
        if self.probabilities.dtype.kind != "f" or self.targets.dtype.kind not in "fbiu":
            raise ResultError(f"of {name}, expected predictions and targets that are numbers")
        n, rows = shape[0], self.row_file
        if rows.shape != (n,) or (n and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n_files)):
            raise ResultError(f"the rows of {name} do not fit its {n_files} clips")
        if self.timestamps_ms is not None and self.timestamps_ms.shape != (n,):
            raise ResultError(f"of {name}, expected {n} timestamps, found {self.timestamps_ms.shape}")
        if self.groups is not None and len(self.groups) != n_files:
            raise ResultError(f"of {name}, expected a group for each of {n_files} clips, found {len(self.groups)}")
        for events in (self.predicted_events, self.reference_events):
            if events is not None and len(events) and not 0 <= events.file.min() <= events.file.max() < n_files:
                raise ResultError(f"the events of {name} do not fit its {n_files} clips")

    @property
    def row_names(self) -> tuple[str, ...]:
        """(n,) name of each row's clip."""
        return tuple(self.files[i] for i in self.row_file.tolist())

    def require_classes(self, n_classes: int) -> None:
        """Check that every row has a finite probability of each class of a task.

        Raises:
            ResultError: that is not so, or there is no row; the message names no file.
        """
        if not len(self.row_file) or self.probabilities.shape[1] != n_classes:
            raise ResultError(f"those of {self.split} do not fit the task's {n_classes} classes")
        if not np.isfinite(self.probabilities).all():
            raise ResultError(f"those of {self.split} are not all finite")

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays of the archive, without the name of the split."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "prediction": self.probabilities,
            "target": self.targets,
            "files": np.array(self.files, dtype=np.str_),
            "row_file": self.row_file,
        }
        if self.timestamps_ms is not None:
            arrays["timestamp_ms"] = self.timestamps_ms
        for kind, events in (("predicted", self.predicted_events), ("target", self.reference_events)):
            if events is not None:
                arrays |= {f"{kind}_events_{part}": getattr(events, part) for part in _EVENT_PARTS}
        if self.groups is not None:
            arrays["group"] = np.array(self.groups, dtype=np.str_)
        return arrays

    @classmethod
    def from_arrays(cls, split: str, arrays: Arrays) -> FoldPredictions:
        """The inverse of :meth:`to_arrays`. Where there are events, the frames behind them may be missing.

        Raises:
            ResultError: an array is missing, or they do not fit each other; the message names no file.
        """
        predicted, reference = _events(arrays, "predicted"), _events(arrays, "target")
        if reference is not None and "prediction" not in arrays:
            nothing = np.empty((0, 0), np.float32)
            arrays = {"prediction": nothing, "target": nothing, "row_file": np.empty(0, np.int64), **arrays}
        try:
            groups = arrays.get("group")
            return cls(
                split=split,
                files=_names(arrays["files"]),
                probabilities=arrays["prediction"],
                targets=arrays["target"],
                row_file=arrays["row_file"],
                groups=None if groups is None else _names(groups),
                timestamps_ms=arrays.get("timestamp_ms"),
                predicted_events=predicted,
                reference_events=reference,
            )
        except KeyError as error:
            raise ResultError(f"there is no {split}/{error.args[0]}") from error

    def save(self, path: Path) -> None:
        """Write this split alone to ``path`` atomically, its arrays without the name of the split."""
        _write(path, self.to_arrays())


@dataclass(frozen=True)
class Predictions:
    """The predictions of a result: one per test split."""

    folds: tuple[FoldPredictions, ...]

    def __iter__(self) -> Iterator[FoldPredictions]:
        return iter(self.folds)

    def save(self, path: Path) -> None:
        """Write to ``path`` atomically."""
        _write(path, {f"{fold.split}/{name}": array for fold in self.folds for name, array in fold.to_arrays().items()})

    @classmethod
    def load(cls, path: Path, splits: Sequence[str] | None = None) -> Predictions:
        """Read what :meth:`save` wrote; nothing is unpickled.

        Args:
            path: of the archive.
            splits: those to read, in that order; None: all that there are, in the order of the archive.
                (Default: None)

        Raises:
            ResultError: the file is missing, is not such an archive, or lacks a split; or arrays do not fit each other.
        """
        by_split: dict[str, dict[str, npt.NDArray[Any]]] = {}
        try:
            for key, array in _read(path):
                split, _, name = key.rpartition("/")
                by_split.setdefault(split, {})[name] = array
        except _UNREADABLE as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the system, not of the archive
                raise ResultError(described(error, "read", path)) from error
            raise ResultError(f"{path} cannot be read as predictions, a NumPy archive (.npz)") from error
        wanted = by_split if splits is None else splits
        try:
            return cls(tuple(FoldPredictions.from_arrays(split, by_split.get(split, {})) for split in wanted))
        except ResultError as error:
            raise ResultError(f"{path} does not hold the result's predictions ({error})") from error


def _read(path: Path) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Names and arrays of an archive, refused before anything of the size that it claims is allocated.

    ``np.load`` would open it twice, and believe a header.

    Raises:
        ValueError: an array stands there twice, or is not of the size of its entry, or the whole is out of all
            proportion to the file.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        size = sum(entry.file_size for entry in entries)
        if len({entry.filename for entry in entries}) < len(entries):
            raise ValueError("it holds an array twice")
        if size > max(_LARGEST_UNQUESTIONED, _LARGEST_RATIO * path.stat().st_size):
            raise ValueError(f"it would unpack to {size} bytes")
        for entry in entries:
            if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ValueError(f"{entry.filename} is compressed in an unknown way")
            with archive.open(entry) as file:
                read = _HEADERS.get(np.lib.format.read_magic(file))
                if read is None:
                    raise ValueError(f"{entry.filename} is of an unknown version")
                shape, fortran_order, dtype = read(file)
                claimed = math.prod(shape) * dtype.itemsize
                held = entry.file_size - file.tell()
                if claimed != held or dtype.hasobject:
                    raise ValueError(f"{entry.filename} claims {claimed} bytes of {dtype} and holds {held}")
                array = np.frombuffer(file.read(), dtype) if claimed else np.empty(0, dtype)
            yield entry.filename.removesuffix(".npy"), array.reshape(shape, order="F" if fortran_order else "C")


def _write(path: Path, arrays: Arrays) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **cast("dict[str, Any]", dict(arrays)))
    write_bytes(path, buffer.getvalue())


def _names(array: npt.NDArray[Any]) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ResultError(f"expected a list of names, found an array of {array.dtype}, {array.shape}")
    return tuple(array.tolist())


def _events(arrays: Arrays, kind: str) -> Events | None:
    keys = [f"{kind}_events_{part}" for part in _EVENT_PARTS]
    if not any(key in arrays for key in keys):
        return None
    try:
        return Events(*(arrays[key] for key in keys))
    except KeyError as error:
        raise ResultError(f"there is no {error.args[0]}") from error
    except MetricError as error:
        raise ResultError(str(error)) from error
