"""Vocal Imitation Set: which of 302 sounds does a person imitate; 5601 imitations, three new folds.

Source: Kim, Ghei, Pardo, Duan, "Vocal Imitation Set: a dataset of vocally imitated sound events using the AudioSet
ontology", DCASE 2018; zenodo.org/record/1340763. Licence: see the record. Rule: hearpreprocess
2021.1.1, ``vocal_imitation.py``: the recordings of ``vocal_imitations/included``; the label is the file name of the
imitated sound in ``vocal_imitations.txt``, in the rows marked as included.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("vocal_imitations.txt")
    reference_of: dict[str, str] = {}
    for row in table_rows(table, "imitation_filename", "reference_filename", "included", delimiter="\t"):
        if row["included"].strip().lower() in ("true", "1"):
            reference_of[row["imitation_filename"]] = row["reference_filename"]
    for path in sources.recordings(table.parent / "vocal_imitations" / "included"):
        if path.name not in reference_of:
            raise TaskError(f"{path} has no row marked as included in {table}")
        yield Found(str(path), path.stem, (reference_of[path.name],))


RECIPE = Recipe(
    values={
        "task_name": "vocal_imitation",
        "version": "v1.1.3",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 3,
        "sample_duration": 11.26,
        "evaluation": ["mAP", "d_prime", "aucroc", "top1_acc"],
        "download_urls": [
            archive(
                "train",
                "https://zenodo.org/record/1340763/files/VocalImitationSet_v1.1.3.zip?download=1",
                "386e7b1487fe0800ade4916c344086bc",
            )
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/vocal_imitation-train-small.zip", "08283695cafda4ba42a7f42f75f568d1")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=_read,
    needs="Its folder is called VocalImitationSet.",
)
