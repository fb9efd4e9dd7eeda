"""Free Spoken Digit Dataset: spoken digits 0 to 9, five new folds; an open task of 2021, not of the leaderboard.

Source: Jackson et al., "Free Spoken Digit Dataset"; TensorFlow Datasets spoken_digit 1.0.9. Licence: CC BY-SA 4.0.
Rule: hearpreprocess 2021.1.1, ``tfds_pipeline.py`` (:mod:`hear_audiomosaic.tasks.steps.tfds`): all splits of
the data set are pooled.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.recipe import OPEN, archive
from hear_audiomosaic.tasks.steps.tfds import tfds_recipe

RECIPE = tfds_recipe(
    "spoken_digit",
    ("spoken_digit", "1.0.9"),
    folds=5,
    duration_s=0.56,
    evaluation=("top1_acc",),
    small={
        "download_urls": [archive("train", f"{OPEN}/spoken_digit-small.zip", "69d50c15805ea11beb12d9a4db1d4c2a")],
        "max_task_duration_by_fold": None,
    },
)
