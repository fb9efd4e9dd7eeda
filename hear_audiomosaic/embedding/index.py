"""The index of a split's log: which rows are a clip's own, in lines that a flipped bit or an edit makes void.

A line is ``CHECKSUM JSON``, the checksum being that of the JSON's bytes. The first line says in which format and shape
the log is; each further one names a clip, its rows, and the checksum of their bytes. The last whole line of a clip
counts. Where a line is void, its clip is not there, and the lines around it count as before.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError

__all__ = ["DTYPES", "FORMAT", "Dtype", "Entry", "Header", "Index", "line_of", "read_index", "rows_checksum"]

FORMAT = 2
"""Format 1 had neither header nor checksums."""

Dtype = Literal["float32", "float16"]
DTYPES: Mapping[str, str] = {"float32": "<f4", "float16": "<f2"}
"""How rows are stored -> NumPy's name of it."""

_RecordT = TypeVar("_RecordT", "Header", "Entry")


@dataclass(frozen=True)
class Header:
    """What is so of all rows of a log.

    Attributes:
        format: of the whole folder.
        size: D, features per row.
        timed: whether rows carry timestamps.
        dtype: of the stored rows.
        generation: of the files that hold the rows; each time the log is written anew it has others.
    """

    format: int
    size: int
    timed: bool
    dtype: Dtype
    generation: int


@dataclass(frozen=True)
class Entry:
    """One clip.

    Attributes:
        file: its name.
        audio: digest of its audio.
        first_row: where its rows begin.
        n_rows: how many they are.
        rows: :func:`rows_checksum` of them.
        device: type of the device that they were computed on, such as "cpu".
    """

    file: str
    audio: str
    first_row: int
    n_rows: int
    rows: str
    device: str

    @property
    def end(self) -> int:
        """The row behind its last one."""
        return self.first_row + self.n_rows


@dataclass(frozen=True)
class Index:
    """What an index file says.

    Attributes:
        state: "none" without a file; "old" where it is of format 1; "void" where its header is; else "read".
        header: None unless it was read.
        entries: the clips of whole lines, in their order.
        n_bytes: length up to the end of the last whole line.
        n_void: lines that are not what was written, but for a last one that a kill cut short.
    """

    state: Literal["none", "old", "void", "read"]
    header: Header | None = None
    entries: tuple[Entry, ...] = ()
    n_bytes: int = 0
    n_void: int = 0


def rows_checksum(*arrays: npt.NDArray[Any]) -> str:
    """CRC-32 over the bytes of one clip's stored rows and, where it has them, times.

    It costs less than writing the rows, so that a GPU does not wait for it; a cryptographic one costs several times as
    much, and would tell no more of damage that nobody made to fit. Rows that change place change it as well.
    """
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(array.reshape(-1).view(np.uint8).data, checksum)
    return f"{checksum:08x}"


def line_of(record: Header | Entry) -> bytes:
    """A line of the index."""
    content = json.dumps(vars(record)).encode()
    return _checksum(content) + b" " + content + b"\n"


def read_index(path: Path) -> Index:
    """Read an index file.

    Raises:
        EmbeddingError: it is of a format that is not known here.
        OSError: it cannot be read.
    """
    if not path.is_file():
        return Index("none")
    *lines, _ = path.read_bytes().split(b"\n")  # behind the last line end there is nothing, or what a kill cut short
    if not lines:
        return Index("void")
    header = _record(lines[0], Header)
    if header is None:
        return Index("old" if lines[0].startswith(b'{"file": ') else "void")
    if header.format != FORMAT:
        raise EmbeddingError(
            f"{path.parent} is of format {header.format}, written by another version of hear_audiomosaic; this one "
            f"reads format {FORMAT}: update it, choose another store, or remove that folder."
        )
    entries, n_void, n_bytes, end = [], 0, len(lines[0]) + 1, len(lines[0]) + 1
    for line in lines[1:]:
        end += len(line) + 1
        entry = _record(line, Entry)
        if entry is None or min(entry.first_row, entry.n_rows) < 0:
            n_void += 1
            continue
        entries.append(entry)
        n_bytes = end
    return Index("read", header, tuple(entries), n_bytes, n_void)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=8).hexdigest().encode()


def _record(line: bytes, kind: type[_RecordT]) -> _RecordT | None:
    """What a line says, or None if it is void."""
    check, _, content = line.partition(b" ")
    if check != _checksum(content):
        return None
    try:
        found = json.loads(content)
        record = kind(**found)
    except (ValueError, TypeError, RecursionError):
        return None
    types = {"str": str, "int": int, "bool": bool, "Dtype": str}
    right = all(type(found[name]) is types[of] for name, of in kind.__annotations__.items())
    return record if right and found.get("dtype", "float32") in DTYPES else None
