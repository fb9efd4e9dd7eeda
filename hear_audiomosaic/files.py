"""Files: atomic writing, so that a reader never sees half of one; reading what is a file; JSON; digests.

A file is written under another name in its folder (``.NAME.TOKEN.part``), flushed to the disk, and renamed, so that a
kill or a power cut leaves the old file or the new one. What a killed writer leaves is removed by the next one in that
folder. A writer holds a lock (``flock``) on its file, which the system frees when it dies, on whatever machine that
shares the folder; where the file system has no locks, only what is older than a day is removed.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from hear_audiomosaic.errors import FileError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.parsing import parse_json

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None

__all__ = [
    "flush",
    "make_folder",
    "read_bytes",
    "read_json",
    "read_text",
    "refuse_what_is_no_file",
    "remove_leftovers",
    "rename",
    "sha256_of_file",
    "sha256_of_json",
    "write_bytes",
    "write_json",
    "write_text",
]

_PART = re.compile(r"\..*\.[0-9a-f]{12}\.part", re.DOTALL)
_MOST_BYTES_OF_NAME = 200  # of 255 on every common file system; the rest is for what stands around it
_DEAD_AFTER_S = 24 * 3600.0  # where no lock can tell


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically: the old file or the new one, never a part of it.

    Raises:
        FileError: it cannot be written, or a pipe or a device stands there; what was there is still there.
    """
    make_folder(path.parent)
    with file_errors("written", path):
        if path.exists():
            refuse_what_is_no_file(path, "written")
    _dead_parts(path.parent)
    temporary: Path | None = None
    try:
        with file_errors("written", path):
            temporary, file = _open_part(path)
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if fcntl is not None:  # while the lock is held, so that nobody takes it for a leftover
                    temporary.replace(path)
            if fcntl is None:
                temporary.replace(path)
            _sync_folder(path.parent)
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text to ``path`` atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Write ``content`` as strict JSON (no bare NaN or Infinity) to ``path`` atomically."""
    write_text(path, json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False) + "\n")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they are there after a power cut, too; one that is there stays.

    Raises:
        FileError: it cannot be made; what stands in its place is named.
    """
    with file_errors("made", folder):
        if folder.is_dir():
            return
        new = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in new:
            _sync_folder(one.parent)


def rename(old: Path, new: Path) -> None:
    """Rename a file or a folder, with all that is in it on the disk before its new name is.

    Raises:
        FileError: it cannot be renamed, and keeps its name.
    """
    with file_errors(f"renamed to {new.name}", old):
        if old.is_dir():
            flush(old)
        old.rename(new)
        _sync_folder(new.parent)


def flush(folder: Path) -> None:
    """Have on the disk what was written to a folder's file system: one call, where one for each clip would take long.

    Raises:
        FileError: the disk is full or broken.
    """
    with file_errors("written", folder):
        try:
            syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        except (OSError, AttributeError, TypeError):  # another system than Linux
            if hasattr(os, "sync"):
                os.sync()
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if syncfs(descriptor):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        finally:
            os.close(descriptor)


def read_bytes(path: Path) -> bytes:
    """Read a file; a pipe or a device, which might never end, is refused.

    Raises:
        OSError: it cannot be read.
        FileError: it is something else than a file.
    """
    refuse_what_is_no_file(path)
    return path.read_bytes()


def refuse_what_is_no_file(path: Path, doing: str = "read") -> None:
    """Refuse a pipe, a socket or a device, which would be waited for, or lost where a file takes its place.

    Raises:
        OSError: nothing is there, or it cannot be looked at.
        FileError: it is one of these.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise FileError(f"{path} cannot be {doing}: it is {_kind(mode)}, not a file; move it away.")


def read_text(path: Path, encoding: str = "utf-8") -> str:
    r"""Read a text file as :func:`read_bytes` does; line ends stay what they are, as csv wants them.

    Raises:
        UnicodeDecodeError: it is no such text.
    """
    return read_bytes(path).decode(encoding)


def read_json(path: Path) -> Any:
    """Read a JSON file of ours, or one that should be.

    Raises:
        OSError: it cannot be read.
        FileError: it is something else than a file.
        UnreadableError: a ``ValueError``: it is not JSON within bounds (:func:`~hear_audiomosaic.parsing.parse_json`).
    """
    return parse_json(read_bytes(path))


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
        FileError: it is something else than a file.
    """
    refuse_what_is_no_file(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(content: Any) -> str:
    """Hexadecimal SHA-256 of ``content`` as canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what killed writers left in a folder and below it.

    Returns:
        What was removed, sorted. What cannot be looked at or removed stays.
    """
    folders = [Path(path) for path, _, names in os.walk(folder) if any(map(_is_part, names))]
    return sorted(removed for one in folders for removed in _dead_parts(one))


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")


def _dead_parts(folder: Path) -> list[Path]:
    """Remove the files of dead writers; the paths of those."""
    with suppress(OSError), os.scandir(folder) as entries:
        paths = [Path(entry.path) for entry in entries if _is_part(entry.name) and entry.is_file(follow_symlinks=False)]
        return [path for path in paths if _remove_if_dead(path)]
    return []


def _remove_if_dead(path: Path) -> bool:
    with suppress(OSError):
        with path.open("r+b") as file:
            if not _is_dead(path, file):
                return False
            if fcntl is not None:  # while the lock is held: its writer then sees that it is gone
                path.unlink()
        if fcntl is None:
            path.unlink()
        return True
    return False


def _is_dead(path: Path, file: BinaryIO) -> bool:
    """Whether the writer of a ``.part`` file has ended; where nothing can tell, whether it is a day old."""
    if fcntl is not None and _PART.fullmatch(path.name):  # others are of an earlier version, which took no lock
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass
        else:
            return True
    return time.time() - os.fstat(file.fileno()).st_mtime > _DEAD_AFTER_S


def _open_part(path: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside ``path`` that is renamed to it, and hold its lock while it is open."""
    name = os.fsencode(path.name)[:_MOST_BYTES_OF_NAME].decode("utf-8", "ignore")
    while True:
        temporary = path.with_name(f".{name}.{secrets.token_hex(6)}.part")
        file = temporary.open("xb")
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if fcntl is None or os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # taken for a leftover before it was locked


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; not every system and file system can be asked for that."""
    if fcntl is None:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
