"""Speech Commands v0.01: which word is said; 64721 recordings, 30 words, 1 s each; the set's own lists.

Source: Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv 1804.03209;
download.tensorflow.org/data/speech_commands_v0.01.tar.gz. Licence: CC BY 4.0. Rule: ``validation_list.txt`` is valid,
``testing_list.txt`` test, the rest train (train 51088, valid 6798, test 6835);
:mod:`~hear_audiomosaic.tasks.steps.words` has the rule for sets without these lists. ``_background_noise_`` is left
out. A clip is called after its folder and its file, its group is the speaker.

AudioMosaic's "SPC-1" is the same test list of 6835 recordings with 11 classes (ten words, all others as one); this task
has the 30 words.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, archive, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources
from hear_audiomosaic.tasks.steps.words import spoken_words

_WORDS = (
    "bed bird cat dog down eight five four go happy house left marvin nine no off on one right seven "
    "sheila six stop three tree two up wow yes zero"
)
_NAME = "speech_commands_v0.01"


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    return spoken_words(sources, _WORDS.split(), _NAME)


RECIPE = Recipe(
    values={
        "task_name": "speech_commands_v1",
        "version": "v0.01",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 1.0,
        "evaluation": ["top1_acc"],
        "download_urls": [archive("train", f"http://download.tensorflow.org/data/{_NAME}.tar.gz")],
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_split": whole_splits()}},
    read=_read,
    needs=f"The folders of words and the two lists are in {_NAME}.tar.gz (download.tensorflow.org/data).",
    rules=RULES_OF_PAPERS,
    keeps_groups=True,
)
