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

from hear_audiomosaic.tasks.steps.words import words_recipe

_WORDS = (
    "bed bird cat dog down eight five four go happy house left marvin nine no off on one right seven "
    "sheila six stop three tree two up wow yes zero"
)

RECIPE = words_recipe("speech_commands_v1", "v0.01", _WORDS.split())
