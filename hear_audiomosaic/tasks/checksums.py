"""Digests of a task's files that were remembered when it was known to be right: fetched, prepared, or verified.

A list of a fetched or a verified task is a file in the form of ``sha256sum``, which ``sha256sum -c`` reads, too; of a
task that was prepared from its data set it stands in ``preparation.json``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import read_json, read_text, sha256_of_file, write_text
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, PREPARATION, VOCABULARY, rates_in
from hear_audiomosaic.threads import in_threads

__all__ = [
    "CLIPS",
    "Pinned",
    "digests_in_threads",
    "fetched_checksums",
    "files_of",
    "pinned_digests",
    "verified_checksums",
    "write_checksums",
]

CLIPS = "clips"
"""Key of ``preparation.json`` under which the digests of the clips stand."""

_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_MOST_THREADS = 8
_AT_ONCE = 64  # files: hashing runs in parallel, handing them out does not


@dataclass(frozen=True)
class Pinned:
    """What a file was.

    Attributes:
        sha256: of its bytes.
        when: in words, such as "when it was fetched".
    """

    sha256: str
    when: str


def fetched_checksums(task_dir: Path) -> Path:
    """Where the digests of a fetched task's files stand."""
    return task_dir.parent / ".fetched" / f"{task_dir.name}.sha256"


def verified_checksums(task_dir: Path) -> Path:
    """Where the digests of a verified task's files stand."""
    return task_dir.parent / ".verified" / f"{task_dir.name}.sha256"


def files_of(task_dir: Path, splits: Sequence[str]) -> Iterator[str]:
    """Names within a task's folder of its tables and of the files in its folders of audio, sorted; hidden ones apart.

    Raises:
        FileError: a folder cannot be read.
    """
    tables = [METADATA, VOCABULARY, GROUPS, *(f"{split}.json" for split in splits)]
    yield from sorted(name for name in tables if (task_dir / name).is_file())
    for rate_hz in rates_in(task_dir):
        for split in sorted(path for path in (task_dir / str(rate_hz)).iterdir() if path.is_dir()):
            with file_errors("read", split), os.scandir(split) as entries:
                names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
            yield from (f"{rate_hz}/{split.name}/{name}" for name in names)


def digests_in_threads(
    folder: Path, names: Sequence[str], digest: Callable[[Path], str] = sha256_of_file
) -> Iterator[tuple[str, str]]:
    """Yield each name with the SHA-256 of its file, in order.

    Raises:
        OSError: a file cannot be read.
    """
    parts = [names[i : i + _AT_ONCE] for i in range(0, len(names), _AT_ONCE)]
    n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
    for part in in_threads(lambda some: [(name, digest(folder / name)) for name in some], parts, n_threads, 16):
        yield from part


def write_checksums(path: Path, digests: Mapping[str, str]) -> None:
    """Write name -> SHA-256 as ``sha256sum`` does.

    Raises:
        FileError: it cannot be written.
    """
    write_text(path, "".join(f"{digest}  {name}\n" for name, digest in digests.items()))


def pinned_digests(task_dir: Path) -> dict[str, Pinned]:
    """Name -> what the file was, as far as that is known.

    What the fetch knows goes before what the preparation knows, and that before what the last verification saw, which
    could but take what was there for right.

    Raises:
        TaskError: a list is broken.
    """
    pinned = _read(verified_checksums(task_dir), "when it was verified last")
    pinned |= _of_preparation(task_dir)
    return pinned | _read(fetched_checksums(task_dir), "when it was fetched")


def _read(path: Path, when: str) -> dict[str, Pinned]:
    if not path.is_file():
        return {}
    pinned: dict[str, Pinned] = {}
    for number, line in enumerate(read_text(path).removesuffix("\n").split("\n"), start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise TaskError(f"{path}, line {number}, is no line of sha256sum; remove the file to trust what is there")
        pinned[found[2]] = Pinned(found[1], when)
    return pinned


def _of_preparation(task_dir: Path) -> dict[str, Pinned]:
    """Of tasks from data sets all clips; of tasks from folders of recordings those at the lowest rate of then."""
    path = task_dir / PREPARATION
    if not path.is_file():
        return {}
    when = "when it was prepared"
    try:
        content = read_json(path)
        clips = {name: Pinned(digest, when) for name, digest in content.get(CLIPS, {}).items()}
        for key, recording in content.get("recordings", {}).items():
            if recording["clip_sha256"]:
                clips[f"{recording['rate_hz']}/{key}"] = Pinned(recording["clip_sha256"], when)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskError(f"{path} cannot be read ({error!r}); prepare the task again") from error
    return clips
