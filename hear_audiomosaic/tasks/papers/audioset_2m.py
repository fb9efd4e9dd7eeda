"""AudioSet-2M: both parts of AudioSet that train, 2063949 segments, and 20371 to test on, of which some are withdrawn;
527 classes of which a clip may have several; 10 s each.

Source and licence: :mod:`hear_audiomosaic.tasks.steps.segments`. Rule: the tables as they are published, labels by
their display_name; test is ``eval_segments.csv``. AudioSet has no part for validation: valid are the 1 % of the
segments to train on whose video's hash is lowest, whichever others are missing. Clips that are missing are counted in
the task's notes and named in its ``preparation.json``; scores of holders of other clips differ by that.

The papers train on all of the segments that they hold and select on the test part; see the card.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.segments import audioset_recipe

RECIPE = audioset_recipe(
    "audioset_2m", ("balanced_train_segments.csv", "unbalanced_train_segments.csv"), valid_percent=1.0
)
