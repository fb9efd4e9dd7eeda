"""AudioSet as it is published: tables of segments of videos and of labels; and the clips that somebody has of them.

Source: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", ICASSP 2017;
research.google.com/audioset. Licence: CC BY 4.0 for the tables; the sound is that of videos, which are their owners'.

The tables are read row by row and the clips' names folder by folder; what is kept is a path and some labels a clip.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.names import hashed_percent
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["audioset_recipe", "segments"]

_NEEDS = (
    "Give {}, class_labels_indices.csv (research.google.com/audioset/download.html), and the folder of clips (wav, "
    "flac, mp3 or ogg), called YTID, Y<YTID>, or one of these with times after an underscore."
)
"""What the sources must hold, but for the names of the tables of segments."""

_AUDIO = (".wav", ".flac", ".mp3", ".ogg")
_ID = 11
"""Characters of a video's identifier."""


_EVAL = "eval_segments.csv"


def audioset_recipe(name: str, train: tuple[str, ...], valid_percent: float) -> Recipe:
    """The task of some of AudioSet's tables, tested on ``eval_segments.csv``.

    Args:
        name: of the task.
        train: tables to train on.
        valid_percent: share of their segments that validates; see :func:`segments`.
    """

    def read(sources: Sources, settings: Settings) -> Iterator[Found]:
        return segments(sources, train, _EVAL, valid_percent)

    return Recipe(
        values={
            "task_name": name,
            "version": "v1",
            "embedding_type": "scene",
            "prediction_type": "multilabel",
            "split_mode": "trainvaltest",
            "sample_duration": 10.0,
            "evaluation": ["mAP", "d_prime", "aucroc"],
            "default_mode": "full",
        },
        modes={"full": {"max_task_duration_by_split": whole_splits()}},
        read=read,
        needs=_NEEDS.format(", ".join((*train, _EVAL))),
        rules=RULES_OF_PAPERS,
        drops_missing=True,
        lacks_labels=True,
    )


def segments(sources: Sources, train: Iterable[str], test: str, valid_percent: float) -> Iterator[Found]:
    """Segments of the tables; what a clip is called decides which it is of.

    A clip may be called after its video alone ("-0abcdefgh1.wav"), with a leading "Y", or with times after an
    underscore ("-0abcdefgh1_30.000_40.000.flac", "-0abcdefgh1_30000.wav"), in any folder: a table has one segment of a
    video. Clips that are not there are found with a path where none is.

    AudioSet has no part for validation. Of the segments of ``train``, those are valid whose video's hash is in the
    first ``valid_percent`` of 100, so that a segment is in the same split whichever others are missing.

    Args:
        sources: where the tables and the clips are.
        train: names of tables.
        test: name of a table.
        valid_percent: of the segments of ``train``, 0 to 100.

    Raises:
        TaskError: a table is not there or broken, a label is unknown, or a video is in two tables or has two clips.
    """
    labels = _names_of_labels(sources.get("class_labels_indices.csv"))
    tables = {sources.get(name): name != test for name in (*train, test)}
    if not sources.folders:
        raise TaskError(f"Give the folder of clips, too (--from). {sources.needs}")
    audio, twice = _clips(sources.folders)
    seen: set[str] = set()
    combinations: dict[str, tuple[str, ...]] = {}
    for table, is_train in tables.items():
        for number, video, mids in _rows(table):
            if video in seen:
                raise TaskError(f"{table}, line {number}: the video '{video}' has a segment in two rows")
            seen.add(video)
            if mids not in combinations:
                combinations[mids] = _named(mids, labels, f"{table}, line {number}")
            split = "test" if not is_train else "valid" if hashed_percent(video) < valid_percent else "train"
            here = [audio[name] for name in (video, f"Y{video}") if name in audio]
            if len(here) > 1 or (here and here[0] in twice):
                raise TaskError(f"Two clips are of one video: {here[0]} and {twice.get(here[0], here[-1])}; remove one")
            path = here[0] if here else str(sources.folders[0] / f"{video}.wav")
            yield Found(path, f"Y{video}", combinations[mids], split)


def _names_of_labels(table: Path) -> dict[str, str]:
    """Identifier -> name of a class."""
    names = {row["mid"]: row["display_name"] for row in table_rows(table, "index", "mid", "display_name")}
    if len(set(names.values())) < len(names):
        raise TaskError(f"{table}: two classes have one display_name")
    return names


def _rows(table: Path) -> Iterator[tuple[int, str, str]]:
    """Line, video and identifiers of labels of every segment; the comments at the top are skipped."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, skipinitialspace=True)
            for row in lines:
                if not row or row[0].startswith("#"):
                    continue
                if len(row) != 4 or len(row[0]) != _ID or not row[3]:
                    raise TaskError(
                        f"{table}, line {lines.line_num}: expected YTID, start_seconds, end_seconds, positive_labels; "
                        f"found '{', '.join(row)[:80]}'"
                    )
                yield lines.line_num, row[0], row[3]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"Cannot read {table} as a table of segments: {error}") from error


def _named(mids: str, labels: dict[str, str], where: str) -> tuple[str, ...]:
    unknown = [mid for mid in mids.split(",") if mid not in labels]
    if unknown:
        raise TaskError(f"{where}: class_labels_indices.csv has no '{unknown[0]}'")
    return tuple(dict.fromkeys(labels[mid] for mid in mids.split(",")))


def _clips(folders: Iterable[Path]) -> tuple[dict[str, str], dict[str, str]]:
    """What a clip is called up to its times -> its path; and path -> that of another clip called so."""
    found: dict[str, str] = {}
    twice: dict[str, str] = {}
    for root in folders:
        for folder, _, names in os.walk(root):
            for name in names:
                stem, suffix = os.path.splitext(name)  # noqa: PTH122 - there are two million of them
                video = _video(stem)
                if suffix.lower() in _AUDIO and video:
                    path = f"{folder}{os.sep}{name}"
                    if (other := found.setdefault(video, path)) != path:
                        twice[other] = path
    return found, twice


def _video(stem: str) -> str:
    """Identifier of the video, with "Y" if it has been put before; empty if the name is no clip's."""
    if stem.startswith("Y") and (stem[_ID + 1 : _ID + 2] == "_" or len(stem) == _ID + 1):
        return stem[: _ID + 1]
    return stem[:_ID] if stem[_ID:] == "" or stem[_ID] == "_" else ""
