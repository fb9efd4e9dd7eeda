"""CREMA-D, emotions in speech: 7438 clips of six emotions, five new folds that are not disjoint by speaker.

Source: Cao, Cooper, Keutmann, Gur, Nenkova, Verma, "CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset",
IEEE Transactions on Affective Computing 2014; TensorFlow Datasets crema_d 1.0.0. Licence: ODbL 1.0. Rule:
hearpreprocess 2021.1.1, ``tfds_pipeline.py`` (:mod:`hear_audiomosaic.tasks.steps.tfds`): all splits of
the data set are pooled.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.recipe import SECRET, archive
from hear_audiomosaic.tasks.steps.tfds import tfds_recipe

RECIPE = tfds_recipe(
    "tfds_crema_d",
    ("crema_d", "1.0.0"),
    folds=5,
    duration_s=5,
    splits=("train", "test", "valid"),
    small={
        "download_urls": [
            archive("train", f"{SECRET}/crema_d-train-small.zip", "a42147d0bed93d579250a064c6a46000"),
            archive("test", f"{SECRET}/crema_d-test-small.zip", "f7f9d662d43de2ecd6ed2cc75adcf315"),
            archive("valid", f"{SECRET}/crema_d-valid-small.zip", "d1bdddb23004d421218533b72e64737c"),
        ],
        "max_task_duration_by_fold": None,
        "sample_duration": 2,
    },
)
