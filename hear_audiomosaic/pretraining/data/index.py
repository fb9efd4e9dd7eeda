"""An index of a source's headers, cached in the user's data folder so that the next start need not read them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hear_audiomosaic.files import read_bytes, write_bytes
from hear_audiomosaic.paths import data_home

__all__ = ["Names", "read_index", "write_index"]

_FORMAT = b"hear_audiomosaic index of headers, format 3, sha256 "
_log = logging.getLogger(__name__)


class Names:
    """A list of names in one block of bytes.

    Millions of ``str`` objects would be copied into every worker process as soon as their reference counts move.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [os.fsencode(name) for name in names]
        self.block = b"".join(encoded)
        self.ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)  # (n,)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        begin = int(self.ends[index - 1]) if index else 0
        return os.fsdecode(self.block[begin : int(self.ends[index])])


def _head(content: bytes) -> bytes:
    """First line of an index: its format, and the digest of all that follows."""
    return _FORMAT + hashlib.sha256(content).hexdigest().encode()


def _index_path(location: str) -> Path:
    return data_home() / "pretraining" / f"{hashlib.sha256(os.fsencode(location)).hexdigest()[:32]}.index"


def read_index(location: str) -> dict[str, Any]:
    """Return the index cached for ``location`` (an absolute path or a URL); empty when none can be read.

    One that is damaged, or of another version, counts as none, and is said to be so.
    """
    path = _index_path(location)
    try:
        head, _, content = read_bytes(path).partition(b"\n")
    except FileNotFoundError:
        return {}
    except OSError as error:
        _log.warning("The headers of %s are read again: their index %s cannot be read: %s", location, path, error)
        return {}
    if head != _head(content):
        state = "is damaged" if head.startswith(_FORMAT) else "is of another version"
        _log.warning("The headers of %s are read again: their index %s %s", location, path, state)
        return {}
    whole = json.loads(content)
    return dict(whole["index"]) if whole["location"] == location else {}


def write_index(location: str, index: dict[str, Any]) -> None:
    """Cache ``index`` for ``location``; where nothing can be written, the headers are read again next time."""
    content = json.dumps({"location": location, "index": index}, separators=(",", ":")).encode("ascii")
    try:
        write_bytes(_index_path(location), _head(content) + b"\n" + content)
    except OSError as error:
        _log.info("The index of %s is not cached: %s", location, error)
