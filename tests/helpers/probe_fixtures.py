"""Small tasks that train quickly, as fixtures."""

from __future__ import annotations

import numpy as np
import pytest
from small_tasks import SPLITS, clusters, event_rows, task_of

from hear_audiomosaic.probing import ProbeTask


@pytest.fixture
def scene_task() -> ProbeTask:
    rng = np.random.default_rng(1)
    splits = {split: clusters(rng, n, 3, 8) for split, n in SPLITS.items()}
    return task_of("clusters", splits, ("a", "b", "c"), ("top1_acc", "mAP"), prediction_type="multiclass")


@pytest.fixture
def tagging_task() -> ProbeTask:
    rng = np.random.default_rng(2)
    splits = {split: clusters(rng, n, 3, 8, multilabel=True) for split, n in SPLITS.items()}
    return task_of("tags", splits, ("a", "b", "c"), ("mAP", "aucroc"))


@pytest.fixture
def event_task() -> ProbeTask:
    rng = np.random.default_rng(3)
    splits = {f"fold0{i}": event_rows(rng, 3, 40, 2, 8) for i in range(3)}
    scores = ("event_onset_200ms_fms", "segment_1s_er")
    return task_of("events", splits, ("60", "61"), scores, "new_split_kfold", embedding_type="event")
