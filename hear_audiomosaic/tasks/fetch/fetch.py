"""Fetch: from a task's name to a prepared folder, whatever happens on the way.

An archive is loaded into the folder of downloads, checked, unpacked beside the tasks under a hidden name, checked as a
task, and renamed. A kill, a broken line or a full disk leaves the task or a state from which the same command resumes.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import requests

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.locks import locked
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks import publishing
from hear_audiomosaic.tasks.archives import unpack
from hear_audiomosaic.tasks.catalog import get_card, suite_of
from hear_audiomosaic.tasks.checksums import digests_in_threads, fetched_checksums, files_of, write_checksums
from hear_audiomosaic.tasks.fetch.download import Download, md5_of_file, new_session, read_json_from
from hear_audiomosaic.tasks.fetch.publisher import Archive, find_archive, pin, record_files, stated
from hear_audiomosaic.tasks.layout import METADATA
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.threads import in_threads

__all__ = ["FetchOptions", "FetchRow", "fetch_plan", "fetch_tasks"]

_log = logging.getLogger(__name__)
_AT_ONCE = 2  # publishers of research data are not to be stormed


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """How to fetch.

    Attributes:
        tasks_dir: folder of prepared tasks.
        downloads: folder of archives; one that lies there already is used.
        mirrors: URLs of folders that have the archives, tried in this order, before the publisher.
        record: URL of a record's JSON in place of the catalogue's, for all archives; its files are at ``URL/files/``.
        token: of the publisher, for records that need one; it is sent to the publisher's host alone.
        user_agent: what requests say of who asks.
        offline: use archives that lie in ``downloads``, and load nothing.
        keep: keep the archives that were unpacked.
        download: settings of :class:`Download`, such as ``stall_s``.
    """

    tasks_dir: Path
    downloads: Path
    mirrors: Sequence[str] = ()
    record: str | None = None
    token: str | None = None
    user_agent: str = "hear_audiomosaic"
    offline: bool = False
    keep: bool = False
    download: Mapping[str, float | Callable[[float], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class FetchRow:
    """What is to be done for a task, or was done.

    Attributes:
        task: its folder's name.
        state: "prepared", "fetched" (the archive is there), "partial", "to fetch", or "failed".
        archive: name of the file.
        n_bytes: its length; None: not known.
        n_bytes_here: of it, what is there already.
        url: where it is published.
        error: why it failed.
    """

    task: str
    state: str
    archive: str
    n_bytes: int | None
    n_bytes_here: int
    url: str
    error: str | None = None


def fetch_plan(names: Sequence[str], options: FetchOptions) -> list[FetchRow]:
    """What :func:`fetch_tasks` would load. Asks the publisher for lengths, unless offline; loads nothing else.

    Args:
        names: folder names of tasks.
        options: how to fetch.

    Raises:
        TaskError: a task is not published, or the record cannot be read.
    """
    return [_row(archive, options) for archive in _archives(names, options)]


def fetch_tasks(names: Sequence[str], options: FetchOptions) -> Iterator[FetchRow]:
    """Fetch tasks, two at a time; one that fails does not stop the others.

    Args:
        names: folder names of tasks.
        options: how to fetch.

    Yields:
        A row for each task, in the order of ``names``: "prepared", or "failed" with the reason.

    Raises:
        TaskError: a task is not published.
    """
    archives = [_published(name, options) for name in names]
    files_of = _reader(options)

    def fetched(archive: Archive) -> FetchRow:
        try:
            _fetch(archive, options, files_of)
        except (TaskError, OSError) as error:
            return replace(_row(archive, options), state="failed", error=str(error))
        return _row(archive, options)

    yield from in_threads(fetched, archives, _AT_ONCE, len(archives))


def _fetch(archive: Archive, options: FetchOptions, files_of: Callable[[str], Mapping[str, tuple[int, str]]]) -> None:
    target = options.tasks_dir / archive.task
    with publishing.preparing(target):
        publishing.finish_publishing(target)
        if (target / METADATA).is_file():
            PreparedTask.open(target)
            return
        file = options.downloads / archive.name
        with locked(options.downloads / ".locks" / archive.name, f"another process that loads {file.name}", TaskError):
            archive = _load(archive, file, options, files_of)
            _publish(file, target)
            pin(archive, options.tasks_dir, archive.url)
            if not options.keep:
                file.unlink()


def _load(
    archive: Archive, file: Path, options: FetchOptions, files_of: Callable[[str], Mapping[str, tuple[int, str]]]
) -> Archive:
    """Have the archive in the folder of downloads, with the right checksum."""
    if archive.by_hand is not None and not file.is_file():
        raise TaskError(f"{archive.task}: {archive.by_hand} Put {archive.name} into {options.downloads}")
    if options.offline and not file.is_file():
        raise TaskError(f"{file} is not there, and nothing is loaded offline; put it there: {archive.url}")
    archive = _known(archive, options, files_of)
    if file.is_file():
        if archive.md5 is None:
            _log.warning("%s is used unchecked: its checksum is not known offline.", file)
            return replace(archive, n_bytes=file.stat().st_size, md5=md5_of_file(file))
        if md5_of_file(file) != archive.md5:
            raise TaskError(f"{file} is not the published archive (its MD5 is not {archive.md5}); remove it")
        return archive
    if archive.n_bytes is None or archive.md5 is None:
        raise TaskError(f"Length and checksum of {archive.name} are not known")
    _have_room(archive, file, options)
    with progress_bar(archive.n_bytes, f"fetch {archive.task}", "B") as bar:
        urls = [f"{mirror.rstrip('/')}/{archive.name}" for mirror in options.mirrors] + [archive.url]
        loaded = Download(
            urls=urls,
            target=file,
            n_bytes=archive.n_bytes,
            md5=archive.md5,
            on_bytes=lambda n_bytes: bar.update(n_bytes - bar.n),
            **options.download,  # type: ignore[arg-type]  # names of its fields
        )
        return replace(archive, url=loaded.run(_session_for(options, archive)))


def _known(
    archive: Archive, options: FetchOptions, files_of: Callable[[str], Mapping[str, tuple[int, str]]]
) -> Archive:
    """The archive with length and checksum; offline, with those that are known here."""
    if not options.offline:
        return stated(archive, options.tasks_dir, files_of)
    try:
        return stated(archive, options.tasks_dir, lambda _: {})
    except TaskError:
        return archive


def _publish(file: Path, target: Path) -> None:
    """Unpack beside the target, and give the folder its name when it is a sound task of that name."""
    staging = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # of a fetch that was killed; only the holder of the lock is here
    try:
        unpack(file, staging)
        found = sorted(path.parent for path in staging.rglob(METADATA) if path.parent.name == target.name)
        if len(found) != 1:
            raise TaskError(f"{file} holds {len(found)} folders {target.name} with a {METADATA}; expected one")
        task = PreparedTask.open(found[0])
        if task.card.directory_name != target.name:
            raise TaskError(f"{file} holds the task {task.card.directory_name}; expected {target.name}")
        digests = dict(digests_in_threads(found[0], list(files_of(found[0], task.splits))))
        publishing.publish(found[0], target)
        write_checksums(fetched_checksums(target), digests)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _have_room(archive: Archive, file: Path, options: FetchOptions) -> None:
    """Refuse at once what cannot fit: the archive, and as much again unpacked."""
    file.parent.mkdir(parents=True, exist_ok=True)
    missing = int(archive.n_bytes or 0) - _row(archive, options).n_bytes_here
    free = shutil.disk_usage(file.parent).free
    if missing > free:
        raise TaskError(
            f"{archive.name} needs {missing / 1e9:.1f} GB in {file.parent}, where {free / 1e9:.1f} GB are free "
            "(and about as much for the unpacked task); free some, or choose another folder: --downloads DIR"
        )


def _archives(names: Sequence[str], options: FetchOptions) -> list[Archive]:
    files_of = _reader(options)
    return [_known(_published(name, options), options, files_of) for name in names]


def _published(name: str, options: FetchOptions) -> Archive:
    archive = find_archive(name, suite_of(get_card(name)))
    if options.record is None:
        return archive
    return replace(archive, record=options.record, url=f"{options.record}/files/{archive.name}")


def _row(archive: Archive, options: FetchOptions) -> FetchRow:
    file = options.downloads / archive.name
    part = file.with_name(f"{file.name}.part")
    n_here = next((path.stat().st_size for path in (file, part) if path.is_file()), 0)
    if (options.tasks_dir / archive.task / METADATA).is_file():
        state = "prepared"
    elif file.is_file():
        state = "fetched"
    else:
        state = "partial" if n_here else "to fetch"
    return FetchRow(archive.task, state, archive.name, archive.n_bytes, n_here, archive.url)


def _reader(options: FetchOptions) -> Callable[[str], Mapping[str, tuple[int, str]]]:
    """Reads each record once."""

    @lru_cache
    def files_of(record: str) -> Mapping[str, tuple[int, str]]:
        pause = options.download.get("pause", time.sleep)
        return record_files(read_json_from(record, new_session(options.user_agent, options.token), pause), record)  # type: ignore[arg-type]

    return files_of


def _session_for(options: FetchOptions, archive: Archive) -> Callable[[str], requests.Session]:
    """The token goes to the publisher's host alone."""
    publisher = urlsplit(archive.url).netloc

    def session_for(url: str) -> requests.Session:
        return new_session(options.user_agent, options.token if urlsplit(url).netloc == publisher else None)

    return session_for
