"""GTZAN, genres of music: 1000 clips of 30 s, ten genres, ten new folds (artists are not kept apart).

Source: Tzanetakis, Cook, "Musical genre classification of audio signals", IEEE Transactions on Speech and Audio
Processing 2002; TensorFlow Datasets gtzan 1.0.0. Licence: not stated. Rule: hearpreprocess
2021.1.1, ``tfds_pipeline.py`` (:mod:`hear_audiomosaic.tasks.steps.tfds`): all splits of the data set are pooled.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.recipe import SECRET, archive
from hear_audiomosaic.tasks.steps.tfds import tfds_recipe

RECIPE = tfds_recipe(
    "tfds_gtzan",
    ("gtzan", "1.0.0"),
    folds=10,
    duration_s=30.0,
    small={
        "download_urls": [archive("train", f"{SECRET}/gtzan-small.zip", "c3ac045c759cde4c5f44d2e7daf5d43d")],
        "max_task_duration_by_fold": None,
        "sample_duration": 2,
    },
)
