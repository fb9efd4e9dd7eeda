"""Paths: the content that ships with the package, the user's own data, and names that are safe to be part of one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hear_audiomosaic.errors import HearAudioMosaicError

__all__ = [
    "content_dir",
    "data_home",
    "default_downloads_dir",
    "default_store_dir",
    "default_tasks_dir",
    "plain_name_fault",
]

_PACKAGE = Path(__file__).resolve().parent

_MOST_BYTES = 255
"""Of a file's name, on every common file system."""


def content_dir(name: str) -> Path:
    """Folder of shipped content: ``tasks`` (cards) or ``reports`` (published figures, templates).

    In a wheel the content is package data under ``_content``; in a checkout (an editable install) it is the
    top-level folder of that name.
    """
    for folder in (_PACKAGE / "_content" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise HearAudioMosaicError(
        f"The installed package has no folder '{name}' of shipped content (looked beside and inside {_PACKAGE.name}); "
        "reinstall it: python -m pip install --force-reinstall hear_audiomosaic"
    )


def data_home() -> Path:
    """The user's data folder: ``$HEAR_AUDIOMOSAIC_HOME``, else ``~/.cache/hear_audiomosaic``."""
    return Path(os.environ.get("HEAR_AUDIOMOSAIC_HOME", Path.home() / ".cache" / "hear_audiomosaic"))


def default_downloads_dir() -> Path:
    """Where archives are loaded to when ``--downloads`` is not given."""
    return data_home() / "downloads"


def default_tasks_dir() -> Path:
    """Where prepared tasks are kept when ``--tasks-dir`` is not given."""
    return data_home() / "tasks"


def default_store_dir() -> Path:
    """Where embeddings are kept when ``--store`` is not given."""
    return data_home() / "embeddings"


def plain_name_fault(name: str, what: str, most_bytes: int = _MOST_BYTES) -> str | None:
    r"""Say why a name that somebody wrote into a file must not become part of a path; None if it may.

    A plain name stays in the folder that it is put into, on every platform: it is no path ("a/b", "a\b", "C:a"), not
    empty, not "." or "..", has no control character, can be written as UTF-8, and is not too long.

    Args:
        name: of a clip, a split, a file beside another one.
        what: what it names, for the message ("split").
        most_bytes: of the name in UTF-8; fewer than 255 where something is put before or behind it.

    Returns:
        A message that names it and says the cure, to be put behind the name of the file that it stands in.
    """
    fault = _fault(name, most_bytes)
    if fault is None:
        return None
    shown = name if len(name) <= 80 else f"{name[:60]}..."
    return (
        f"the {what} {shown!r} {fault}; it is used as a file name: "
        f"rename it, without folders and control characters, in 1 to {most_bytes} bytes"
    )


def _fault(name: str, most_bytes: int) -> str | None:
    if not name:
        return "is empty"
    if name in (".", ".."):
        return "is a folder"
    if "/" in name or "\\" in name:
        return "is a path"
    if re.match(r"[A-Za-z]:", name):
        return "begins with a drive"
    if re.search(r"[\x00-\x1f\x7f-\x9f]", name):
        return "has a control character"
    try:
        n_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "cannot be written as UTF-8"
    return f"has {n_bytes} bytes" if n_bytes > most_bytes else None
