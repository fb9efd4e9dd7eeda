from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_events import EMPTY, NAMES, Rows, make, quietly, random_cases, rows_of

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics import Events, events
from hear_audiomosaic.metrics._matching import matching_size, near_pairs

METRICS: list[tuple[Callable[..., Any], float, float]] = [  # function, best value, value with one class in ten right
    (events.onset_f_measure, 1.0, 0.1),
    (events.onset_offset_f_measure, 1.0, 0.1),
    (events.segment_error_rate, 0.0, 0.9),
]
FUNCTIONS = pytest.mark.parametrize("function", [metric[0] for metric in METRICS])

# ------------------------------------------------------------------------------------------- perfect, empty, shuffled


@pytest.mark.parametrize(("function", "best", "chance"), METRICS)
def test_perfect_prediction_has_the_best_value(function: Callable[..., Any], best: float, chance: float) -> None:
    for reference, _ in random_cases(seed=0, count=50, files=3):
        if len(reference) and (reference.end_ms > reference.start_ms).all():
            assert function(reference, reference)[0] == best


@FUNCTIONS
def test_nothing_predicted_warns(function: Callable[..., Any]) -> None:
    with pytest.warns(RuntimeWarning, match="no estimated events"):
        scores = function(make((0, 0, 0, 1500)), EMPTY)
    if function is events.segment_error_rate:
        assert scores == (1.0, 0.0, 1.0, 0.0)
    else:
        assert math.isnan(scores.f_measure)
        assert math.isnan(scores.precision)
        assert scores.recall == 0


@FUNCTIONS
def test_no_reference_events_warn(function: Callable[..., Any]) -> None:
    with pytest.warns(RuntimeWarning, match="no reference events"):
        scores = function(EMPTY, make((0, 0, 0, 1500)))
    if function is events.segment_error_rate:
        assert scores.error_rate == 2 / np.spacing(1.0)
    else:
        assert math.isnan(scores.f_measure)
        assert math.isnan(scores.recall)
        assert scores.precision == 0


@FUNCTIONS
def test_nothing_at_all_warns_twice(function: Callable[..., Any]) -> None:
    with pytest.warns(RuntimeWarning, match="no reference events"), pytest.warns(RuntimeWarning, match="no estimated"):
        scores = function(EMPTY, EMPTY)
    assert all(value == 0 for value in scores) or all(math.isnan(value) for value in scores)


@pytest.mark.parametrize(("function", "best", "chance"), METRICS)
def test_shuffled_classes_give_chance(function: Callable[..., Any], best: float, chance: float) -> None:
    rng = np.random.default_rng(1)
    start = 1000.0 * np.arange(5000)
    reference = Events(np.zeros(5000, dtype=int), rng.integers(0, 10, 5000), start, start + 700)
    estimated = Events(reference.file, rng.permutation(reference.label), start, start + 700)
    assert function(reference, estimated)[0] == pytest.approx(chance, abs=0.02)


# -------------------------------------------------------------------------------------------------------- malformed


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (((-1, 0, 0, 1),), "file and label indices"),
        (((0, -1, 0, 1),), "file and label indices"),
        (((0, 0, 0, 1), (0, 0, 5, 4)), "event 1 from 5.0 to 4.0"),
        (((0, 0, -1, 4),), "event 0 from -1.0 to 4.0"),
        (((0, 0, math.nan, 4),), "event 0 from nan to 4.0"),
        (((0, 0, 0, math.nan),), "event 0 from 0.0 to nan"),
        (((0, 0, 0, math.inf),), "event 0 from 0.0 to inf"),
    ],
)
@FUNCTIONS
def test_malformed_events_raise(function: Callable[..., Any], bad: tuple[Any, ...], match: str) -> None:
    with pytest.raises(MetricError, match=f"reference: .*{match}"):
        function(make(*bad), make((0, 0, 0, 1)))
    with pytest.raises(MetricError, match=f"estimated: .*{match}"):
        function(make((0, 0, 0, 1)), make(*bad))


@FUNCTIONS
def test_only_events_can_be_scored(function: Callable[..., Any]) -> None:
    with pytest.raises(MetricError, match="expected Events, found list"):
        function([], EMPTY)


def test_evaluate_refuses_unknown_names() -> None:
    with pytest.raises(MetricError, match="'mAP' is not an event score; there are event_onset_200ms_fms"):
        events.evaluate(EMPTY, EMPTY, ["mAP"])


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (([0.5], [0], [0.0], [1.0]), "Events.file: expected .* integers"),
        (([0], ["a"], [0.0], [1.0]), "Events.label: expected .* integers"),
        (([0], [0], ["0"], [1.0]), "Events.start_ms: expected .* numbers"),
        (([0], [0], [0.0], 1.0), "Events.end_ms"),
        (([[0]], [0], [0.0], [1.0]), "Events.file"),
        (([0, 0], [0], [0.0], [1.0]), "one length"),
        (([0], [0], [0.0], [1.0, 2.0]), "one length"),
    ],
)
def test_events_are_columns_of_one_length(columns: Any, match: str) -> None:
    with pytest.raises(MetricError, match=match):
        Events(*(np.asarray(column) for column in columns))


# --------------------------------------------------------------------------------------------------- slow references


def slow_matching_size(edges: dict[int, list[int]]) -> int:
    """Augmenting paths, one after the other (Kuhn)."""
    owner: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j in edges[i]:
            if j not in seen:
                seen.add(j)
                if j not in owner or place(owner[j], seen):
                    owner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in edges)


def slow_f_measure(reference: Rows, estimated: Rows, collar: float, fraction: float | None) -> tuple[float, ...]:
    def near(r: tuple[int, int, float, float], e: tuple[int, int, float, float]) -> bool:
        (a, b), (c, d) = ((row[2] / 1000, row[3] / 1000) for row in (r, e))
        ends_well = fraction is None or abs(b - d) <= max(collar, fraction * (b - a))
        return r[:2] == e[:2] and abs(a - c) <= collar and ends_well

    edges = {i: [j for j, e in enumerate(estimated) if near(r, e)] for i, r in enumerate(reference)}
    hits = slow_matching_size(edges)
    precision = hits / len(estimated) if estimated else math.nan
    recall = hits / len(reference) if reference else math.nan
    if precision == recall == 0:
        return 0.0, precision, recall
    return 2 * precision * recall / (precision + recall), precision, recall


def slow_error_rate(reference: Rows, estimated: Rows) -> float:
    errors = total = 0
    for file in {row[0] for row in reference + estimated}:
        active: list[dict[int, set[int]]] = [{}, {}]
        for side, rows in enumerate((reference, estimated)):
            for other_file, label, start, end in rows:
                if other_file == file:
                    for segment in range(math.floor(start / 1000), math.ceil(end / 1000)):
                        active[side].setdefault(segment, set()).add(label)
        for segment in set(active[0]) | set(active[1]):
            mine, theirs = (of.get(segment, set()) for of in active)
            errors += max(len(mine), len(theirs)) - len(mine & theirs)  # S + D + I
            total += len(mine)
    return errors / (total + np.spacing(1.0))


def test_thousands_of_cases_equal_the_slow_references() -> None:
    for reference, estimated in random_cases(seed=2, count=1500) + random_cases(seed=3, count=500, files=3):
        scores = quietly(events.evaluate, reference, estimated)
        rows = rows_of(reference), rows_of(estimated)
        for name, collar, fraction in zip(NAMES, (0.2, 0.05, 0.05), (None, None, 0.2), strict=False):
            found = tuple(scores[f"{name}_{part}"] for part in ("f_measure", "precision", "recall"))
            assert found == pytest.approx(slow_f_measure(*rows, collar, fraction), abs=1e-15, nan_ok=True)
        assert scores["segment_1s_er"] == pytest.approx(slow_error_rate(*rows), rel=1e-14)


def test_near_pairs_are_all_pairs_and_matchings_are_maximum() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        n, n_other = rng.integers(0, 60, 2)
        group, other_group = rng.integers(0, 3, n), rng.integers(0, 3, n_other)
        time, other_time = np.round(rng.uniform(0, 5, n), 1), np.round(rng.uniform(0, 5, n_other), 1)
        i, j = near_pairs(group, time, other_group, other_time, 0.2)
        near = (group[:, None] == other_group) & (np.abs(time[:, None] - other_time) <= 0.2)
        assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(map(tuple, np.argwhere(near).tolist()))
        edges = {a: np.flatnonzero(near[a]).tolist() for a in range(n)}
        assert matching_size((i, j), n, n_other) == slow_matching_size(edges)


# ----------------------------------------------------------------------------------------------------------- corners


def test_a_difference_of_exactly_the_collar_is_decided_in_floating_point_seconds() -> None:
    outcomes = set()
    for start in np.arange(0.0, 3000.0, 10.0):
        for collar_ms, name in ((200.0, NAMES[0]), (50.0, NAMES[1]), (50.0, NAMES[2])):
            reference, estimated = make((0, 0, start, start + 200)), make((0, 0, start + collar_ms, start + 250))
            found = events.evaluate(reference, estimated, [name])[name]
            seconds = [start / 1000, (start + collar_ms) / 1000, (start + 200) / 1000, (start + 250) / 1000]
            near = abs(seconds[0] - seconds[1]) <= collar_ms / 1000
            if name == NAMES[2]:
                near = near and abs(seconds[2] - seconds[3]) <= max(0.05, 0.2 * (seconds[2] - seconds[0]))
            assert found == float(near)
            outcomes.add((name, near))
    assert len(outcomes) == 6  # every score met both: 0.9 - 0.7 > 0.2 >= 0.4 - 0.2


def test_matching_is_maximum_and_not_greedy() -> None:
    # The first reference could take either estimate, the second only the first one.
    reference, estimated = make((0, 0, 1000, 1100), (0, 0, 800, 900)), make((0, 0, 900, 1000), (0, 0, 1150, 1250))
    assert events.onset_f_measure(reference, estimated).f_measure == 1


def test_long_events_may_end_less_exactly() -> None:
    estimated = make((0, 0, 0, 1200))
    assert events.onset_offset_f_measure(make((0, 0, 0, 1000)), estimated).f_measure == 1  # 0.2 of 1 s
    assert events.onset_offset_f_measure(make((0, 0, 0, 999)), estimated).f_measure == 0
    assert events.onset_offset_f_measure(make((0, 0, 0, 999)), estimated, fraction_of_length=0.3).f_measure == 1


def test_each_event_is_used_once() -> None:
    twins = make((0, 0, 100, 200), (0, 0, 100, 200), (0, 0, 100, 200))
    assert events.onset_f_measure(twins, make((0, 0, 100, 200))) == (0.5, 1.0, 1 / 3)
    assert events.onset_f_measure(make((0, 0, 100, 200)), twins) == (0.5, 1 / 3, 1.0)


def test_files_and_classes_are_kept_apart() -> None:
    reference = make((0, 1, 100, 200), (1, 0, 100, 200))
    assert events.onset_f_measure(reference, make((0, 0, 100, 200), (1, 1, 100, 200))).f_measure == 0
    assert events.segment_error_rate(reference, make((0, 0, 100, 200), (1, 1, 100, 200))) == (1, 1, 0, 0)
    assert events.onset_f_measure(reference, make((5, 1, 100, 200), (6, 0, 100, 200))).f_measure == 0


def test_events_of_one_class_that_overlap_are_one_in_a_segment() -> None:
    reference, estimated = make((0, 0, 0, 1500), (0, 0, 500, 2000)), make((0, 0, 0, 2000))
    assert events.segment_error_rate(reference, estimated).error_rate == 0
    assert events.onset_f_measure(reference, estimated) == (2 / 3, 1.0, 0.5)


def test_an_event_without_length_counts_in_a_segment_only_off_its_border() -> None:
    long = make((0, 0, 0, 3000))
    assert events.segment_error_rate(long, make((0, 0, 1500, 1500))).deletion_rate == pytest.approx(2 / 3)
    assert events.segment_error_rate(long, make((0, 0, 1000, 1000))).deletion_rate == pytest.approx(1)
    assert events.onset_f_measure(make((0, 0, 1000, 1000)), make((0, 0, 1000, 1000))).f_measure == 1


def test_error_rates_are_split_by_segment() -> None:
    reference = make((0, 0, 0, 1000), (0, 1, 0, 1000), (0, 2, 1000, 2000))
    estimated = make((0, 3, 0, 1000), (0, 2, 1000, 2000), (0, 3, 1000, 2000))
    rates = events.segment_error_rate(reference, estimated)
    assert rates == pytest.approx((1, 1 / 3, 1 / 3, 1 / 3))
    assert events.segment_error_rate(reference, reference, segment_s=0.5).error_rate == 0


def test_late_times_and_many_groups_lose_no_pairs() -> None:
    rng = np.random.default_rng(7)
    start = np.sort(rng.uniform(0, 3.6e6, 20000))
    reference = Events(rng.integers(0, 500, 20000), rng.integers(0, 90, 20000), start, start + 10)
    shift = np.where(start >= 200, -200.0, 200.0)
    estimated = Events(reference.file, reference.label, start + shift, start + shift + 10)
    exact = np.abs(start / 1000 - (start + shift) / 1000) <= 0.2
    assert round(events.onset_f_measure(reference, estimated).recall * 20000) >= exact.sum()


def test_the_order_of_events_does_not_matter() -> None:
    rng = np.random.default_rng(8)
    for reference, estimated in random_cases(seed=9, count=100, files=2):
        shuffled = []
        for some in (reference, estimated):
            order = rng.permutation(len(some))
            shuffled.append(Events(some.file[order], some.label[order], some.start_ms[order], some.end_ms[order]))
        expected = quietly(events.evaluate, reference, estimated)
        np.testing.assert_equal(quietly(events.evaluate, *shuffled), expected)


def test_evaluate_equals_the_single_functions_in_the_order_asked() -> None:
    for reference, estimated in random_cases(seed=10, count=20, files=2):
        scores = quietly(events.evaluate, reference, estimated, NAMES[::-1])
        assert [name for name in scores if name in NAMES] == NAMES[::-1]
        settings: list[tuple[Callable[..., Any], dict[str, float]]] = [
            (events.onset_f_measure, {}),
            (events.onset_f_measure, {"t_collar_s": 0.05}),
            (events.onset_offset_f_measure, {}),
            (events.segment_error_rate, {}),
        ]
        for name, (function, keywords) in zip(NAMES, settings, strict=True):
            np.testing.assert_equal(scores[name], quietly(function, reference, estimated, **keywords)[0])


# ----------------------------------------------------------------------------------------------------------- goldens


def test_heareval_goldens(shared: Path) -> None:
    cases = json.loads((shared / "goldens/heareval/units/event_scores.json").read_text())
    assert len(cases) == 8
    for case in cases:
        files, vocabulary = list(case["estimated"]), ["a", "b", "c", "d"]
        both = [Events.from_lists(case[side], files, vocabulary) for side in ("reference", "estimated")]
        scores = quietly(events.evaluate, *both, list(case["scores"]))
        for name, parts in case["scores"].items():
            for part, expected in parts.items():
                np.testing.assert_equal(scores[f"{name}_{part}"], expected, err_msg=f"{case['name']} {name} {part}")
