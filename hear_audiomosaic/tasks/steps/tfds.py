"""Data sets of TensorFlow Datasets, as hearpreprocess's ``tfds_pipeline.py`` reads them, without TensorFlow.

Two forms are taken. hearpreprocess's own extraction, which its small archives hold, too: ``<split>_labels.csv``
(filename, label) beside a folder ``audio``. And the folder into which TensorFlow Datasets writes a data set (see
:mod:`hear_audiomosaic.tasks.steps.tfrecord`), from which the first form is made: a clip is called after the file and
the place where it stands there, ``tfds_id_crema-d-train-tfrecord-00000-of-00016-12``.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hear_audiomosaic.audio.pcm16 import write_pcm16
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import Found, Recipe, Settings
from hear_audiomosaic.tasks.steps.sources import Sources
from hear_audiomosaic.tasks.steps.tfrecord import label_names, sample_rate, split_examples

__all__ = ["tfds_clips", "tfds_recipe"]


def tfds_recipe(
    task: str,
    data_set: tuple[str, str],
    *,
    folds: int,
    duration_s: float,
    small: Mapping[str, Any],
    splits: Sequence[str] = ("train",),
    evaluation: Sequence[str] = ("top1_acc", "mAP", "d_prime", "aucroc"),
) -> Recipe:
    """How a task of TensorFlow Datasets is made: all splits pooled, and drawn into new folds.

    Args:
        task: its name.
        data_set: name and version there.
        folds: how many.
        duration_s: seconds of every clip, in the mode "full".
        small: values that the mode "small" replaces or adds.
        splits: those of the data set.
        evaluation: scores.
    """
    name, version = data_set
    return Recipe(
        values={
            "task_name": task,
            "version": version,
            "embedding_type": "scene",
            "prediction_type": "multiclass",
            "split_mode": "new_split_kfold",
            "nfolds": folds,
            "sample_duration": duration_s,
            "evaluation": list(evaluation),
            "tfds_task_name": name,
            "tfds_task_version": version,
            "extract_splits": list(splits),
            "default_mode": "full",
        },
        modes={"full": {"max_task_duration_by_fold": None}, "small": small},
        read=tfds_clips,
        needs=f"It is the folder into which TensorFlow Datasets writes {name}/{version}.",
    )


def tfds_clips(sources: Sources, settings: Settings) -> Iterator[Found]:
    """All clips of the splits that the task extracts.

    Raises:
        TaskError: a split is not there, or its table is not what it should be.
    """
    built = sources.find("label.labels.txt")
    for split in settings.values["extract_splits"]:
        if built is None:
            table = sources.get(f"{split}_labels.csv")
        else:
            table = _extracted(built.parent, settings.values["tfds_task_name"], split, sources.work)
        for row in table_rows(table, "filename", "label"):
            path = table.parent / "audio" / row["filename"]
            yield Found(str(path), path.stem, (row["label"],), split)


def _extracted(folder: Path, name: str, split: str, work: Path) -> Path:
    """Write a split's audio as WAV files and its table into ``work``, unless an interrupted call has done so."""
    finished = work / split
    table = f"{split}_labels.csv"
    if finished.is_dir():
        return finished / table
    partial = work / f".{split}.part"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "audio").mkdir(parents=True)
    names, rate_hz = label_names(folder), sample_rate(folder)
    with (partial / table).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("filename", "label"))
        for identity, samples, label in split_examples(folder, name, split):
            if not 0 <= label < len(names):
                raise TaskError(f"{folder}: {identity} has the label {label}, but label.labels.txt has {len(names)}")
            clip = f"tfds_id_{re.sub('[^a-z0-9]+', '-', identity.lower())}.wav"
            write_pcm16(partial / "audio" / clip, samples, rate_hz)
            writer.writerow((clip, names[label]))
    partial.rename(finished)
    return finished / table
