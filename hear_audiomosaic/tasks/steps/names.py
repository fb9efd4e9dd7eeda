"""What the file names of a data set say."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from hear_audiomosaic.errors import TaskError

__all__ = ["hashed_percent", "piece_of_name"]

_MOST = 2**27 - 1
"""The largest number of a hash, as Speech Commands has it."""


def piece_of_name(path: Path, position: int, known: Collection[str]) -> str:
    """A piece of names like ``225695__akshaylaya__ta-c-055.wav``: of what follows the last "__", cut at hyphens.

    Args:
        path: of the recording.
        position: which piece, counted from the end: -1 is ``055.wav``.
        known: the values that it may have.

    Raises:
        TaskError: there is no such piece, or it has another value.
    """
    pieces = path.name.rsplit("__", 1)[-1].split("-")
    piece = pieces[position] if len(pieces) >= -position else ""
    if piece not in known:
        raise TaskError(f"{path}: its name should say one of {', '.join(sorted(known))}; found '{piece}'")
    return piece


def hashed_percent(name: str) -> float:
    """A place in 0 to 100 that depends on a name only, so that a clip stays where it is whatever comes or goes.

    Source: ``which_set`` in the README of Speech Commands (arXiv 1804.03209).
    """
    digest = int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), 16)
    return (digest % (_MOST + 1)) * (100.0 / _MOST)
