"""Mridangam tonics: 6977 strokes on six tunings, five new folds.

Source: Anantapadmanabhan, Bellur, Murthy, "Modal analysis and transcription of strokes of the mridangam using
non-negative matrix factorization", ICASSP 2013; zenodo.org/record/4068196. Licence: CC BY 4.0. Rule: hearpreprocess
2021.1.1, ``mridangam_tonic.py``: in ``225695__akshaylaya__ta-c-055.wav`` the label is ``c``.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.mridangam import mridangam_recipe

RECIPE = mridangam_recipe("mridangam_tonic", -2, ("b", "c", "csh", "d", "dsh", "e"))
