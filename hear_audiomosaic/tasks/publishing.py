"""How a task's folder gets its name: made by one process at a time, whole or not there, whenever a kill comes."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from hear_audiomosaic.errors import FileError, TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import flush, rename
from hear_audiomosaic.locks import locked, locked_or_refused
from hear_audiomosaic.tasks.layout import METADATA

__all__ = [
    "awaits_publishing",
    "fill_folder",
    "finish_publishing",
    "prepared_names",
    "preparing",
    "publish",
    "put_in_place",
    "tidy",
    "unfinished",
]


def preparing(target: Path) -> AbstractContextManager[None]:
    """Let one process at a time make ``target``; a second one waits. The lock is a file in ``.locks`` beside it."""
    return locked(_lock(target), f"another process that prepares {target.name}", TaskError)


def unfinished(target: Path) -> Path:
    """The hidden folder beside ``target`` that a preparation works in, and resumes from."""
    return target.with_name(f".{target.name}.part")


def publish(finished: Path, target: Path) -> None:
    """Give a finished folder its final name, replacing an older one (inside :func:`preparing`).

    A folder that is not empty cannot be replaced in one step everywhere. So the finished one is first called
    ``.NAME.ready``, which says that it is whole; whatever comes after that, :func:`finish_publishing` brings to its
    end, here or after a kill.

    Raises:
        FileError: it cannot be renamed.
    """
    finish_publishing(target)
    with file_errors("removed", target.parent):
        for known in (".fetched/{}.sha256", ".verified/{}.sha256", ".verified/{}.json"):  # of what it replaces
            (target.parent / known.format(target.name)).unlink(missing_ok=True)
    rename(finished, _hidden(target, "ready"))
    finish_publishing(target)


def finish_publishing(target: Path) -> None:
    """End what a kill may have cut short in :func:`publish` (inside :func:`preparing`), and remove what is replaced.

    Raises:
        FileError: a folder cannot be renamed.
    """
    ready, before, gone = (_hidden(target, kind) for kind in ("ready", "before", "gone"))
    if ready.is_dir():
        if target.exists():
            if before.exists():  # of an earlier kill; the target is newer
                _discard(before, gone)
            rename(target, before)
        rename(ready, target)
    elif before.exists() and not target.exists():
        rename(before, target)
    if before.exists():
        _discard(before, gone)
    _remove_folder(gone)


def awaits_publishing(target: Path) -> bool:
    """Whether a kill left ``target`` where :func:`finish_publishing` gives it another content, or one at all."""
    return _hidden(target, "ready").is_dir() or (not target.exists() and _hidden(target, "before").exists())


def tidy(target: Path) -> None:
    """Remove what killed preparations left beside a finished task, unless that is being used or is read-only."""
    replaced = [_hidden(target, "before"), _hidden(target, "gone")]
    emptied = unfinished(target).exists() and not any(path.is_file() for path in unfinished(target).rglob("*"))
    if not emptied and not any(path.exists() for path in replaced):
        return
    with suppress(TaskError, FileError), locked_or_refused(_lock(target), "in use", TaskError):
        finish_publishing(target)
        if emptied:
            _remove_folder(unfinished(target))


def prepared_names(tasks_dir: Path) -> list[str]:
    """Names of the task folders, sorted; one that a killed process left between two names is put in its place first."""
    for path in [*tasks_dir.glob(".*.ready"), *tasks_dir.glob(".*.before")]:
        put_in_place(tasks_dir / path.name[1:].rpartition(".")[0])
    folders = tasks_dir.iterdir() if tasks_dir.is_dir() else []
    # Also where the metadata are a link that leads nowhere: the task is then named, where it would seem to be absent.
    return sorted(path.name for path in folders if path.name[0] != "." and os.path.lexists(path / METADATA))


def put_in_place(target: Path) -> None:
    """Where a killed process took ``target`` away and did not put the new one there, do that; else nothing.

    A process that is at it now is waited for. What cannot be done, on a disk that cannot be written to, is left.
    """
    if target.exists() or not awaits_publishing(target):
        return
    with suppress(TaskError, FileError), preparing(target):
        finish_publishing(target)


def fill_folder(folder: Path, target: Path) -> None:
    """Move the files of ``folder``, at any depth, to their places in ``target``; each is there or not at any moment.

    Raises:
        FileError: a file cannot be moved.
    """
    flush(folder)
    with file_errors("moved", folder):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = target / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        _remove_folder(folder)


def _lock(target: Path) -> Path:
    return target.parent / ".locks" / target.name


def _hidden(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}")


def _discard(folder: Path, gone: Path) -> None:
    """Remove a folder that nobody may take for whole while it is removed."""
    _remove_folder(gone)
    rename(folder, gone)
    _remove_folder(gone)


def _remove_folder(folder: Path) -> None:
    """Remove a folder; what cannot be removed stays for the next time."""
    shutil.rmtree(folder, ignore_errors=True)
