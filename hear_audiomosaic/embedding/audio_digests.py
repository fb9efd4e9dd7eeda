"""The audio that an encoder reads of a task: at which rate, and the digest of every clip.

This is the one place that hashes the audio of a task. A digest is remembered in ``STORE/digests/<task>.txt`` with what
the file system says of the file (size, times of change of content and of entry, inode, device), so that a second run
stats a task of 50 GB and does not read it. What is remembered counts only while all of that is the same and the
record's own checksum is right; in any doubt the file is read again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_bytes, sha256_of_file, sha256_of_json
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["FileDigests", "TaskAudio", "task_audio"]

_log = logging.getLogger(__name__)
_SETTLED_NS = 2_000_000_000
"""A file that changed less than this before it was read is not remembered: clocks of file systems are coarse, so that
it could change again without a sign."""


@dataclass(frozen=True)
class TaskAudio:
    """The audio of all clips of a task at one rate.

    Attributes:
        rate_hz: the folder that is read, as :meth:`~hear_audiomosaic.tasks.PreparedTask.best_rate` has it.
        clips: split -> file -> SHA-256 of its bytes.
    """

    rate_hz: int
    clips: Mapping[str, Mapping[str, str]]

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all clips, whatever their order."""
        return sha256_of_json(self.clips)


def task_audio(task: PreparedTask, rate_hz: int, store_dir: Path) -> TaskAudio:
    """Digests of the clips that an encoder of ``rate_hz`` reads.

    Args:
        task: the prepared task.
        rate_hz: the encoder's rate.
        store_dir: root of the embedding store, where digests are remembered.

    Raises:
        AudioError: a clip is missing or cannot be read; the file is named.
        TaskError: the task has no audio at all.
    """
    rate = task.best_rate(rate_hz)
    with FileDigests(store_dir / "digests" / f"{task.directory.name}.txt") as digests:
        clips: dict[str, dict[str, str]] = {}
        for split in task.splits:
            clips[split] = {}
            for file in task.labels(split):
                path = task.audio_path(split, file, rate)
                if not path.is_file():
                    raise AudioError(f"Task {task.card.name} names {path}, which is not there; prepare the task again.")
                try:
                    clips[split][file] = digests.of(path)
                except OSError as error:
                    raise AudioError(described(error, "read", path)) from error
    return TaskAudio(rate, clips)


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
        known = self._known.get(name)
        if known is not None and known[0] == before:
            return known[1]
        started = time.time_ns()
        digest = sha256_of_file(path)
        _, mtime_ns, ctime_ns, *_ = before
        settled = max(mtime_ns, ctime_ns) + _SETTLED_NS < started
        if settled and _state(path) == before:
            self._known[name] = before, digest
            self._fresh.append(_record(name, before, digest))
        return digest


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
