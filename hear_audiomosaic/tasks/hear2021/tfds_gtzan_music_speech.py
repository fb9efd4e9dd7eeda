"""GTZAN Music/Speech: 128 clips of 30 s, music or speech, ten new folds.

Source: Tzanetakis, "GTZAN Music/Speech Collection", 1999; TensorFlow Datasets gtzan_music_speech 1.0.0. Licence: not
stated. Rule: hearpreprocess
2021.1.1, ``tfds_pipeline.py`` (:mod:`hear_audiomosaic.tasks.steps.tfds`): all splits of the data set are pooled.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.recipe import SECRET, archive
from hear_audiomosaic.tasks.steps.tfds import tfds_recipe

RECIPE = tfds_recipe(
    "tfds_gtzan_music_speech",
    ("gtzan_music_speech", "1.0.0"),
    folds=10,
    duration_s=30.0,
    small={
        "download_urls": [
            archive("train", f"{SECRET}/gtzan_music_speech-small.zip", "11d0448e2c497ce1a3bd1a9ee5710aee")
        ],
        "max_task_duration_by_fold": None,
        "sample_duration": 2,
    },
)
