"""How far a task is on this machine: a card, fetched, prepared, verified."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import read_json, write_json
from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.catalog import suite_of
from hear_audiomosaic.tasks.fetch.publisher import find_archive

__all__ = [
    "CARD",
    "FETCHED",
    "PREPARED",
    "VERIFIED",
    "forget_verified",
    "is_verified",
    "look_at",
    "remember_verified",
    "state_without_folder",
]

CARD = "card"
"""Known, and nothing of it is here."""
FETCHED = "fetched"
"""Its archive is here."""
PREPARED = "prepared"
"""Its folder is here."""
VERIFIED = "verified"
"""Its folder is here, and no file of it has changed since everything was found right."""


def state_without_folder(card: TaskCard, downloads: Path) -> str:
    """State of a task that is not prepared."""
    try:
        archive = find_archive(card.directory_name, suite_of(card))
    except TaskError:  # nobody publishes it
        return CARD
    return FETCHED if (downloads / archive.name).is_file() else CARD


def remember_verified(task_dir: Path, looked: str) -> None:
    """Remember that a task was found right.

    Args:
        task_dir: its folder.
        looked: :func:`look_at` of before it was read; what changes after that is not verified.

    Raises:
        FileError: that cannot be written.
    """
    write_json(_record(task_dir), {"files": looked, "at": time.strftime("%Y-%m-%d %H:%M:%S")})


def forget_verified(task_dir: Path) -> None:
    """A task was found wrong, perhaps without a sign in sizes and times; where it cannot be forgotten, it stays."""
    with suppress(OSError):
        _record(task_dir).unlink(missing_ok=True)


def is_verified(task_dir: Path) -> bool:
    """Whether a task was verified and has not changed since: no file is read, only sizes and times are compared."""
    try:
        verified = read_json(_record(task_dir))["files"]
        return bool(verified == look_at(task_dir))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _record(task_dir: Path) -> Path:
    return task_dir.parent / ".verified" / f"{task_dir.name}.json"


def look_at(task_dir: Path) -> str:
    """SHA-256 over name, size and time of change of all files of a task's folder.

    Raises:
        FileError: a folder cannot be read.
    """
    digest = hashlib.sha256()
    with file_errors("read", task_dir):
        files = sorted(_walk(task_dir, ""))
    for name, size, mtime_ns in files:
        digest.update(f"{name}\0{size}\0{mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _walk(folder: Path, prefix: str, depth: int = 3) -> Iterator[tuple[str, int, int]]:
    """Files down to those of ``<rate>/<split>/``; folders may be links, to wherever the audio is."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if depth > 1:
                    yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", depth - 1)
            else:
                found = entry.stat(follow_symlinks=entry.is_file())
                yield f"{prefix}{entry.name}", found.st_size, found.st_mtime_ns
