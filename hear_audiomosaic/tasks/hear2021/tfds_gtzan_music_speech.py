"""GTZAN Music/Speech: 128 clips of 30 s, music or speech, ten new folds.

Source: Tzanetakis, "GTZAN Music/Speech Collection", 1999; TensorFlow Datasets gtzan_music_speech 1.0.0. Licence: not
stated. Rule: hearpreprocess
2021.1.1, ``tfds_pipeline.py`` (:mod:`hear_audiomosaic.tasks.steps.tfds`): all splits of the data set are pooled.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.recipe import SECRET, Recipe, archive
from hear_audiomosaic.tasks.steps.tfds import tfds_clips

RECIPE = Recipe(
    values={
        "task_name": "tfds_gtzan_music_speech",
        "version": "1.0.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 10,
        "sample_duration": 30.0,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "tfds_task_name": "gtzan_music_speech",
        "tfds_task_version": "1.0.0",
        "extract_splits": ["train"],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/gtzan_music_speech-small.zip", "11d0448e2c497ce1a3bd1a9ee5710aee")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=tfds_clips,
    needs="It is the folder into which TensorFlow Datasets writes gtzan_music_speech/1.0.0.",
)
