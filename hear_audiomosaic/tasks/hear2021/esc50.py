"""ESC-50, environmental sounds: 2000 clips, 50 classes, the data set's own five folds.

Source: Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015;
github.com/karoldvl/ESC-50. Licence: CC BY-NC 3.0. Rule: hearpreprocess 2021.1.1, ``esc50.py``: the label is the
category in ``meta/esc50.csv``, fold n is fold{n-1}.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("meta/esc50.csv")
    audio = table.parents[1] / "audio"
    for row in table_rows(table, "filename", "fold", "category"):
        if not row["fold"].isdecimal():
            raise TaskError(f"{table}: '{row['filename']}' has the fold '{row['fold']}'; expected a number")
        path = audio / row["filename"]
        yield Found(str(path), path.stem, (row["category"],), f"fold{int(row['fold']) - 1:02d}")


RECIPE = Recipe(
    values={
        "task_name": "esc50",
        "version": "v2.0.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "sample_duration": 5,
        "split_mode": "presplit_kfold",
        "nfolds": 5,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive(
                "all_folds",
                "https://github.com/karoldvl/ESC-50/archive/master.zip",
                "7771e4b9d86d0945acce719c7a59305a",
            )
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("all_folds", f"{SECRET}/esc50-all_folds-small.zip", "08bb240e414ce96529087aba52983b1c")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=_read,
    needs="It is in the archive of github.com/karoldvl/ESC-50.",
)
