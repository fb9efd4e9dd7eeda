"""Embeddings of one split by one encoder: an append-only log that survives a kill at any moment.

A folder holds ``values.f32`` (raw float32 rows, C order), for timestamp embeddings also ``times.f64`` (ms, one per
row), and ``index.jsonl``, one line per clip that says which rows are its own and the digest of the audio they were made
from. A line is written after its rows, so what the index names is whole. A clip whose audio has changed is a clip that
is not there. One process at a time writes (``writer.lock``), and cuts off first what stands after the last named row.
Readers take no lock and write nothing: they see the clips that were whole when they opened the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.locks import locked

__all__ = ["SplitEmbeddings", "SplitStore"]

Array = npt.NDArray[Any]
_INDEX = "index.jsonl"


@dataclass(frozen=True)
class SplitEmbeddings:
    """Embeddings of a split.

    Attributes:
        values: float32, shape (n, D); a scene has one row per clip, an event task one per time step.
        files: names of the clips, in row order.
        row_file: int64, shape (n,): which of ``files`` a row belongs to.
        timestamps_ms: float64, shape (n,), centre times; None for scenes.
    """

    values: npt.NDArray[np.float32]
    files: tuple[str, ...]
    row_file: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.float64] | None


@dataclass(frozen=True)
class _Entry:
    audio: str
    first_row: int
    n_rows: int


class SplitStore:
    """One split's log: read as it is, written inside ``with``.

    Inside ``with`` this process is the only writer; it waits for another one, and then also has what that one wrote.

    Attributes:
        folder: where it is.

    Args:
        folder: made when it is written to.
        size: D, features per row.
        timed: whether rows carry timestamps.

    Raises:
        EmbeddingError: the folder holds embeddings of another size.
    """

    def __init__(self, folder: Path, size: int, timed: bool) -> None:
        self.folder, self._size, self._timed = folder, size, timed
        self._entries: dict[str, _Entry] = {}
        self._n_rows = 0
        self._n_bytes = 0  # of the index
        self._writing: ExitStack | None = None
        self._logs: dict[str, BinaryIO] = {}
        with file_errors("read", folder):
            self._load()

    def __enter__(self) -> SplitStore:
        split, task = self.folder.name, self.folder.parent.name
        holder = f"another run that embeds split {split} of {task} into the same store"
        with file_errors("written", self.folder), ExitStack() as stack:
            stack.enter_context(locked(self.folder / "writer.lock", holder, EmbeddingError))
            self._load()
            for name, whole in self._whole().items():
                path = self.folder / name
                path.touch()
                self._logs[name] = stack.enter_context(path.open("r+b"))
                self._logs[name].truncate(whole)
            self._writing = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self._writing is not None:
            self._writing.close()
        self._writing = None

    def has(self, file: str, audio: str) -> bool:
        """Whether embeddings of ``file`` made from audio of that digest are there."""
        entry = self._entries.get(file)
        return entry is not None and entry.audio == audio

    def append(
        self,
        file: str,
        audio: str,
        values: npt.NDArray[np.float32],
        timestamps_ms: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Add one clip (inside ``with``).

        Args:
            file: its name.
            audio: digest of its audio.
            values: shape (rows, D).
            timestamps_ms: shape (rows,), for timed stores.
        """
        if self._writing is None:
            raise EmbeddingError("Open the store with a with-statement before appending to it.")
        entry = {"file": file, "audio": audio, "first_row": self._n_rows, "n_rows": len(values), "size": self._size}
        line = json.dumps(entry).encode() + b"\n"
        new = {"values.f32": np.ascontiguousarray(values, dtype="<f4").tobytes()}
        if self._timed:
            new["times.f64"] = np.ascontiguousarray(timestamps_ms, dtype="<f8").tobytes()
        for name, begin in self._whole().items():  # the index last; over what an append that failed left behind
            with file_errors("written", self.folder / name):
                self._logs[name].seek(begin)
                self._logs[name].write({**new, _INDEX: line}[name])
                self._logs[name].flush()
        self._entries[file] = _Entry(audio, self._n_rows, len(values))
        self._n_rows += len(values)
        self._n_bytes += len(line)

    def read(self, files: Sequence[str]) -> SplitEmbeddings:
        """Rows of ``files``, in that order.

        Raises:
            EmbeddingError: a file's embeddings are not there.
        """
        if missing := [file for file in files if file not in self._entries]:
            raise EmbeddingError(
                f"{self.folder} lacks {len(missing)} clips, {missing[0]} among them; embed them first."
            )
        entries = [self._entries[file] for file in files]
        n_rows = np.array([entry.n_rows for entry in entries], dtype=np.int64)
        rows = np.concatenate([np.arange(entry.first_row, entry.first_row + entry.n_rows) for entry in entries])
        # Rows that are known here: behind them another run may be writing.
        known = (self._n_rows, self._size)
        values = np.memmap(self.folder / "values.f32", dtype="<f4", mode="r", shape=known)
        times = None
        if self._timed:
            times = np.memmap(self.folder / "times.f64", dtype="<f8", mode="r", shape=self._n_rows)[rows]
        return SplitEmbeddings(
            values=np.asarray(values[rows]),
            files=tuple(files),
            row_file=np.repeat(np.arange(len(files), dtype=np.int64), n_rows),
            timestamps_ms=times,
        )

    def _load(self) -> None:
        """Read the index as far as it and the rows are whole; the index first, so that what it names is there."""
        self._entries, self._n_rows, self._n_bytes = {}, 0, 0
        index = self.folder / _INDEX
        lines = index.read_bytes().splitlines(keepends=True) if index.is_file() else []
        present = min(self._rows_in(name, width) for name, width in self._files().items())
        for line in lines:
            entry = _parse(line)
            if entry is None or entry["first_row"] + entry["n_rows"] > present:
                break
            if entry["size"] != self._size:
                raise EmbeddingError(
                    f"{self.folder} holds embeddings of {entry['size']} features, this encoder gives {self._size}; "
                    "remove that folder."
                )
            self._entries[entry["file"]] = _Entry(entry["audio"], entry["first_row"], entry["n_rows"])
            self._n_rows = entry["first_row"] + entry["n_rows"]
            self._n_bytes += len(line)

    def _whole(self) -> dict[str, int]:
        """Length in bytes of what is whole, for each file; the index is the last."""
        return {name: self._n_rows * width for name, width in self._files().items()} | {_INDEX: self._n_bytes}

    def _files(self) -> Mapping[str, int]:
        """Files of rows and the bytes of a row in each."""
        return {"values.f32": 4 * self._size} | ({"times.f64": 8} if self._timed else {})

    def _rows_in(self, name: str, width: int) -> int:
        path = self.folder / name
        return path.stat().st_size // width if path.is_file() else 0


def _parse(line: bytes) -> dict[str, Any] | None:
    """An index line, or None when a kill cut it short."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"file", "audio", "first_row", "n_rows", "size"} <= set(entry) else None
