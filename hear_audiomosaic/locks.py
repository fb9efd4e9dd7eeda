"""Locks between processes: one writer at a time for a store's split, a task being prepared, a folder being trained in.

The operating system holds them (``flock`` and its like, by filelock), so that a holder that is killed frees its lock at
once; the file itself stays and means nothing. Children that a holder forks do not hold the lock. Linux passes ``flock``
on to NFS servers; a file system that has no locks at all is named in a warning, and nothing is locked there.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.file_errors import described

__all__ = ["locked", "locked_or_refused"]

_log = logging.getLogger(__name__)
_NO_LOCKS_HERE = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # the file system, not this file


@contextmanager
def locked(path: Path, holder: str, error: type[HearAudioMosaicError]) -> Iterator[None]:
    """Hold the lock; while another process has it, say so once and wait.

    Args:
        path: of the lock's file; its folder is made.
        holder: whom to wait for, as in "waiting for ...".
        error: what a lock that cannot be made raises.

    Raises:
        HearAudioMosaicError: ``error``: the file cannot be written; it is named.
    """

    def say_so() -> None:
        _log.warning("waiting for %s (%s)", holder, path)

    with _held(path, error, say_so):
        yield


@contextmanager
def locked_or_refused(path: Path, refusal: str, error: type[HearAudioMosaicError]) -> Iterator[None]:
    """Hold the lock, or fail at once.

    Args:
        path: of the lock's file; its folder is made.
        refusal: the message when another process has it.
        error: what that, or a lock that cannot be made, raises.

    Raises:
        HearAudioMosaicError: ``error``: another process has the lock, or its file cannot be written.
    """

    def refuse() -> None:
        raise error(refusal)

    with _held(path, error, refuse):
        yield


@contextmanager
def _held(path: Path, error: type[HearAudioMosaicError], when_busy: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(path, fallback_to_soft=False)  # a soft lock would outlive a kill
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            when_busy()
            lock.acquire()
    except OSError as cause:
        if cause.errno not in _NO_LOCKS_HERE:
            raise error(described(cause, "locked", path)) from cause
        _log.warning("The file system of %s has no locks: two runs at a time would spoil each other's files.", path)
    try:
        yield
    finally:
        lock.release()
