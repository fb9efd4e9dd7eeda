"""Where a data set is: archives (unpacked beside the task), folders, and single recordings, as the user gave them."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.tasks.archives import unpack

__all__ = ["TABLES", "GivenFile", "Sources", "digests", "unpacked", "with_identity"]

TABLES = (".csv", ".json", ".tsv", ".txt")
"""Suffixes of lists and tables, which may be given one by one beside the recordings."""

_BLOCK = 1 << 20
_DEEPEST = 6
_NOT_DATA = ("__MACOSX",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GivenFile:
    """A file that was given as a source."""

    path: Path
    md5: str
    sha256: str


@dataclass(frozen=True)
class Sources:
    """Folders in which a data set's files lie, and single files.

    Attributes:
        folders: unpacked archives and given folders.
        files: recordings and tables that were given one by one.
        needs: what a preparer looks for, for messages.
        work: folder for what a preparer must write before it can read it; kept until the task is finished.
    """

    folders: tuple[Path, ...]
    files: tuple[Path, ...] = ()
    needs: str = ""
    work: Path = Path()

    def find(self, inner: str) -> Path | None:
        """The path that ends in ``inner``, nearest to the top; None if there is none.

        A given folder may itself be the first part of ``inner``; a file that was given itself is nearest.

        Raises:
            TaskError: two are equally near.
        """
        given = next((file for file in self.files if file.name == inner), None)
        if given is not None:
            return given
        level = [*self.folders]
        for _ in range(_DEEPEST):
            found = [path for folder in level if (path := _at(folder, inner)).exists()]
            if len(found) > 1:
                raise TaskError(f"'{inner}' is there twice: {found[0]} and {found[1]}; give one of the two (--from)")
            if found:
                return found[0]
            level = [child for folder in level for child in _subfolders(folder)]
        return None

    def get(self, inner: str) -> Path:
        """The path that ends in ``inner``.

        Raises:
            TaskError: there is none, or two.
        """
        found = self.find(inner)
        if found is None:
            raise TaskError(f"The sources (--from) have no '{inner}'. {self.needs}".rstrip())
        return found

    def folders_called(self, pattern: str) -> dict[str, Path]:
        """Name -> path of all folders whose names are as a pattern says, down to six levels, none within another.

        Args:
            pattern: a regular expression for the whole name.

        Raises:
            TaskError: two have one name.
        """
        found: dict[str, Path] = {}
        level = [*self.folders]
        for _ in range(_DEEPEST):
            deeper: list[Path] = []
            for folder in level:
                if not re.fullmatch(pattern, folder.name):
                    deeper += _subfolders(folder)
                elif (other := found.setdefault(folder.name, folder)) != folder:
                    raise TaskError(
                        f"'{folder.name}' is there twice: {other} and {folder}; give one of the two (--from)"
                    )
            level = deeper
        return found

    def recordings(self, folder: Path | None = None) -> list[Path]:
        """All ``.wav`` files of a folder (by default of all sources) and below, sorted; macOS's copies left out."""
        roots = self.folders if folder is None else (folder,)
        found = [path for root in roots for path in root.rglob("*.wav") if not _is_mac_copy(path.relative_to(root))]
        given = () if folder is not None else (file for file in self.files if file.suffix.lower() not in TABLES)
        return sorted([*found, *given])


def digests(path: Path) -> GivenFile:
    """MD5 (by which hearpreprocess knows its files) and SHA-256 of a file, read once."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            md5.update(block)
            sha256.update(block)
    return GivenFile(path, md5.hexdigest(), sha256.hexdigest())


def unpacked(archives: Sequence[GivenFile], beside: Path, work: str) -> tuple[Path, ...]:
    """Unpack archives into ``beside``, one folder each; those that an interrupted call has finished are kept.

    Args:
        archives: what to unpack.
        beside: where to.
        work: name of a folder in ``beside`` that is kept, too.

    Raises:
        TaskError: see :func:`~hear_audiomosaic.tasks.archives.unpack`.
    """
    wanted = {f"{one.sha256[:16]}": one for one in archives}
    if beside.is_dir():
        for left in beside.iterdir():
            if left.name not in wanted and left.name != work:
                shutil.rmtree(left, ignore_errors=True)
    for name, one in wanted.items():
        if not (beside / name).is_dir():
            _log.info("Unpacking %s", one.path)
            unpack(one.path, beside / name)
    return tuple(beside / name for name in wanted)


def with_identity(given: Sequence[GivenFile], folders: Sequence[Path]) -> list[dict[str, str]]:
    """The sources for ``preparation.json``: names, and what they hold.

    A file is known by its SHA-256, a folder by the names, sizes and times of change of its files.
    """
    return [
        *({"file": one.path.name, "sha256": one.sha256} for one in given),
        *({"folder": folder.name, "listing_sha256": sha256_of_json(_listing(folder))} for folder in folders),
    ]


def _listing(folder: Path) -> list[list[str | int]]:
    rows: list[list[str | int]] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        rows.append([path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns])
    return rows


def _at(folder: Path, inner: str) -> Path:
    first, _, rest = inner.partition("/")
    return folder / rest if rest and folder.name == first and (folder / rest).exists() else folder / inner


def _subfolders(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return (folder / name for name in names if name not in _NOT_DATA)


def _is_mac_copy(path: Path) -> bool:
    return path.name.startswith("._") or any(part in _NOT_DATA for part in path.parts)
