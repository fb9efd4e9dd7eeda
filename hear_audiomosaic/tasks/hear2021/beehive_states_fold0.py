"""Beehives with and without their queen, trained on hive1 and tested on hive3 (the other way round in the other fold).

Source: Nolasco, Terenzi, Cecchi, Orcioni, Bear, Benetos, "Audio-based identification of beehive states", ICASSP 2019;
zenodo.org/record/2667806. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``beehive_states_fold0.py``: two days of
either hive; the label is NOQUEEN if "NO" is in the file name, else QUEEN; a ninth of the training hive
is held out as valid, by file.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.hives import beehive_recipe

RECIPE = beehive_recipe("beehive_states_fold0", trained_on="hive1", tested_on="hive3")
