"""SHA-256 of files, remembered from one process to the next: of clips, and of what an encoder depends on.

A digest is remembered with what the file system says of the file (size, times of change of content and of entry, inode,
device). What is remembered counts only while all of that is the same and the record's own checksum is right; in any
doubt the file is read again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from pathlib import Path

from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_bytes, sha256_of_file

__all__ = ["FileDigests"]

_log = logging.getLogger(__name__)

_SETTLED_NS = 2_000_000_000
"""A file that changed less than this before it was read is not remembered: clocks of file systems are coarse, so that
it could change again without a sign."""


class FileDigests:
    """SHA-256 of files, remembered from one process to the next (inside ``with``).

    Args:
        memory: file of one record a line; a line that is broken counts as one that is not there. Several processes may
            append to it.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, tuple[list[int], str]] = {}
        self._fresh: list[str] = []

    def __enter__(self) -> FileDigests:
        try:
            lines = read_bytes(self._memory).splitlines()
        except OSError:  # none yet, or it cannot be read: all files are
            lines = []
        for line in lines:
            record = _checked(line)
            if record is not None:
                name, state, digest = record
                self._known[name] = state, digest
        return self

    def __exit__(self, *_: object) -> None:
        """Remember what was read, also of a run that is broken off."""
        if not self._fresh:
            return
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            with self._memory.open("a", encoding="utf-8") as file:
                file.write("\n" + "\n".join(self._fresh) + "\n")  # a line that a kill cut short ends here
        except OSError as error:  # of a store that is read-only, say
            _log.info("The digests are not remembered: %s", described(error, "written", self._memory))

    def of(self, path: Path) -> str:
        """Hexadecimal SHA-256 of a file's bytes.

        Raises:
            OSError: it cannot be read.
        """
        name, before = os.path.abspath(path), _state(path)  # noqa: PTH100 - a link is not followed
        if (known := self._remembered(name, before)) is not None:
            return known
        started = time.time_ns()
        digest = sha256_of_file(path)
        self._remember(path, name, before, digest, started)
        return digest

    def read(self, path: Path) -> tuple[bytes, str]:
        """A file's bytes and their hexadecimal SHA-256, read once.

        Raises:
            OSError: it cannot be read.
        """
        name, before = os.path.abspath(path), _state(path)  # noqa: PTH100 - as above
        started = time.time_ns()
        content = read_bytes(path)
        if (known := self._remembered(name, before)) is not None:
            return content, known
        digest = hashlib.sha256(content).hexdigest()
        self._remember(path, name, before, digest, started)
        return content, digest

    def _remembered(self, name: str, state: list[int]) -> str | None:
        known = self._known.get(name)
        return known[1] if known is not None and known[0] == state else None

    def _remember(self, path: Path, name: str, before: list[int], digest: str, started: int) -> None:
        """Remember a digest if the file cannot have changed since ``before``; ``started``: when it was read, in ns."""
        _, mtime_ns, ctime_ns, *_ = before
        settled = max(mtime_ns, ctime_ns) + _SETTLED_NS < started
        if settled and _state(path) == before:
            self._known[name] = before, digest
            self._fresh.append(_record(name, before, digest))


def _state(path: Path) -> list[int]:
    """Size, mtime, ctime, inode and device: what changes when a file does. ctime cannot be set back as mtime can."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _record(name: str, state: list[int], digest: str) -> str:
    """One line: the checksum of the rest, and the rest."""
    content = json.dumps([name, state, digest])
    return f"{hashlib.sha256(content.encode()).hexdigest()} {content}"


def _checked(line: bytes) -> tuple[str, list[int], str] | None:
    """A record that is whole, or None."""
    check, _, content = line.partition(b" ")
    if check != hashlib.sha256(content).hexdigest().encode():
        return None
    name, state, digest = json.loads(content)
    return name, state, digest
