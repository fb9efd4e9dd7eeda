"""NSynth: the family of the instrument (11), single notes of 4 s, the set's own splits (instruments are kept apart).

Source: Engel et al., "Neural audio synthesis of musical notes with WaveNet autoencoders", ICML 2017;
magenta.tensorflow.org/datasets/nsynth (jsonwav). Licence: CC BY 4.0. Rule: EVAR
(github.com/nttcslab/eval-audio-repr), ``make_metadata.py``: ``instrument_family_str`` of ``examples.json``, all 305979
notes. The family synth_lead is in train only, so valid and test have ten.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.nsynth import ARCHIVES, nsynth_notes
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    for split in settings.splits:
        for audio, name, note in nsynth_notes(sources, split, "instrument_family_str", str, "name"):
            yield Found(audio, name, (note["instrument_family_str"],), split, key=name.split("-")[0])


RECIPE = Recipe(
    values={
        "task_name": "nsynth_instrument",
        "version": "v2.2.3",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 4.0,
        "evaluation": ["top1_acc"],
        "download_urls": ARCHIVES,
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_split": whole_splits()}},
    read=_read,
    needs="It is in the jsonwav archives of the three splits (magenta.tensorflow.org/datasets/nsynth).",
    rules=RULES_OF_PAPERS,
    lacks_labels=True,
    keeps_groups=True,
)
