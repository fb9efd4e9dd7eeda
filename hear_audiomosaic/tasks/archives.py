"""Archives of strangers: unpacked without letting anything out of the folder, or more in than it says.

Zip and tar (plain, gzip, bzip2, xz). Only regular files and folders are made: a name that leads out of the folder, a
link, a device or a pipe is refused before anything is written under it, and so is an archive that would unpack to far
more than its own length (a bomb).
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import plain_name_fault

__all__ = ["is_archive", "unpack"]

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_BLOCK = 1 << 20
_MOST_MEMBERS = 5_000_000
_MOST_TIMES = 200  # sound compresses by a small factor; silence, in small sets, by a hundred
_ALWAYS_ALLOWED_BYTES = 1 << 30
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def is_archive(path: Path) -> bool:
    """Whether it is a file that :func:`unpack` takes, by its name."""
    return path.name.lower().endswith(_SUFFIXES) and path.is_file()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into a folder.

    Args:
        archive: a zip or tar file.
        folder: where to; made if need be.

    Raises:
        TaskError: it is no archive, is damaged, or has a member that is refused; the member is named.
        OSError: the folder cannot be written to.
    """
    budget = max(_ALWAYS_ALLOWED_BYTES, _MOST_TIMES * archive.stat().st_size)
    folder.mkdir(parents=True, exist_ok=True)
    n_members = 0
    with _opened(archive) as members:
        for name, content in members:
            n_members += 1
            if n_members > _MOST_MEMBERS:
                raise TaskError(f"{archive} has more than {_MOST_MEMBERS} members; it is refused")
            path = folder / _inside(name, archive)
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                while block := content.read(_BLOCK):
                    budget -= len(block)
                    if budget < 0:
                        raise TaskError(f"{archive} unpacks to more than {_MOST_TIMES} times its length; it is refused")
                    file.write(block)


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[tuple[str, IO[bytes] | None]]]:
    """Names and contents of the members in order; None for folders."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                yield _zip_members(zipped, archive)
        else:
            with tarfile.open(archive) as tar:
                yield _tar_members(tar, archive)
    except _DAMAGE as error:
        raise TaskError(f"{archive} cannot be unpacked ({error}): damaged, or no zip or tar archive") from error


def _zip_members(zipped: zipfile.ZipFile, archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    for member in zipped.infolist():
        kind = member.external_attr >> 28  # the file type of a Unix mode: 8 regular, 4 folder, 0 not said
        if kind not in (0, 4, 8):
            raise TaskError(f"{archive} has the member '{member.filename}', which is a link or a device; it is refused")
        if member.is_dir():
            yield member.filename, None
            continue
        with zipped.open(member) as content:
            yield member.filename, content


def _tar_members(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    for member in tar:
        if member.isdir():
            yield member.name, None
            continue
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            raise TaskError(f"{archive} has the member '{member.name}', which is a link or a device; it is refused")
        with content:
            yield member.name, content


def _inside(name: str, archive: Path) -> PurePosixPath:
    """The member's name as a path that stays in the folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    faults = [fault for part in parts if (fault := plain_name_fault(part, "name"))]
    if name.startswith("/") or faults or (not parts and name.strip("./")):
        raise TaskError(
            f"{archive} has the member '{name[:200]}', which leads out of its folder or is no file name; it is refused"
        )
    return PurePosixPath(*parts)
