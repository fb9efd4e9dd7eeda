"""Embeddings of one split by one encoder: an append-only log that survives a kill at any moment and cannot lie.

A folder holds ``values.f32`` (raw rows, C order; ``values.f16`` where they are stored as float16), for timestamp
embeddings also ``times.f64`` (ms, one per row), and ``index.jsonl``, which says of each clip which rows are its own,
what audio they were made from and their checksum (:mod:`hear_audiomosaic.embedding.index`). A clip's line is written
after its rows, so what the index names was whole; rows that no longer are what was written are never given out. A clip
whose audio has changed is a clip that is not there.

One process at a time writes (``writer.lock``), and cuts off first what stands after the last named row. Readers take no
lock and write nothing: they see the clips that were whole when they opened the folder. To write a log anew, without
rows that nothing names, is to write other files of rows beside the old ones and then the index, at one stroke.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.embedding.index import FORMAT, Dtype, Entry, Header, line_of, read_index
from hear_audiomosaic.embedding.rows import (
    DamagedRowsError,
    NewRows,
    RowFiles,
    SplitEmbeddings,
    is_of_a_log,
    read_rows,
    write_at,
)
from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.locks import locked

__all__ = ["DamagedRowsError", "SplitEmbeddings", "SplitStore", "StoreUsage"]

_log = logging.getLogger(__name__)
_INDEX = "index.jsonl"


@dataclass(frozen=True)
class StoreUsage:
    """What a split's log takes on disk.

    Attributes:
        n_clips: clips that it has.
        n_bytes: of all files.
        n_unused_bytes: of those, rows and lines that nothing names any more; :meth:`SplitStore.compact` frees them.
    """

    n_clips: int
    n_bytes: int
    n_unused_bytes: int


class SplitStore:
    """One split's log: read as it is, written inside ``with``.

    Inside ``with`` this process is the only writer; it waits for another one, and then also has what that one wrote.

    Attributes:
        folder: where it is.
        is_begun: whether there is a log, be it without any clip.

    Args:
        folder: made when it is written to.
        size: D, features per row.
        timed: whether rows carry timestamps.
        dtype: how rows are stored; "float16" takes half the room and keeps 11 significant bits. (Default: "float32")

    Raises:
        EmbeddingError: the folder holds embeddings of another size or kind, is of a newer format, or cannot be read.
    """

    def __init__(self, folder: Path, size: int, timed: bool, dtype: Dtype = "float32") -> None:
        self.folder = folder
        self._rows = RowFiles(folder, Header(FORMAT, size, timed, dtype, 0))
        self._entries: dict[str, Entry] = {}
        self.is_begun = self._is_old = False
        self._n_rows = 0
        self._n_bytes = 0  # of the index
        self._writing: ExitStack | None = None
        self._logs: list[FileIO] = []
        self._is_synced = True
        if n_void := self._load():
            _log.warning("%s: %d damaged lines in %s; their clips are embedded anew.", folder, n_void, _INDEX)

    @classmethod
    def found(cls, folder: Path) -> SplitStore:
        """The log in a folder, as its index describes it.

        Raises:
            EmbeddingError: there is none, it is of another format, or its description is damaged.
        """
        with file_errors("read", folder / _INDEX):
            index = read_index(folder / _INDEX)
        header = index.header
        if header is None:
            why = {"none": f"there is no {_INDEX}", "old": "they are of format 1, which had no checksums"}
            raise EmbeddingError(
                f"{folder} holds no embeddings that can be used: "
                f"{why.get(index.state, f'the first line of {_INDEX} is damaged')}; remove that folder."
            )
        return cls(folder, header.size, header.timed, header.dtype)

    def __enter__(self) -> SplitStore:
        split, task = self.folder.name, self.folder.parent.name
        holder = f"another run that embeds split {split} of {task} into the same store"
        with file_errors("written", self.folder), ExitStack() as stack:
            stack.enter_context(locked(self.folder / "writer.lock", holder, EmbeddingError))
            self._load()
            stack.callback(self._close)
            self._is_synced = True
            if self.is_begun:
                self._open()
            else:
                if self._is_old:
                    _log.warning("%s is of format 1, without checksums; its clips are embedded anew.", self.folder)
                else:
                    for path in filter(lambda path: is_of_a_log(path.name), self.folder.iterdir()):
                        path.unlink()  # of a kill: nothing names it
                self._write_anew(())
            self._writing = stack.pop_all()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self._is_synced:
                with file_errors("written", self.folder):
                    for log in self._logs:  # the index last
                        os.fsync(log.fileno())
        finally:
            if self._writing is not None:
                self._writing.close()
            self._writing = None

    @property
    def is_timed(self) -> bool:
        """Whether rows carry timestamps."""
        return self._rows.header.timed

    @property
    def dtype(self) -> Dtype:
        """How rows are stored."""
        return self._rows.header.dtype

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the clips that are there."""
        return tuple(self._entries)

    def has(self, file: str, audio: str) -> bool:
        """Whether embeddings of ``file`` made from audio of that digest are there."""
        entry = self._entries.get(file)
        return entry is not None and entry.audio == audio

    def entry(self, file: str) -> Entry:
        """What the index says of a clip that is there."""
        return self._entries[file]

    def append(
        self,
        file: str,
        audio: str,
        values: npt.NDArray[np.float32],
        timestamps_ms: npt.NDArray[np.float64] | None = None,
        device: str = "cpu",
    ) -> None:
        """Add one clip (inside ``with``).

        Args:
            file: its name.
            audio: digest of its audio.
            values: shape (rows, D).
            timestamps_ms: shape (rows,), for timed stores.
            device: type of the device that computed them.

        Raises:
            EmbeddingError: they cannot be written, or do not fit into the type that is stored.
        """
        self.append_all([NewRows(file, audio, values, timestamps_ms, device)])

    def append_all(self, clips: Sequence[NewRows]) -> None:
        """As :meth:`append`, of several clips at one stroke; where one does not fit, those before it are added."""
        self._require_writing()
        entries, contents, failure = self._rows.additions(clips, self._n_rows)
        self._write(entries, contents)
        if failure is not None:
            raise failure

    def _write(self, entries: Sequence[Entry], contents: Sequence[bytes]) -> None:
        if not entries:
            return
        self._is_synced = False
        with file_errors("written", self.folder):  # over what an append that failed left behind
            for log, begin, content in zip(self._logs, self._ends().values(), contents, strict=True):
                write_at(log, begin, content)
        self._entries |= {entry.file: entry for entry in entries}
        self._n_rows = entries[-1].end
        self._n_bytes += len(contents[-1])

    def read(self, files: Sequence[str]) -> SplitEmbeddings:
        """Rows of ``files``, in that order, each clip's checked.

        Raises:
            DamagedRowsError: rows are not what was written; all such clips are named.
            EmbeddingError: a file's embeddings are not there, or cannot be read.
        """
        with ExitStack() as stack:
            logs = self._open_to_read(stack)
            if missing := [file for file in files if file not in self._entries]:
                raise EmbeddingError(
                    f"{self.folder} lacks {len(missing)} clips, {missing[0]} among them; embed them first."
                )
            entries = [self._entries[file] for file in files]
            n_rows = np.array([entry.n_rows for entry in entries], dtype=np.int64)
            arrays = self._rows.empty(int(n_rows.sum()))
            begins = (np.cumsum(n_rows) - n_rows).tolist()
            damaged = [
                entry.file
                for entry, begin in zip(entries, begins, strict=True)
                if not read_rows(logs, entry, [array[begin : begin + entry.n_rows] for array in arrays])
            ]
        if damaged:
            raise DamagedRowsError(self.folder, damaged)
        return SplitEmbeddings(
            values=arrays[0].astype(np.float32, copy=False),
            files=tuple(files),
            row_file=np.repeat(np.arange(len(files), dtype=np.int64), n_rows),
            timestamps_ms=arrays[1] if len(arrays) > 1 else None,
        )

    def verify(self, files: Iterable[str] | None = None) -> list[str]:
        """Names of the clips whose rows are not what was written.

        Args:
            files: clips that may be there; None: all that are. (Default: None)
        """
        with ExitStack() as stack:
            logs = self._open_to_read(stack)
            asked = self.files if files is None else files
            entries = [self._entries[file] for file in asked if file in self._entries]
            return [entry.file for entry in entries if not read_rows(logs, entry, self._rows.empty(entry.n_rows))]

    def usage(self) -> StoreUsage:
        """What it takes on disk."""
        with file_errors("read", self.folder):
            n_bytes = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        lines = [line_of(self._rows.header), *(line_of(entry) for entry in self._entries.values())]
        rows = sum(entry.n_rows for entry in self._entries.values())
        used = sum(len(line) for line in lines) + rows * self._rows.row_bytes if self.is_begun else 0
        return StoreUsage(len(self._entries), n_bytes, n_bytes - used)

    def forget(self, files: Iterable[str]) -> None:
        """Count clips as not there, until the folder is opened again."""
        for file in files:
            self._entries.pop(file, None)

    def clear(self) -> None:
        """Forget all clips for good (inside ``with``)."""
        self._require_writing()
        self._write_anew(())

    def compact(self) -> int:
        """Write the log anew without rows that nothing names and clips that are damaged (inside ``with``).

        Readers go on: those that have opened the folder before find the same rows.

        Returns:
            Bytes that this freed.
        """
        self._require_writing()
        before = self.usage().n_bytes
        self._write_anew(tuple(self._entries.values()))
        return before - self.usage().n_bytes

    def _load(self) -> int:
        """Read the index, then see which of its rows are there, in this order; how many of its lines are damaged."""
        self._entries, self.is_begun, self._is_old, self._n_rows, self._n_bytes = {}, False, False, 0, 0
        with file_errors("read", self.folder / _INDEX):
            index = read_index(self.folder / _INDEX)
        if index.header is None:
            self._is_old = index.state == "old"
            return int(index.state == "void")
        self._rows = RowFiles(self.folder, self._fitting(index.header))
        self.is_begun, self._n_bytes = True, index.n_bytes
        with file_errors("read", self.folder):
            n_present = self._rows.n_present()
        for entry in index.entries:
            if entry.end <= n_present:
                self._entries[entry.file] = entry
                self._n_rows = max(self._n_rows, entry.end)
        return index.n_void

    def _fitting(self, found: Header) -> Header:
        wanted = replace(self._rows.header, generation=found.generation)
        if found.size != wanted.size:
            raise EmbeddingError(
                f"{self.folder} holds embeddings of {found.size} features, this encoder gives {wanted.size}; "
                "remove that folder."
            )
        if found != wanted:
            raise EmbeddingError(
                f"{self.folder} holds {_kind(found)} embeddings, not {_kind(wanted)}; remove that folder."
            )
        return found

    def _open_to_read(self, stack: ExitStack) -> list[FileIO]:
        """The files of rows; where another process wrote the log anew, what it has of the same rows."""
        if not self._entries:
            return []
        with file_errors("read", self.folder):
            try:
                return self._rows.open(stack)
            except FileNotFoundError:
                before = {(entry.file, entry.audio, entry.rows) for entry in self._entries.values()}
                self._load()
                now = tuple(self._entries.values())
                self.forget(entry.file for entry in now if (entry.file, entry.audio, entry.rows) not in before)
                return self._rows.open(stack) if self._entries else []

    def _require_writing(self) -> None:
        if self._writing is None:
            raise EmbeddingError("Open the store with a with-statement before appending to it.")

    def _open(self) -> None:
        """Open what is written to, cut to what is whole; remove what broken-off writing left behind."""
        self._close()
        with file_errors("written", self.folder):
            for path in self.folder.iterdir():
                if is_of_a_log(path.name) and path.name not in self._rows.widths:
                    path.unlink()
            for name, end in self._ends().items():
                path = self.folder / name
                path.touch()
                self._logs.append(FileIO(path, "r+b"))
                self._logs[-1].truncate(end)

    def _ends(self) -> dict[str, int]:
        """Length in bytes of what is whole, for each file; the index is the last."""
        return {name: self._n_rows * width for name, width in self._rows.widths.items()} | {_INDEX: self._n_bytes}

    def _close(self) -> None:
        for log in self._logs:
            log.close()
        self._logs = []

    def _write_anew(self, entries: Sequence[Entry]) -> None:
        """Write other files of rows with those of ``entries`` that are whole, then the index; then go on there."""
        with ExitStack() as stack, file_errors("written", self.folder):
            logs = self._open_to_read(stack)
            rows = RowFiles(self.folder, replace(self._rows.header, generation=self._next_generation()))
            kept, n_rows = [], 0
            new = rows.open(stack, "xb")
            for entry in entries:
                arrays = rows.empty(entry.n_rows)
                if read_rows(logs, entry, arrays):
                    for file, array in zip(new, arrays, strict=True):
                        write_at(file, file.tell(), array.tobytes())
                    kept.append(replace(entry, first_row=n_rows))
                    n_rows += entry.n_rows
            for file in new:
                os.fsync(file.fileno())
            write_bytes(self.folder / _INDEX, b"".join([line_of(rows.header), *map(line_of, kept)]))
        self._load()
        self._open()

    def _next_generation(self) -> int:
        """Of files that no reader can have open."""
        numbers = [part for path in self.folder.iterdir() for part in path.name.split(".")[1:2] if part.isdecimal()]
        taken = [int(number) for number in numbers] + [0] * any(
            is_of_a_log(path.name) for path in self.folder.iterdir()
        )
        return max(taken, default=-1) + 1


def _kind(header: Header) -> str:
    return f"{'timestamp' if header.timed else 'scene'} {header.dtype}"
