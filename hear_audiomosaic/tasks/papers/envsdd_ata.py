"""EnvSDD, audio to audio: is an environmental sound real or made by a generator; 4 s each, four test sets.

Source and what is established of it: :mod:`hear_audiomosaic.tasks.steps.deepfakes`. Licence: CC BY 4.0 as users of
the set say; not read at its source, and the real recordings have licences of their own. Rule: train and valid are the
development part's, real recordings and those of one generator of audio to audio (AudioLDM); unseen is AudioLDM 2;
every mode has another test set: test01 seen sources and generators, test02 unseen generators, test03 unseen sources
(DCASE 2023 task 7, Clotho), test04 both unseen.

AudioMosaic reports the equal error rate of each. Deviation: it selects on test01 and takes the false positive rate at
the threshold where both rates are nearest; here selection is on the set's own validation part, and ``eer`` is where
the rates meet on the straight line between two thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.deepfakes import CONDITIONS, deepfakes
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    return deepfakes(sources, "ata", settings.mode)


RECIPE = Recipe(
    values={
        "task_name": "envsdd_ata",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 4.0,
        "evaluation": ["eer", "top1_acc"],
        "default_mode": "test01",
    },
    modes={condition: {"max_task_duration_by_split": whole_splits()} for condition in CONDITIONS},
    read=_read,
    needs=(
        "Give the unpacked development part (real_audio and fake_audio; zenodo.org/records/15220951), the test part "
        "(zenodo.org/records/15241138), and the tables datasplit_dev.csv (or dev_track1.csv) and test_metadata.csv "
        "(github.com/apple-yinhan/EnvSDD, metadata)."
    ),
    rules=RULES_OF_PAPERS,
    keeps_groups=True,
)
