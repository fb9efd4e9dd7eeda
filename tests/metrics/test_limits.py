"""What labels and events allow to be scored, against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from random_events import make, random_events, rows_of

from hear_audiomosaic.metrics import evaluate_events
from hear_audiomosaic.metrics.limits import (
    best_score,
    event_limits_in_words,
    label_limits_in_words,
    merged_events,
    n_touching,
)

Event = tuple[int, int, float, float]
ROUNDS = 60


def plainly_merged(rows: list[Event]) -> tuple[list[Event], int]:
    """Unite any two that touch until no two do; and how many events are united with another."""
    runs = [[row] for row in rows]

    def touch(one: list[Event], other: list[Event]) -> bool:
        return any(a[:2] == b[:2] and a[2] <= b[3] and b[2] <= a[3] for a in one for b in other)

    while pair := next((p for p in itertools.combinations(runs, 2) if touch(*p)), None):
        runs = [run for run in runs if run not in pair] + [pair[0] + pair[1]]
    merged = sorted((*run[0][:2], min(row[2] for row in run), max(row[3] for row in run)) for run in runs)
    return merged, sum(len(run) for run in runs if len(run) > 1)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_merging_is_that_of_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    start = rng.integers(0, 40, n) * 50.0
    rows = list(
        zip(
            rng.integers(0, 3, n).tolist(),
            rng.integers(0, 2, n).tolist(),
            start.tolist(),
            (start + rng.integers(0, 6, n) * 50.0).tolist(),
            strict=True,
        )
    )
    merged, touching = plainly_merged(sorted(set(rows)))
    events = make(*sorted(set(rows), key=lambda row: rng.random()))
    assert rows_of(merged_events(events)) == merged
    assert n_touching(events) == touching


@pytest.mark.parametrize(
    ("rows", "expected", "touching"),
    [
        ([], [], 0),
        ([(0, 0, 1.0, 3.0), (0, 0, 2.0, 4.0)], [(0, 0, 1.0, 4.0)], 2),
        ([(0, 0, 1.0, 2.0), (0, 0, 2.0, 4.0)], [(0, 0, 1.0, 4.0)], 2),
        ([(0, 0, 1.0, 9.0), (0, 0, 2.0, 3.0), (0, 0, 5.0, 6.0)], [(0, 0, 1.0, 9.0)], 3),
        ([(0, 0, 1.0, 2.0), (0, 0, 2.1, 4.0)], [(0, 0, 1.0, 2.0), (0, 0, 2.1, 4.0)], 0),
        ([(0, 0, 1.0, 3.0), (0, 1, 2.0, 4.0)], [(0, 0, 1.0, 3.0), (0, 1, 2.0, 4.0)], 0),
        ([(0, 0, 1.0, 3.0), (1, 0, 2.0, 4.0)], [(0, 0, 1.0, 3.0), (1, 0, 2.0, 4.0)], 0),
    ],
)
def test_what_becomes_one(rows: list[Event], expected: list[Event], touching: int) -> None:
    assert rows_of(merged_events(make(*rows))) == expected
    assert n_touching(make(*rows)) == touching


def test_the_ceiling_of_pairs_that_overlap_is_two_thirds() -> None:
    """Half of the events are found, none is wrong: P 1, R 1/2."""
    pairs = make(*((i, 0, *times) for i in range(5) for times in ((1000.0, 3000.0), (2000.0, 4000.0))))
    apart = make((0, 0, 0.0, 500.0), (0, 0, 1000.0, 1500.0))
    name = "event_onset_200ms_fms"
    assert best_score(name, [(pairs, [merged_events(pairs)])]) == pytest.approx(2 / 3)
    assert best_score(name, [(apart, [merged_events(apart)])]) == 1.0
    assert best_score(name, [(pairs, [merged_events(pairs)]), (apart, [apart])]) == pytest.approx(5 / 6)
    assert best_score(name, [(pairs, [apart, pairs])]) == 1.0
    assert best_score("segment_1s_er", [(apart, [apart, pairs])]) == 0.0
    assert best_score(name, [(make(), [apart])]) is None
    assert best_score(name, [(pairs, [make()])]) == 0.0


def test_exact_events_without_neighbours_are_perfect() -> None:
    reference = merged_events(random_events(np.random.default_rng(0), 10, 10, 3, 0.0))
    for name in ("event_onset_200ms_fms", "event_onset_offset_50ms_20perc_fms"):
        assert best_score(name, [(reference, [merged_events(reference)])]) == 1.0
        assert evaluate_events([name], reference, reference)[name] == 1.0


def test_words_on_labels() -> None:
    assert label_limits_in_words("mAP", (), ()) == []
    assert label_limits_in_words("mAP", ("a",), ("b", "c")) == [
        "no training clip has the label 'a', of which a probe can learn nothing",
        "no test clip has any of 2 labels ('b', 'c'), each of which counts as 0 in mAP",
    ]
    assert label_limits_in_words("mAP", (), ("b",)) == ["no test clip has the label 'b', which counts as 0 in mAP"]
    assert label_limits_in_words("d_prime", (), ("b",))[0].endswith("which leaves d_prime undefined")
    assert label_limits_in_words("top1_acc", (), ("b",))[0].endswith("of which the score says nothing")
    many = tuple("abcdefgh")
    assert label_limits_in_words("event_onset_50ms_fms", many, (), "event") == [
        "no training event has any of 8 labels ('a', 'b', 'c', 'd', 'e', ...), of which a probe can learn nothing"
    ]


def test_words_on_events() -> None:
    name = "event_onset_200ms_fms"
    assert event_limits_in_words(name, {}, {"test": 4}, 1.0) == []
    assert event_limits_in_words(name, {"test": 0}, {"test": 4}, None) == []
    assert event_limits_in_words(name, {"train": 3, "test": 1}, {"train": 9, "test": 4}, 0.9996) == [
        "events that cover no frame, being shorter than the hop or without any length: 3 of 9 in train, 1 of 4 in test"
    ]
    assert "score 0.667 (event_onset_200ms_fms)" in event_limits_in_words(name, {}, {"test": 4}, 2 / 3)[0]
    assert event_limits_in_words("segment_1s_er", {}, {"test": 4}, 0.0) == []
    assert "score 0.100 (segment_1s_er)" in event_limits_in_words("segment_1s_er", {}, {"test": 4}, 0.1)[0]
