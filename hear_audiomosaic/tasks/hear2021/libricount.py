"""LibriCount: how many of 0 to 10 people speak at once, 5720 mixtures of 5 s, five new folds.

Source: Stöter, Chakrabarty, Habets, Edler, "LibriCount, a dataset for speaker count estimation", 2018;
zenodo.org/record/1216072. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``libricount.py``: the recordings of the
folder ``test``; in ``10_71d184.wav`` the label is 10 (an integer in the split files).
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    folder = sources.find("test")
    for path in sources.recordings(folder):
        count = path.name.split("_")[0]
        if not count.isdecimal():
            raise TaskError(f"{path}: its name should begin with the number of speakers, such as 10_71d184.wav")
        yield Found(str(path), path.stem, (count,))


RECIPE = Recipe(
    values={
        "task_name": "libricount",
        "version": "v1.0.0-hear2021",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 5,
        "sample_duration": 5.0,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive(
                "train",
                "https://zenodo.org/record/1216072/files/LibriCount10-0dB.zip?download=1",
                "30c8f844dc59fa65d216d53db9dc37e2",
            )
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/libricount-train-small.zip", "25d1bd1e71800440d635171a8f41a5f7")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=_read,
)
