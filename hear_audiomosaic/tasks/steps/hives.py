"""The beehives of zenodo.org/record/2667806, as hearpreprocess's two beehive tasks use them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive, hours_by_split, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["beehive_recipe", "hive_clips"]

_RECORD = "https://zenodo.org/record/2667806/files"
_DAYS = re.compile(r"(?P<hive>hive1)[ _](12_06_2018|31_05_2018)|(?P<other>hive3)[ _](14_07_2017|28_07_2017)", re.I)


def hive_clips(sources: Sources, split_of_hive: Mapping[str, str]) -> Iterator[Found]:
    """The recordings of the four days, whose hive and day the file name says: ``Hive3_14_07_2017_NO_QueenBee...``.

    Recordings of other hives or days, which the record has too, are left out.

    Args:
        sources: archives or folders.
        split_of_hive: "hive1" and "hive3" -> split.

    Raises:
        TaskError: a hive has no recording.
    """
    seen = set()
    for path in sources.recordings():
        if said := _DAYS.match(path.name):
            hive = (said["hive"] or said["other"]).lower()
            seen.add(hive)
            label = "NOQUEEN" if "NO" in path.name else "QUEEN"
            yield Found(str(path), path.stem, (label,), split_of_hive[hive])
    for hive in sorted(set(split_of_hive) - seen):
        raise TaskError(f"The sources (--from) have no recording of {hive}. {sources.needs}")


def beehive_recipe(name: str, trained_on: str, tested_on: str) -> Recipe:
    """How one of the two beehive tasks is made; they differ in which hive is trained on.

    Args:
        name: of the task.
        trained_on: "hive1" or "hive3".
        tested_on: the other one.
    """

    def read(sources: Sources, settings: Settings) -> Iterator[Found]:
        return hive_clips(sources, {trained_on: "train", tested_on: "test"})

    return Recipe(
        values={
            "task_name": name,
            "version": "v2",
            "embedding_type": "scene",
            "prediction_type": "multiclass",
            "split_mode": "trainvaltest",
            "sample_duration": 600,
            "evaluation": ["aucroc", "mAP", "d_prime", "top1_acc"],
            "download_urls": [
                archive(
                    "hive1",
                    f"{_RECORD}/Hive1_12_06_2018.rar?download=1",
                    "c04cd7fd310a84f327eb7121e026b40a",
                    "12062018",
                ),
                archive(
                    "hive1",
                    f"{_RECORD}/Hive1_31_05_2018.rar?download=1",
                    "834c58cb1e4c9a15a332a16e106bfa11",
                    "31052018",
                ),
                archive(
                    "hive3",
                    f"{_RECORD}/Hive3_14_07_2017.rar?download=1",
                    "c1fc5c4d2e110aa2bc8687393db7d55d",
                    "14072017",
                ),
                archive(
                    "hive3",
                    f"{_RECORD}/Hive3_28_07_2017.rar?download=1",
                    "3fe9c0488a2207379f410a81d17c5d18",
                    "28072017",
                ),
            ],
            "default_mode": "5h",
        },
        modes={
            "5h": {"sample_duration": 30, "max_task_duration_by_split": hours_by_split(5)},
            "full": {"max_task_duration_by_split": whole_splits()},
            "small": {
                "download_urls": [
                    archive("hive1", f"{SECRET}/hive1_12062018.zip", "461c77d29e5c2c4ac51deb0b87c82d5c", "12062018"),
                    archive("hive1", f"{SECRET}/hive1_31052018.zip", "c0e0b4c33879b865de022413138a61da", "31052018"),
                    archive("hive3", f"{SECRET}/hive3_14072017.zip", "2650a40a1e38088391181451e0183ca6", "14072017"),
                    archive("hive3", f"{SECRET}/hive3_28072017.zip", "51d43e9621b8ad7681a44355f70329a2", "28072017"),
                ],
                "sample_duration": 2,
                "max_task_duration_by_split": whole_splits(),
            },
        },
        read=read,
        needs="They are the recordings of Hive1 and Hive3 in zenodo.org/record/2667806.",
    )
