"""Speech Commands v0.02: which word is said; 105829 recordings, 35 words, 1 s each; the set's own lists.

Source: Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv 1804.03209;
download.tensorflow.org/data/speech_commands_v0.02.tar.gz. Licence: CC BY 4.0. Rule: ``validation_list.txt`` is valid,
``testing_list.txt`` test, the rest train (train 84843, valid 9981, test 11005);
:mod:`~hear_audiomosaic.tasks.steps.words` has the rule for sets without these lists. ``_background_noise_`` is left
out. A clip is called after its folder and its file, its group is the speaker.

EVAR's "SPCV2" and AudioMosaic's "SPC-2" are these 35 words on these lists. HEAR's ``speech_commands`` is another task
of the same recordings: ten words, all others as one, silence, and another test set.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.words import words_recipe

_WORDS = (
    "backward bed bird cat dog down eight five follow forward four go happy house learn left marvin nine "
    "no off on one right seven sheila six stop three tree two up visual wow yes zero"
)

RECIPE = words_recipe("speech_commands_v2", "v0.02", _WORDS.split(), "6b74f3901214cb2c2934e98196829835")
