from __future__ import annotations

import math

import numpy as np
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import (
    Overall,
    generalisability,
    mean_rank,
    overall_mean,
    overall_mean_rank,
    overall_win_rate,
    win_rate,
)

NAN = math.nan
SCORES = np.array([[0.9, 0.5, NAN], [0.8, 0.4, 0.3], [NAN, NAN, NAN]])

# WavJEPA (arXiv 2509.23238v3), table 1, in per cent: DCASE, FSD50K, LibriCount, ESC-50, CREMA-D, VoxLingua, Speech
# Commands 5h, NSynth 5h, Beijing Opera, Mridangam stroke and tonic; then the published s(m). The best scores on DCASE,
# FSD50K, LibriCount, ESC-50 and Mridangam stroke are those of its ablations.
HEAR_NAIVE = [7.6, 12.5, 40.3, 27.4, 36.7, 16.0, 13.3, 89.2, 97.1, 94.2, 93.7]
BEST = [94.0, 55.3, 78.0, 86.8, 76.3, 79.2, 94.0, 42.0, 93.6, 97.4, 90.4]
PUBLISHED = {
    "WavJEPA": ([93.9, 54.4, 76.7, 86.5, 71.0, 49.8, 90.0, 34.4, 89.4, 97.3, 88.5], 66.0),
    "WavLM L": ([77.4, 40.1, 69.4, 66.6, 76.3, 79.2, 93.8, 18.2, 93.6, 95.8, 90.1], 58.1),
    "HuBERT L, AudioSet": ([86.2, 45.4, 75.2, 66.3, 70.1, 39.6, 85.7, 38.6, 91.6, 97.3, 89.6], 57.7),
    "HEAR-Naive": (HEAR_NAIVE, 0.0),
}


def test_means_say_what_they_are_made_of() -> None:
    assert overall_mean(SCORES) == (
        Overall(pytest.approx(0.7), (0, 1), (2,)),
        Overall(pytest.approx(0.5), (0, 1, 2), ()),
        Overall(pytest.approx(NAN, nan_ok=True), (), (0, 1, 2)),
    )
    assert [value.is_complete for value in overall_mean(SCORES)] == [False, True, False]


def test_common_tasks_make_values_comparable() -> None:
    first, second = overall_mean(SCORES[:2], common_only=True)
    assert (first.used, first.missing, second.used) == ((0, 1), (2,), (0, 1))
    assert second.value == pytest.approx(0.6)
    assert math.isnan(overall_mean(SCORES, common_only=True)[0].value)  # the third encoder has nothing in common


def test_ranks_and_wins_are_those_of_the_ranks() -> None:
    assert [value.value for value in overall_mean_rank(SCORES[:2])] == mean_rank(SCORES[:2]).tolist() == [1.0, 5 / 3]
    by_wins = overall_win_rate(SCORES[:2])
    assert [value.value for value in by_wins] == win_rate(SCORES[:2]).tolist() == [1.0, 0.0]
    assert by_wins[1].missing == (2,)  # nobody to win against
    assert overall_mean_rank(SCORES[:2])[1].missing == ()


@pytest.mark.parametrize("name", PUBLISHED)
def test_generalisability_is_the_published_one(name: str) -> None:
    scores, expected = PUBLISHED[name]
    (value,) = generalisability([scores], HEAR_NAIVE, BEST)
    assert value.value == pytest.approx(expected, abs=0.1)  # as good as scores with one decimal allow
    assert value.is_complete


def test_generalisability_by_hand() -> None:
    scores = [[0.2, 0.5, 0.1, NAN], [0.6, 0.3, 0.2, 0.9], [0.4, 0.9, NAN, 0.5]]
    floor = [0.2, 0.4, 0.3, NAN]
    values = generalisability(scores, floor)
    # task 0: 0, 1, 1/2; task 1: 1/5, 0 (below the floor), 1; task 2: nobody beats the floor; task 3: no floor
    assert [value.value for value in values] == pytest.approx([20 / 3, 100 / 3, 75.0])
    assert [value.missing for value in values] == [(3,), (3,), (2, 3)]
    common = generalisability(scores, floor, common_only=True)
    assert [value.value for value in common] == pytest.approx([10.0, 50.0, 75.0])
    given = generalisability(scores, floor, [1.0, 0.4, 1.3, 1.0])
    assert [value.value for value in given] == pytest.approx([0.0, 50 / 3, 12.5])


def test_a_score_per_task_is_needed() -> None:
    with pytest.raises(MetricError, match="floor: expected a score per task"):
        generalisability(SCORES, [0.1])
    with pytest.raises(MetricError, match="best: expected a score per task"):
        generalisability(SCORES, [0.1, 0.1, 0.1], [0.1])
