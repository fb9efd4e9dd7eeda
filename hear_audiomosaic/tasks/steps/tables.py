"""The JSON and CSV files of a task folder, byte for byte as hearpreprocess writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.files import write_json, write_text
from hear_audiomosaic.tasks.card import SECTION
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, VOCABULARY, sort_labels, write_vocabulary
from hear_audiomosaic.tasks.steps.draw import Draw
from hear_audiomosaic.tasks.steps.recipe import Settings

__all__ = ["write_tables"]


def write_tables(folder: Path, drawn: Draw, settings: Settings, facts: Mapping[str, Any]) -> None:
    """Write ``task_metadata.json``, ``labelvocabulary.csv``, the split files, and ``groups.json`` where it is wanted.

    Labels that are integers in the split files are sorted as numbers in the vocabulary, others as text. ``facts`` are
    what HEAR has no word for (title, licence, ...); none of HEAR's own tasks has any.
    """
    _write(folder / METADATA, {**settings.metadata, **({SECTION: facts} if facts else {})})
    write_vocabulary(folder / VOCABULARY, sort_labels(drawn.vocabulary(is_event=settings.is_event)))
    for split in settings.splits:
        _write(folder / f"{split}.json", drawn.labels(split, is_event=settings.is_event))
    if settings.keeps_groups:
        write_json(folder / GROUPS, {f"{clip.stem}.wav": clip.key for clip in drawn.clips if clip.key})


def _write(path: Path, content: Any) -> None:
    """As ``json.dump(..., indent=True)``: one space, escapes outside ASCII, no line end at the end of the file."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False))
