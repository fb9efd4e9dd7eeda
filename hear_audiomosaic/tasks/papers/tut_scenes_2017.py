"""TUT Acoustic Scenes 2017, where a recording was made: 4680 clips of 10 s, 15 scenes, the set's own four folds.

Source: Mesaros, Heittola, Virtanen, "TUT database for acoustic scene classification and sound event detection",
EUSIPCO 2016, and DCASE 2017 task 1; zenodo.org/records/400515 (development set; 44.1 kHz, 24 bits, binaural). Licence:
the set's own, for non-commercial use with attribution (EULA.pdf in the archive). Rule: the label is that of
``meta.txt``; what ``evaluation_setup/foldN_evaluate.txt`` names is fold{N-1}, so that the folds are never drawn anew;
``foldN_train.txt`` must name none of it. The group is the place of the recording, the first part of a clip's name.

A fold's test part and the three others are as published; HEAR's rotation selects on one of the three.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import tabbed_rows
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_FOLDS = 4
_NAME = "TUT-acoustic-scenes-2017-development"
_RECORD = "https://zenodo.org/records/400515/files"


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("meta.txt")
    setup = sources.get("evaluation_setup")
    fold_of: dict[str, str] = {}
    for fold in range(1, _FOLDS + 1):
        tested = _names(setup / f"fold{fold}_evaluate.txt")
        if both := tested & _names(setup / f"fold{fold}_train.txt"):
            raise TaskError(f"{setup}: fold {fold} both trains and tests on '{min(both)}'")
        for name in tested:
            if name in fold_of:
                raise TaskError(f"{setup}: '{name}' is tested on in two folds")
            fold_of[name] = f"fold{fold - 1:02d}"
    audio = {path.name: path for path in sources.recordings()}
    for name, scene in tabbed_rows(table, 2):
        if name not in fold_of:
            raise TaskError(f"{setup}: no foldN_evaluate.txt names '{name}' of {table.name}")
        file = name.rsplit("/", 1)[-1]
        path = audio.get(file, table.parent / "audio" / file)
        yield Found(str(path), path.stem, (scene,), fold_of[name], key=path.stem.split("_")[0])


def _names(path: Path) -> set[str]:
    return {name for [name] in tabbed_rows(path, 1)}


RECIPE = Recipe(
    values={
        "task_name": "tut_scenes_2017",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "presplit_kfold",
        "sample_duration": 10.0,
        "nfolds": _FOLDS,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive("all_folds", f"{_RECORD}/{_NAME}.{part}.zip")
            for part in ("meta", *(f"audio.{number}" for number in range(1, 11)))
        ],
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_fold": None}},
    read=_read,
    needs=f"Give {_NAME}.meta.zip and the ten {_NAME}.audio.N.zip (zenodo.org/records/400515), or their folders.",
    rules=RULES_OF_PAPERS,
    keeps_groups=True,
)
