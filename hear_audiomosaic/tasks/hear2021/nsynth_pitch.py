"""NSynth: the pitch of single notes of 4 s, MIDI 21 to 108, the set's own splits (instruments are kept apart).

Source: Engel et al., "Neural audio synthesis of musical notes with WaveNet autoencoders", ICML 2017;
magenta.tensorflow.org/datasets/nsynth (jsonwav). Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1,
``nsynth_pitch.py``: pitch of ``examples.json``; the modes 5h and 50h take as many notes of every split.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.nsynth import ARCHIVES, nsynth_notes
from hear_audiomosaic.tasks.steps.recipe import OPEN, Found, Recipe, Settings, archive, hours_by_split, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    lowest, highest = settings.values["pitch_range_min"], settings.values["pitch_range_max"]
    for split in settings.splits:
        for audio, name, note in nsynth_notes(sources, split, "pitch", int, "whole number"):
            if lowest <= note["pitch"] <= highest:
                yield Found(audio, name, (note["pitch"],), split, key=name.split("-")[0])


RECIPE = Recipe(
    values={
        "task_name": "nsynth_pitch",
        "version": "v2.2.3",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 4.0,
        "pitch_range_min": 21,
        "pitch_range_max": 108,
        "evaluation": ["pitch_acc", "chroma_acc"],
        "download_urls": ARCHIVES,
        "default_mode": "5h",
    },
    modes={
        "5h": {"max_task_duration_by_split": hours_by_split(5)},
        "50h": {"max_task_duration_by_split": hours_by_split(50)},
        "small": {
            "download_urls": [
                archive("train", f"{OPEN}/nsynth-train-small.zip", "c17070e4798655d8bea1231506479ba8"),
                archive("valid", f"{OPEN}/nsynth-valid-small.zip", "e36722262497977f6b945bb06ab0969d"),
                archive("test", f"{OPEN}/nsynth-test-small.zip", "9a98e869ed4add8ba9ebb0d7c22becca"),
            ],
            "max_task_duration_by_split": whole_splits(),
        },
    },
    read=_read,
    needs="It is in the jsonwav archives of the three splits.",
)
