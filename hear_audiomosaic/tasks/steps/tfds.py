"""Data sets of TensorFlow Datasets, as hearpreprocess's ``tfds_pipeline.py`` reads them, without TensorFlow.

Two forms are taken. hearpreprocess's own extraction, which its small archives hold, too: ``<split>_labels.csv``
(filename, label) beside a folder ``audio``. And the folder into which TensorFlow Datasets writes a data set (see
:mod:`hear_audiomosaic.tasks.steps.tfrecord`), from which the first form is made.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import Found, Settings
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["tfds_clips"]


def tfds_clips(sources: Sources, settings: Settings) -> Iterator[Found]:
    """All clips of the splits that the task extracts.

    Raises:
        TaskError: a split is not there, or its table is not what it should be.
    """
    for split in settings.values["extract_splits"]:
        table = sources.get(f"{split}_labels.csv")
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != ["filename", "label"]:
                raise TaskError(f"{table} must have the columns filename,label; found {reader.fieldnames}")
            for row in reader:
                path = table.parent / "audio" / row["filename"]
                yield Found(str(path), path.stem, (row["label"],), split)
