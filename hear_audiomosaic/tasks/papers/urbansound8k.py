"""UrbanSound8K, city sounds: 8732 clips of at most 4 s, 10 classes, the data set's own ten folds.

Source: Salamon, Jacoby, Bello, "A dataset and taxonomy for urban sound research", ACM Multimedia 2014;
zenodo.org/records/1203745. Licence: CC BY-NC 3.0 (README of the archive; recordings from freesound.org). Rule: the
label is the class in ``metadata/UrbanSound8K.csv``, fold n is fold{n-1}. The folds are never drawn anew: several clips
are cut from one recording (``fsID``, their group), and a recording is in one fold.

The recordings are as they were uploaded: 8 to 192 kHz, 4 to 32 bits, mono and stereo; shorter ones are padded to 4 s.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_FOLDS = 10


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("metadata/UrbanSound8K.csv")
    audio = table.parents[1] / "audio"
    for row in table_rows(table, "slice_file_name", "fsID", "fold", "class"):
        if row["fold"] not in map(str, range(1, _FOLDS + 1)):
            raise TaskError(f"{table}: '{row['slice_file_name']}' has the fold '{row['fold']}'; expected 1 to {_FOLDS}")
        path = audio / f"fold{row['fold']}" / row["slice_file_name"]
        yield Found(str(path), path.stem, (row["class"],), f"fold{int(row['fold']) - 1:02d}", key=row["fsID"])


RECIPE = Recipe(
    values={
        "task_name": "urbansound8k",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "sample_duration": 4.0,
        "split_mode": "presplit_kfold",
        "nfolds": _FOLDS,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive(
                "all_folds",
                "https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
                "9aa69802bbf37fb986f71ec1483a196e",
            )
        ],
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_fold": None}},
    read=_read,
    needs="It is in UrbanSound8K.tar.gz, beside the folder audio with fold1 to fold10 (zenodo.org/records/1203745).",
    rules=RULES_OF_PAPERS,
    keeps_groups=True,
)
