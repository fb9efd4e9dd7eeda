"""FSD50K, sound events: 51185 clips of 0.3 to 30 s, 200 classes of which a clip may have several, the set's own splits.

Source: Fonseca, Favory, Pons, Font, Serra, "FSD50K: an open dataset of human-labeled sound events", IEEE/ACM TASLP
2022; zenodo.org/record/4060432. Licence: CC BY 4.0 as a collection; each clip has its own Creative Commons licence.
Rule: hearpreprocess 2021.1.1, ``fsd50k.py``: splits and labels of ``dev.csv`` and ``eval.csv``, "val" is valid, 12
clips of more than 30 s are dropped, every clip keeps its length.

Deviation: the uploader is not read. hearpreprocess demands it as what must stay in one split, but all splits are given,
so that it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_RECORD = "https://zenodo.org/record/4060432/files"
_TOO_LONG = frozenset(
    map(str, (83298, 83299, 121351, 121426, 121471, 121472, 124796, 124797, 124800, 124834, 124858, 397150))
)
_SPLITS = {"train": "train", "val": "valid"}


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    for table, folder in (("dev.csv", "FSD50K.dev_audio"), ("eval.csv", "FSD50K.eval_audio")):
        audio = sources.get(folder)
        path = sources.get(f"FSD50K.ground_truth/{table}")
        columns = ("fname", "labels", "split") if table == "dev.csv" else ("fname", "labels")
        for row in table_rows(path, *columns):
            if table == "dev.csv" and row["fname"] in _TOO_LONG:
                continue
            split = "test" if table == "eval.csv" else _SPLITS.get(row["split"], "")
            if not split:
                raise TaskError(f"{path}: '{row['fname']}' has the split '{row['split']}'; expected train or val")
            yield Found(str(audio / f"{row['fname']}.wav"), row["fname"], tuple(row["labels"].split(",")), split)


def _parts(which: str, *parts: tuple[str, str]) -> list[dict[str, str]]:
    return [{"url": f"{_RECORD}/FSD50K.{which}_audio.{suffix}?download=1", "md5": md5} for suffix, md5 in parts]


RECIPE = Recipe(
    values={
        "task_name": "fsd50k",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multilabel",
        "split_mode": "trainvaltest",
        "sample_duration": None,
        "evaluation": ["mAP", "d_prime", "aucroc", "top1_acc"],
        "download_urls": [
            {
                "split": "train",
                "multipart_zip_urls": _parts(
                    "dev",
                    ("z01", "faa7cf4cc076fc34a44a479a5ed862a3"),
                    ("z02", "8f9b66153e68571164fb1315d00bc7bc"),
                    ("z03", "1196ef47d267a993d30fa98af54b7159"),
                    ("z04", "d088ac4e11ba53daf9f7574c11cccac9"),
                    ("z05", "81356521aa159accd3c35de22da28c7f"),
                    ("zip", "c480d119b8f7a7e32fdb58f3ea4d6c5a"),
                ),
                "zipname": "FSD50K.dev_audio.zip",
            },
            {
                "split": "test",
                "multipart_zip_urls": _parts(
                    "eval", ("z01", "3090670eaeecc013ca1ff84fe4442aeb"), ("zip", "6fa47636c3a3ad5c7dfeba99f2637982")
                ),
                "zipname": "FSD50K.eval_audio.zip",
            },
            {
                "name": "ground_truth",
                "url": f"{_RECORD}/FSD50K.ground_truth.zip?download=1",
                "md5": "ca27382c195e37d2269c4c866dd73485",
            },
            {
                "name": "source_metadata",
                "url": f"{_RECORD}/FSD50K.metadata.zip?download=1",
                "md5": "b9ea0c829a411c1d42adb9da539ed237",
            },
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_split": whole_splits(("test", "train", "valid"))},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/fsd50k-train-small.zip", "75fc0ae63467ada263ead31afff0978a"),
                archive("test", f"{SECRET}/fsd50k-test-small.zip", "1b3c32e6183b6f991b32ad2ee793a2c5"),
                archive("ground_truth", f"{SECRET}/fsd50k-ground_truth-small.zip", "e730b34c0d71a4607338c8fea1b3c3d2"),
                archive(
                    "source_metadata", f"{SECRET}/fsd50k-source_metadata-small.zip", "df52ffa58ffd99b3d2ac151b36c7e71c"
                ),
            ],
            "max_task_duration_by_split": whole_splits(("test", "train", "valid")),
            "sample_duration": None,
        },
    },
    read=_read,
    needs="The audio and FSD50K.ground_truth are in zenodo.org/record/4060432.",
)
