"""Unpacking archives that somebody else made: whole or not at all, and nothing outside the folder.

Zip and tar (plain, gzip, bzip2, xz) are read by the standard library; what they may hold is decided here. Refused, with
the member's name: absolute names, ``..``, drives, backslashes, control characters; links, devices, pipes; encrypted
members; a name twice; more members or more bytes than :class:`Limits` allows, or than fit on the disk. A damaged or
shortened archive is found before the folder appears: everything is written into a hidden folder beside it, which gets
its name at the end and is removed when something is wrong.
"""

from __future__ import annotations

import bz2
import calendar
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import plain_name_fault

__all__ = ["Limits", "archive_kind", "check_archive", "unpack"]

_BLOCK = 1 << 20
_TAR_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError)
_TWICE = (FileExistsError, NotADirectoryError, IsADirectoryError)


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to.

    Attributes:
        members: files and folders.
        times_its_size: bytes of all files, as a multiple of the archive's own; audio is rarely packed below a tenth,
            silence to a thousandth.
        bytes_always: what is allowed whatever the archive's size.
    """

    members: int = 2_000_000
    times_its_size: int = 200
    bytes_always: int = 1 << 28


@dataclass(frozen=True)
class _Member:
    """A file or folder as an archive tells of it; ``write`` copies its bytes to an open file."""

    name: str
    size: int
    mtime_s: int
    is_folder: bool
    fault: str
    write: Callable[[IO[bytes]], None]


def archive_kind(path: Path) -> str | None:
    """``zip`` or ``tar`` if the file can be unpacked, ``rar`` or ``split zip`` if another program must; else None.

    Goes by the content; the name is asked only for what has no mark of its own.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"Rar!"):
        return "rar"
    if suffix[:2] == ".z" and suffix[2:].isdecimal():
        return "split zip"
    if zipfile.is_zipfile(path):
        return "split zip" if list(path.parent.glob(f"{path.stem}.z01")) else "zip"
    if head[257:262] == b"ustar" or any(head.startswith(magic) for magic in _TAR_OPENERS):
        return "tar"
    return None


def check_archive(path: Path) -> str:
    """``zip`` or ``tar``.

    Raises:
        TaskError: the file is not there or is none of them; the message says what to do.
    """
    if not path.is_file():
        raise TaskError(f"There is no archive {path}")
    kind = archive_kind(path)
    if kind not in ("zip", "tar"):
        raise TaskError(f"{path} {_cure(path, kind)}")
    return kind


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> None:
    """Unpack an archive into a new folder; files keep their time of change, not their owner or mode.

    Args:
        archive: a zip or tar file.
        folder: where to; must not exist. A hidden folder of an interrupted call beside it is removed.
        limits: how much it may hold; by default as :class:`Limits` says.

    Raises:
        TaskError: not an archive, damaged, cut short, or holding what is refused.
    """
    kind = check_archive(archive)
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with _zip_members(archive) if kind == "zip" else _tar_members(archive) as members:
            _write(members, archive, partial, limits or Limits())
        partial.rename(folder)
    except _DAMAGED as error:
        raise TaskError(f"{archive} is damaged or incomplete ({error}); fetch it again") from error
    except OSError as error:
        if error.errno is not None:  # of the disk
            raise
        raise TaskError(f"{archive} is damaged or incomplete ({error}); fetch it again") from error
    except (NotImplementedError, RuntimeError) as error:  # a method of packing, or a password
        raise TaskError(
            f"{archive} cannot be unpacked here ({error}); unpack it by hand and give the folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(members: Iterator[_Member], archive: Path, folder: Path, limits: Limits) -> None:
    archive_bytes = archive.stat().st_size
    allowed = max(limits.bytes_always, limits.times_its_size * archive_bytes)
    total = 0
    for number, member in enumerate(members, start=1):
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if fault := member.fault or _name_fault(member.name, parts):
            raise TaskError(f"{archive}: the member {member.name[:200]!r} {fault}; nothing was unpacked")
        total += member.size
        if number > limits.members or total > allowed:
            raise TaskError(
                f"{archive} ({archive_bytes} bytes) would unpack to more than {limits.members} members or {allowed} "
                "bytes; nothing was unpacked. If it is what you expect, unpack it by hand and give the folder"
            )
        if member.size > shutil.disk_usage(folder).free:
            raise TaskError(f"{archive}: there is no room in {folder.parent} for {member.name!r} ({member.size} bytes)")
        try:
            _write_member(member, folder.joinpath(*parts))
        except _TWICE as error:
            raise TaskError(
                f"{archive}: the member {member.name!r} stands there twice; nothing was unpacked"
            ) from error


def _write_member(member: _Member, path: Path) -> None:
    if member.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        member.write(file)
        if file.tell() != member.size:
            raise EOFError(f"'{member.name}' has {file.tell()} bytes instead of {member.size}")
    os.utime(path, (member.mtime_s, member.mtime_s))


def _name_fault(name: str, parts: list[str]) -> str:
    """Why a name must not be used; empty if it may."""
    if name.startswith("/"):
        return "has an absolute name"
    for part in parts:
        if fault := plain_name_fault(part, "part of its name"):
            return f"cannot be a file here: {fault}"
    return ""


@contextmanager
def _zip_members(path: Path) -> Iterator[Iterator[_Member]]:
    with zipfile.ZipFile(path) as archive:
        yield (_zip_member(archive, info) for info in archive.infolist())


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    fault = ""
    if info.flag_bits & 0x1:
        fault = "is encrypted"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a link" if stat.S_ISLNK(mode) else "is a device, pipe or socket"

    def write(file: IO[bytes]) -> None:
        with archive.open(info) as content:
            shutil.copyfileobj(content, file, _BLOCK)

    mtime_s = calendar.timegm((*info.date_time, 0, 0, 0)) if info.date_time[1] and info.date_time[2] else 0
    return _Member(info.orig_filename, info.file_size, mtime_s, info.is_dir() or stat.S_ISDIR(mode), fault, write)


@contextmanager
def _tar_members(path: Path) -> Iterator[Iterator[_Member]]:
    """Members of a tar file, read from the front: neither their list nor their content is kept."""
    with path.open("rb") as file:
        head = file.read(6)
    opener = next((opener for magic, opener in _TAR_OPENERS.items() if head.startswith(magic)), None)
    with path.open("rb") if opener is None else opener(path) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            yield _tar_stream(archive)
        if opener is None:
            _check_tar_end(path)
        while stream.read(_BLOCK):  # to the end, where the checksum stands
            pass


def _tar_stream(archive: tarfile.TarFile) -> Iterator[_Member]:
    while (info := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # they would grow with the archive
        yield _tar_member(archive, info)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    def write(file: IO[bytes]) -> None:
        content = archive.extractfile(info)
        if content is not None:
            shutil.copyfileobj(content, file, _BLOCK)

    fault = ""
    if info.islnk() or info.issym():
        fault = "is a link"
    elif not (info.isreg() or info.isdir()):
        fault = "is a device, pipe or of an unknown kind"
    return _Member(info.name, info.size, max(0, int(info.mtime)), info.isdir(), fault, write)


def _check_tar_end(path: Path) -> None:
    """A tar file ends with blocks of zeros; one that was cut between two members has none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 512))
        if file.read().strip(b"\0"):
            raise EOFError("its end is missing")


def _cure(archive: Path, kind: str | None) -> str:
    if kind == "rar":
        return f"is a RAR archive: unpack it (unrar x {archive.name}, or 7z x {archive.name}) and give the folder"
    if kind == "split zip":
        return (
            f"is a part of a split zip: join and unpack it (7z x {archive.stem}.zip, or zip -s 0 {archive.stem}.zip "
            "--out whole.zip) and give the folder"
        )
    return "is neither a zip nor a tar archive; was it fetched completely?"
