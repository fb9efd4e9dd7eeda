"""Beijing Opera percussion: 236 strokes of four instruments, five new folds.

Source: Tian, Srinivasamurthy, Sandler, Serra, "A study of instrument-wise onset detection in Beijing Opera percussion
ensembles", ICASSP 2014; zenodo.org/record/1285212. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1,
``beijing_opera.py``: in ``222178__ajaysm__bangu-48.wav`` the label is ``bangu``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.names import piece_of_name
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    for path in sources.recordings():
        yield Found(str(path), path.stem, (piece_of_name(path, -2, ("bangu", "daluo", "naobo", "xiaoluo")),))


RECIPE = Recipe(
    values={
        "task_name": "beijing_opera",
        "version": "v1.0-hear2021",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 5,
        "sample_duration": 4.77,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive(
                "train",
                "https://zenodo.org/record/1285212/files/beijing_opera_percussion_instrument_1.0.zip?download=1",
                "51dc70d02a06b9d96befadf320a6996f",
            )
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/beijing_opera-train-small.zip", "391b086d4a81c525d8b052ac50a6a8c0")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=_read,
)
