"""What the operating system refuses, as one line: the file, what was being done with it, the reason and the cure."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hear_audiomosaic.errors import FileError

__all__ = ["described", "file_errors", "hits_every_file"]

_AGAIN = "run the same command again: what is finished is kept"
_ELSEWHERE = "or choose another folder"
_MOVE_AWAY = f"move it away, {_ELSEWHERE}"

_CURES = {
    errno.ENOSPC: f"free some, {_ELSEWHERE}, and {_AGAIN}",
    errno.EDQUOT: f"remove something of yours there, {_ELSEWHERE}, and {_AGAIN}",
    errno.EFBIG: f"allow larger files (ulimit -f), and {_AGAIN}",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: f"give yourself the permission, {_ELSEWHERE}",
    errno.EPERM: f"give yourself the permission, {_ELSEWHERE}",
    errno.ENAMETOOLONG: "choose a shorter name or a folder with a shorter path",
    errno.ENOTDIR: _MOVE_AWAY,
    errno.EEXIST: _MOVE_AWAY,
    errno.EISDIR: "it is a folder and a file is wanted: move it away",
    errno.ENOTEMPTY: "it is a folder that is not empty: move it away",
    errno.ELOOP: "its links lead to each other: remove them",
    errno.ENOENT: "check the path, and where its links lead",
    errno.EIO: f"check the disk or the connection to it, and {_AGAIN}",
    errno.EMFILE: f"allow more open files (ulimit -n), and {_AGAIN}",
    errno.ENFILE: f"end other programs, and {_AGAIN}",
    errno.EBUSY: f"wait for what uses it, and {_AGAIN}",
    errno.EXDEV: "a folder and what is moved into it must be on one file system",
}


@contextmanager
def file_errors(doing: str, path: str | Path | None = None) -> Iterator[None]:
    """Turn any OSError inside into a :class:`FileError`, which is one line.

    Args:
        doing: what was being done with the file, as in "cannot be written".
        path: the file or folder, where the system's own error may not name it; None: what that error names.

    Raises:
        FileError: for any OSError that is not one already.
    """
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        described_error = FileError(described(error, doing, path))
        described_error.errno = error.errno
        raise described_error from error


def described(error: OSError, doing: str = "used", path: str | Path | None = None) -> str:
    """The line: what cannot be done with which file, why, and the cure.

    Args:
        error: of the operating system.
        doing: what was being done with the file.
        path: the file or folder; None: what the error names.
    """
    if isinstance(error, FileError) or error.errno is None:
        return str(error)
    named = error.filename if path is None else path
    where = "A file" if named is None else os.fsdecode(named)
    obstacle = _in_the_way(Path(where)) if error.errno in (errno.EEXIST, errno.ENOTDIR) else None
    reason = obstacle or (error.strerror or str(error)).lower()
    return f"{where} cannot be {doing}: {reason}; {_CURES.get(error.errno, f'mend that, and {_AGAIN}')}."


def hits_every_file(error: OSError) -> bool:
    """Whether the next file would be refused as well: a full or read-only disk, too many open files."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


def _in_the_way(path: Path) -> str | None:
    """What stands where a folder should be, or None."""
    for part in (path, *path.parents):
        if os.path.lexists(part) and not part.is_dir():
            return f"{part} is {'a link that leads nowhere' if not part.exists() else 'a file'}"
    return None
