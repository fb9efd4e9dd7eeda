"""Paths: the content that ships with the package, and the user's own data."""

from __future__ import annotations

import os
from pathlib import Path

from hear_audiomosaic.errors import HearAudioMosaicError

__all__ = ["content_dir", "data_home", "default_store_dir", "default_tasks_dir"]

_PACKAGE = Path(__file__).resolve().parent


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


def default_tasks_dir() -> Path:
    """Where prepared tasks are kept when ``--tasks-dir`` is not given."""
    return data_home() / "tasks"


def default_store_dir() -> Path:
    """Where embeddings are kept when ``--store`` is not given."""
    return data_home() / "embeddings"
