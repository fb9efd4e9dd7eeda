"""DCASE 2016 task 2, office sound events: 72 mixtures of 120 s, 11 kinds of events.

Source: Mesaros et al., "Detection and classification of acoustic scenes and events: outcome of the DCASE 2016
challenge", IEEE/ACM TASLP 2018; archive.org, dcase2016_task2_train_dev and dcase2016_task2_test_public. Licence: CC BY
3.0 and CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``dcase2016_task2.py``: the mixtures of the development and of the
public test set are pooled and drawn anew, 60 to 20 to 20 by file; the monophonic clips are not used.
``annotation/*.txt`` has onset, offset (s) and label; onsets and offsets are written in ms.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import OPEN, Found, Recipe, Settings, archive, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    for folder in ("dcase2016_task2_dev", "dcase2016_task2_test_public"):
        for annotation in sorted(sources.get(f"{folder}/annotation").glob("*.txt")):
            audio = annotation.parents[1] / "sound" / f"{annotation.stem}.wav"
            yield Found(str(audio), annotation.stem, tuple(_events(annotation)))


def _events(annotation: Path) -> Iterator[tuple[float, float, str]]:
    with annotation.open(encoding="utf-8", newline="") as file:
        for number, cells in enumerate(csv.reader(file, delimiter="\t"), start=1):
            try:
                start, end, label = cells
                yield float(start) * 1000, float(end) * 1000, label
            except ValueError as error:
                raise TaskError(
                    f"{annotation}, line {number}: expected onset, offset and label, found {cells}"
                ) from error


RECIPE = Recipe(
    values={
        "task_name": "dcase2016_task2",
        "version": "hear2021",
        "embedding_type": "event",
        "prediction_type": "multilabel",
        "split_mode": "trainvaltest",
        "sample_duration": 120.0,
        "evaluation": ["event_onset_200ms_fms", "segment_1s_er"],
        "download_urls": [
            archive(
                "train",
                "https://archive.org/download/dcase2016_task2_train_dev/dcase2016_task2_train_dev.zip",
                "4e1b5e8887159193e8624dec801eb9e7",
                "dev",
            ),
            archive(
                "train",
                "https://archive.org/download/dcase2016_task2_test_public/dcase2016_task2_test_public.zip",
                "ac98768b39a08fc0c6c2ddd15a981dd7",
                "eval",
            ),
        ],
        "default_mode": "full",
    },
    modes={
        "full": {
            "split_percentage": {"valid": 20, "test": 20, "train": 60},
            "max_task_duration_by_split": whole_splits(),
        },
        "small": {
            "download_urls": [
                archive(
                    "train", f"{OPEN}/dcase2016_task2_train_dev-small.zip", "aa9b43c40e9d496163caab83becf972e", "dev"
                ),
                archive(
                    "train", f"{OPEN}/dcase2016_task2_test_public-small.zip", "14539d85dec03cb7ac75eb62dd1dd21e", "eval"
                ),
            ],
            "max_task_duration_by_split": whole_splits(),
        },
    },
    read=_read,
    needs="It is in the archives of the development set and of the public test set.",
)
