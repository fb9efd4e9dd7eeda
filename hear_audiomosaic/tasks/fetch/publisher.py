"""Where HEAR's prepared tasks are published: one archive a task, named in ``tasks/<suite>/archives.json``.

Length and checksum come from the record's own JSON, and are pinned in ``TASKS_DIR/.fetched/<task>.json`` when they are
first used: what is published under a name later does not take its place unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import read_json, write_json
from hear_audiomosaic.paths import content_dir, plain_name_fault

__all__ = ["Archive", "find_archive", "pin", "pinned", "record_files", "stated"]


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        task: the folder's name, ``esc50-v2.0.0-full``.
        name: of the file.
        record: URL of the JSON that states the files of its record.
        url: of the file.
        n_bytes: its length; None: not known yet.
        md5: hexadecimal; None: not known yet.
        by_hand: what to do where it cannot be fetched; None: it can.
    """

    task: str
    name: str
    record: str
    url: str
    n_bytes: int | None = None
    md5: str | None = None
    by_hand: str | None = None


def find_archive(task: str, suite: str | None) -> Archive:
    """The archive that a task is published in.

    Args:
        task: folder name of a card.
        suite: of the card.

    Raises:
        TaskError: nobody publishes it as a prepared task.
    """
    path = content_dir("tasks") / str(suite) / "archives.json"
    published = read_json(path) if suite is not None and path.is_file() else None
    if published is None or task not in published["archives"]:
        raise TaskError(
            f"{task} is not published as a prepared task. "
            f"Prepare it from its original data: hear-audiomosaic tasks prepare {task} --from DIR|ARCHIVE"
        )
    entry = published["archives"][task]
    return Archive(
        task=task,
        name=entry["name"],
        record=published["record"],
        url=f"{published['files']}/{entry['name']}",
        md5=entry.get("md5"),
        by_hand=entry.get("by_hand"),
    )


def record_files(content: object, record: str) -> Mapping[str, tuple[int, str]]:
    """Name -> (bytes, MD5) of the files of a record, from its JSON (Zenodo's ``files`` list).

    Raises:
        TaskError: it is no such JSON.
    """
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, list):
        raise TaskError(f"{record} does not list the files of a record")
    known: dict[str, tuple[int, str]] = {}
    for entry in files:
        name, n_bytes, checksum = _fact(entry, "key"), _fact(entry, "size"), _fact(entry, "checksum")
        md5 = re.fullmatch(r"(?:md5:)?([0-9a-f]{32})", str(checksum))
        if (
            isinstance(name, str)
            and type(n_bytes) is int
            and n_bytes > 0
            and md5
            and not plain_name_fault(name, "file")
        ):
            known[name] = n_bytes, md5[1]
    return known


def pinned(archive: Archive, tasks_dir: Path) -> Archive:
    """The archive with the length and checksum of when it was fetched first, if it ever was.

    Raises:
        TaskError: the pin is broken.
    """
    path = _pin(archive, tasks_dir)
    if not path.is_file():
        return archive
    try:
        facts = read_json(path)
    except ValueError as error:
        raise TaskError(f"{path} is broken ({error}); remove it to trust what is published now") from error
    n_bytes, md5 = _fact(facts, "n_bytes"), _fact(facts, "md5")
    if type(n_bytes) is not int or not isinstance(md5, str):
        raise TaskError(f"{path} is broken; remove it to trust what is published now")
    return replace(archive, n_bytes=n_bytes, md5=md5)


def pin(archive: Archive, tasks_dir: Path, url: str) -> None:
    """Remember length and checksum of what was fetched, and where it came from."""
    facts = {"archive": archive.name, "url": url, "n_bytes": archive.n_bytes, "md5": archive.md5}
    write_json(_pin(archive, tasks_dir), facts)


def stated(archive: Archive, tasks_dir: Path, files_of: Callable[[str], Mapping[str, tuple[int, str]]]) -> Archive:
    """The archive with its length and checksum: pinned, or as its record says.

    Args:
        archive: as the catalogue has it.
        tasks_dir: folder of prepared tasks, with the pins.
        files_of: reads a record.

    Raises:
        TaskError: the record cannot be read or does not have it, or it contradicts the shipped checksum.
    """
    archive = pinned(archive, tasks_dir)
    if archive.n_bytes is not None:
        return archive
    files = files_of(archive.record)
    if archive.name not in files:
        raise TaskError(f"The record {archive.record} has no file {archive.name}; it has {len(files)} others")
    n_bytes, md5 = files[archive.name]
    if archive.md5 not in (None, md5):
        raise TaskError(
            f"The record {archive.record} says MD5 {md5} of {archive.name}; known is {archive.md5}. "
            "It is not the file that was published; nothing was loaded"
        )
    return replace(archive, n_bytes=n_bytes, md5=md5)


def _pin(archive: Archive, tasks_dir: Path) -> Path:
    return tasks_dir / ".fetched" / f"{archive.task}.json"


def _fact(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, dict) else None
