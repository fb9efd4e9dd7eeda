"""Beehives with and without their queen, trained on hive3 and tested on hive1 (the other way round in the other fold).

Source: Nolasco, Terenzi, Cecchi, Orcioni, Bear, Benetos, "Audio-based identification of beehive states", ICASSP 2019;
zenodo.org/record/2667806. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``beehive_states_fold0.py``: two days of
either hive; the label is NOQUEEN if "NO" is in the file name, else QUEEN; a ninth of the training hive
is held out as valid, by file.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.hives import hive_clips
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive, hours_by_split, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_RECORD = "https://zenodo.org/record/2667806/files"


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    return hive_clips(sources, {"hive3": "train", "hive1": "test"})


RECIPE = Recipe(
    values={
        "task_name": "beehive_states_fold1",
        "version": "v2",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 600,
        "evaluation": ["aucroc", "mAP", "d_prime", "top1_acc"],
        "download_urls": [
            archive(
                "hive1", f"{_RECORD}/Hive1_12_06_2018.rar?download=1", "c04cd7fd310a84f327eb7121e026b40a", "12062018"
            ),
            archive(
                "hive1", f"{_RECORD}/Hive1_31_05_2018.rar?download=1", "834c58cb1e4c9a15a332a16e106bfa11", "31052018"
            ),
            archive(
                "hive3", f"{_RECORD}/Hive3_14_07_2017.rar?download=1", "c1fc5c4d2e110aa2bc8687393db7d55d", "14072017"
            ),
            archive(
                "hive3", f"{_RECORD}/Hive3_28_07_2017.rar?download=1", "3fe9c0488a2207379f410a81d17c5d18", "28072017"
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
    read=_read,
    needs="They are the recordings of Hive1 and Hive3 in zenodo.org/record/2667806.",
)
