"""The files of a task folder, byte for byte as HEAR's own tools expect them.

<name>-<version>-<mode>/
    task_metadata.json
    labelvocabulary.csv            idx,label
    <split>.json                   {"clip.wav": ["label", ...]} or {"clip.wav": [{"label", "start", "end"}, ...]}, ms
    <rate in Hz>/<split>/clip.wav  PCM16, mono
    groups.json                    {"clip.wav": "group"}; this package's own, when clips belong together
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.parsing import parse_csv
from hear_audiomosaic.printable import listed
from hear_audiomosaic.reading import read_file

__all__ = [
    "GROUPS",
    "METADATA",
    "PREPARATION",
    "VOCABULARY",
    "heareval_spelling",
    "rates_in",
    "read_vocabulary",
    "sort_labels",
    "vocabulary_csv",
    "write_vocabulary",
]

METADATA = "task_metadata.json"
VOCABULARY = "labelvocabulary.csv"
GROUPS = "groups.json"
PREPARATION = "preparation.json"

_log = logging.getLogger(__name__)


def rates_in(task_dir: Path) -> tuple[int, ...]:
    """Sample rates in Hz for which a task's folder has a folder of audio, ascending."""
    folders = (path for path in task_dir.glob("[1-9]*[0-9]") if path.name.isdecimal() and path.is_dir())
    return tuple(sorted(int(path.name) for path in folders))


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Unique labels in the order of the vocabulary: as numbers when all are whole numbers (MIDI pitches), else as text.

    HEAR sorts what it is given, and gives pitches as integers; its chroma score needs them in that order.
    """
    unique = set(labels)
    if all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in unique):
        return tuple(sorted(unique, key=lambda label: (int(label), label)))
    return tuple(sorted(unique))


def vocabulary_csv(labels: Sequence[str]) -> str:
    """Content of ``labelvocabulary.csv``; labels with commas, quotes or line ends are quoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("idx", "label"), *enumerate(labels)])
    return text.getvalue()


def write_vocabulary(path: Path, labels: Sequence[str]) -> None:
    """Write ``labelvocabulary.csv``."""
    write_text(path, vocabulary_csv(labels))


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """Labels in the order of their index, as text: "01" and "NA" stay what they are.

    Raises:
        TaskError: the file is missing, has other columns, or its indices are not 0, 1, ... without gaps.
    """
    columns, rows = read_file(path, parse_csv, TaskError, "a label vocabulary", "prepare the task again")
    if columns != ["idx", "label"]:
        raise TaskError(
            f"{path} must have the columns idx,label and nothing else; found {listed(columns) or 'nothing'}"
        )
    labels = {index: label for _, (index, label) in rows}
    wanted = [str(i) for i in range(len(rows))]
    if sorted(labels) != sorted(wanted):
        found = listed(index for _, (index, _) in rows)
        raise TaskError(f"{path}: idx must run from 0 on, 0 .. {len(rows) - 1}, each once; found {found}")
    vocabulary = tuple(labels[index] for index in wanted)
    if not vocabulary or len(set(vocabulary)) != len(vocabulary):
        raise TaskError(f"{path}: expected at least one label, and no label twice")
    return vocabulary


def heareval_spelling(labels: Sequence[str]) -> dict[str, str]:
    """Labels that heareval reads differently from the vocabulary file, with what it makes of them.

    heareval reads the file with pandas' defaults: "01" becomes "1" (when all labels are numbers), "NA" becomes "nan".
    """
    import pandas as pd

    read = pd.read_csv(io.StringIO(vocabulary_csv(labels), newline=""))["label"].tolist()
    if len(read) != len(labels):  # a bare carriage return, which ends a row there
        raise TaskError("heareval would not read the vocabulary row by row; take line ends out of the labels")
    return {ours: str(theirs) for ours, theirs in zip(labels, read, strict=True) if ours != str(theirs)}
