"""NSynth as it is published: three archives of notes, each with a table ``examples.json``.

Source: Engel et al., "Neural audio synthesis of musical notes with WaveNet autoencoders", ICML 2017;
magenta.tensorflow.org/datasets/nsynth (jsonwav). Licence: CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import archive
from hear_audiomosaic.tasks.steps.sources import Sources
from hear_audiomosaic.tasks.steps.streamed_json import members

__all__ = ["ARCHIVES", "nsynth_notes"]

_SITE = "http://download.magenta.tensorflow.org/datasets/nsynth"

ARCHIVES = [
    archive("train", f"{_SITE}/nsynth-train.jsonwav.tar.gz", "fde6665a93865503ba598b9fac388660"),
    archive("valid", f"{_SITE}/nsynth-valid.jsonwav.tar.gz", "87e94a00a19b6dbc99cf6d4c0c0cae87"),
    archive("test", f"{_SITE}/nsynth-test.jsonwav.tar.gz", "5e6f8719bf7e16ad0a00d518b78af77d"),
]
"""The three archives, as ``download_urls``."""


def nsynth_notes(
    sources: Sources, split: str, field: str, kind: type, kind_in_words: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path of the recording, name and facts of every note of a split.

    Args:
        sources: where the archives are.
        split: "train", "valid" or "test".
        field: a fact that every note must have.
        kind: of its value.
        kind_in_words: the same, for messages.

    Raises:
        TaskError: the table is not there, or is not whole, or a note lacks its name or the fact.
    """
    table: Path = sources.get(f"nsynth-{split}/examples.json")
    for key, note in members(table):
        if not isinstance(note, dict) or not isinstance(note.get(field), kind) or "note_str" not in note:
            raise TaskError(f"{table}: '{key}' has no note_str or no {kind_in_words} as {field}")
        name = str(note["note_str"])
        yield str(table.parent / "audio" / f"{name}.wav"), name, note
