"""AudioSet-2M: both parts of AudioSet that train, 2063949 segments, and 20371 to test on, of which some are withdrawn;
527 classes of which a clip may have several; 10 s each.

Source and licence: :mod:`hear_audiomosaic.tasks.steps.segments`. Rule: the tables as they are published, labels by
their display_name; test is ``eval_segments.csv``. AudioSet has no part for validation: valid are the 1 % of the
segments to train on whose video's hash is lowest, whichever others are missing. Clips that are missing are counted in
the task's notes and named in its ``preparation.json``; scores of holders of other clips differ by that.

The papers train on all of the segments that they hold and select on the test part; see the card.
"""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.segments import NEEDS, segments
from hear_audiomosaic.tasks.steps.sources import Sources

_TRAIN = ("balanced_train_segments.csv", "unbalanced_train_segments.csv")
_VALID_PERCENT = 1.0


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    return segments(sources, _TRAIN, "eval_segments.csv", _VALID_PERCENT)


RECIPE = Recipe(
    values={
        "task_name": "audioset_2m",
        "version": "v1",
        "embedding_type": "scene",
        "prediction_type": "multilabel",
        "split_mode": "trainvaltest",
        "sample_duration": 10.0,
        "evaluation": ["mAP", "d_prime", "aucroc"],
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_split": whole_splits()}},
    read=_read,
    needs=NEEDS.format(", ".join((*_TRAIN, "eval_segments.csv"))),
    rules=RULES_OF_PAPERS,
    drops_missing=True,
    lacks_labels=True,
)
