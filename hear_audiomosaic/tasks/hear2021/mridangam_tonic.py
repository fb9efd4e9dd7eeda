"""Mridangam tonics: 6977 strokes on six tunings, five new folds.

Source: Anantapadmanabhan, Bellur, Murthy, "Modal analysis and transcription of strokes of the mridangam using
non-negative matrix factorization", ICASSP 2013; zenodo.org/record/4068196. Licence: CC BY 4.0. Rule: hearpreprocess
2021.1.1, ``mridangam_tonic.py``: in ``225695__akshaylaya__ta-c-055.wav`` the label is ``c``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.names import piece_of_name
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_KNOWN = ("b", "c", "csh", "d", "dsh", "e")


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    for path in sources.recordings():
        yield Found(str(path), path.stem, (piece_of_name(path, -2, _KNOWN),))


RECIPE = Recipe(
    values={
        "task_name": "mridangam_tonic",
        "version": "v1.5",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 5,
        "sample_duration": 0.81,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive(
                "train",
                "https://zenodo.org/record/4068196/files/mridangam_stroke_1.5.zip?download=1",
                "39af55b2476b94c7946bec24331ec01a",
            )
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/mridangam-train-small.zip", "8269ea439beacacf8db19d6c26dd1e71")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 1,
        },
    },
    read=_read,
)
