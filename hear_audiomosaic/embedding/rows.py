"""The files of rows of a split's log: their names, their shapes, and reading a clip's own rows out of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.embedding.index import DTYPES, Entry, Header, line_of, rows_checksum
from hear_audiomosaic.errors import EmbeddingError

__all__ = ["DamagedRowsError", "NewRows", "RowFiles", "SplitEmbeddings", "is_of_a_log", "read_rows", "write_at"]

Array = npt.NDArray[Any]
_ENDINGS = {"float32": "f32", "float16": "f16"}
_OF_A_LOG = re.compile(r"(values|times)(\.\d+)?\.(f32|f16|f64)|\.index\.jsonl\..*\.part")


class DamagedRowsError(EmbeddingError):
    """Stored rows are not what was written.

    Attributes:
        files: names of their clips.
    """

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        super().__init__(f"{folder}: the stored embeddings of {files[0]}{others} are damaged.")
        self.files = tuple(files)


@dataclass(frozen=True, eq=False)
class NewRows:
    """Rows of one clip that are to be stored; see :meth:`~hear_audiomosaic.embedding.store.SplitStore.append`."""

    file: str
    audio: str
    values: npt.NDArray[np.float32]
    timestamps_ms: npt.NDArray[np.float64] | None
    device: str


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
class RowFiles:
    """The files of a log's rows.

    Attributes:
        folder: of the log.
        header: what is so of all rows.
    """

    folder: Path
    header: Header

    @cached_property
    def widths(self) -> dict[str, int]:
        """File -> bytes of a row in it."""
        header = self.header
        number = f".{header.generation}" if header.generation else ""
        values = {f"values{number}.{_ENDINGS[header.dtype]}": np.dtype(DTYPES[header.dtype]).itemsize * header.size}
        return values | ({f"times{number}.f64": 8} if header.timed else {})

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in all files."""
        return sum(self.widths.values())

    def n_present(self) -> int:
        """Rows that are in all files; 0 where one is missing."""
        paths = {self.folder / name: width for name, width in self.widths.items()}
        return min(path.stat().st_size // width if path.is_file() else 0 for path, width in paths.items())

    def empty(self, n_rows: int) -> list[Array]:
        """An array for that many rows of each file."""
        values: list[Array] = [np.empty((n_rows, self.header.size), DTYPES[self.header.dtype])]
        return values + ([np.empty(n_rows, "<f8")] if self.header.timed else [])

    def open(self, stack: ExitStack, mode: str = "rb") -> list[FileIO]:
        """All files, until the stack ends.

        Raises:
            OSError: one cannot be opened.
        """
        return [stack.enter_context(FileIO(self.folder / name, mode)) for name in self.widths]

    def additions(
        self, clips: Sequence[NewRows], first_row: int
    ) -> tuple[list[Entry], list[bytes], EmbeddingError | None]:
        """What adding clips writes.

        Args:
            clips: in their order.
            first_row: of the first clip.

        Returns:
            The entries of the index; what is to be added to each file, the index last; and why those that are left out
            at the end do not fit.
        """
        parts: list[list[bytes]] = [[] for _ in (*self.widths, "index")]
        entries: list[Entry] = []
        failure = None
        for clip in clips:
            try:
                rows = self.as_stored(clip.file, clip.values, clip.timestamps_ms)
            except EmbeddingError as error:
                failure = error
                break
            entry = Entry(clip.file, clip.audio, first_row, len(clip.values), rows_checksum(*rows), clip.device)
            for part, content in zip(parts, (*(row.tobytes() for row in rows), line_of(entry)), strict=True):
                part.append(content)
            entries.append(entry)
            first_row = entry.end
        return entries, [b"".join(part) for part in parts], failure

    def as_stored(self, file: str, values: Array, timestamps_ms: Array | None) -> list[Array]:
        """A clip's rows as they stand in each file.

        Raises:
            EmbeddingError: they do not fit into the type that is stored.
        """
        with np.errstate(over="ignore"):
            rows: list[Array] = [np.ascontiguousarray(values, dtype=DTYPES[self.header.dtype])]
        if self.header.dtype == "float16" and not np.isfinite(rows[0]).all():
            raise EmbeddingError(
                f"The embeddings of {file} reach {np.abs(values).max():g} and float16 ends at 65504; store float32."
            )
        return rows + ([np.ascontiguousarray(timestamps_ms, dtype="<f8")] if self.header.timed else [])


def read_rows(files: Sequence[FileIO], entry: Entry, arrays: Sequence[Array]) -> bool:
    """Read a clip's rows into arrays of their size; whether they are what was written.

    A sector that cannot be read is damage like any other.
    """
    try:
        for file, array in zip(files, arrays, strict=True):
            begin = entry.first_row * array.dtype.itemsize * (array.shape[1] if array.ndim > 1 else 1)
            file.seek(begin)
            if file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
                return False
    except OSError:
        return False
    return rows_checksum(*arrays) == entry.rows


def write_at(file: FileIO, begin: int, content: bytes) -> None:
    """Write all of ``content`` at a position.

    Raises:
        OSError: it cannot be written; a part of it may stand there.
    """
    file.seek(begin)
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def is_of_a_log(name: str) -> bool:
    """Whether a file is one that a log's writer makes beside the index, of any generation."""
    return _OF_A_LOG.fullmatch(name) is not None
