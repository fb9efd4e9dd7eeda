"""The mridangam strokes of zenodo.org/record/4068196, as hearpreprocess's two mridangam tasks use them."""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.names import piece_of_name
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["mridangam_recipe"]


def mridangam_recipe(name: str, piece: int, known: tuple[str, ...]) -> Recipe:
    """How one of the two mridangam tasks is made; they differ in which piece of the file's name is the label.

    Args:
        name: of the task.
        piece: which one, from the end: -3 is the stroke, -2 the tonic.
        known: its values.
    """

    def read(sources: Sources, settings: Settings) -> Iterator[Found]:
        for path in sources.recordings():
            yield Found(str(path), path.stem, (piece_of_name(path, piece, known),))

    return Recipe(
        values={
            "task_name": name,
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
        read=read,
    )
