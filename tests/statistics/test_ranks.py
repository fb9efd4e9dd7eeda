from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import (
    cliques,
    friedman,
    mean_rank,
    nemenyi_critical_difference,
    rank_intervals,
    ranks,
    separable_pairs,
    win_rate,
)
from hear_audiomosaic.statistics.bootstrap import resample_counts

NAN = math.nan
SCORES = np.array([[0.9, 0.5, NAN], [0.8, 0.5, 0.3], [0.7, NAN, 0.4]])
GENERATOR = np.random.default_rng(4)


def random_scores(E: int, T: int, missing: float) -> Any:
    scores = np.round(GENERATOR.random((E, T)), 1)  # with ties
    scores[GENERATOR.random((E, T)) < missing] = NAN
    return scores


# -------------------------------------------------------------------------------------------------------------- order


def test_ranks_mean_ranks_and_win_rates_by_hand() -> None:
    np.testing.assert_array_equal(ranks(SCORES), [[1, 1.5, NAN], [2, 1.5, 2], [3, NAN, 1]])
    np.testing.assert_allclose(mean_rank(SCORES), [1.25, 5.5 / 3, 2.0])
    # encoder 0: two wins on task 0, a tie on task 1; encoder 1: a win and a loss, a tie, a loss; encoder 2: 0 0 1
    np.testing.assert_allclose(win_rate(SCORES), [2.5 / 3, 1.5 / 4, 1 / 3])


def test_ranks_are_scipys_where_nothing_is_missing() -> None:
    scores = random_scores(6, 9, missing=0.0)
    np.testing.assert_array_equal(ranks(scores), stats.rankdata(-scores, axis=0))


def test_win_rate_is_that_of_plain_loops() -> None:
    scores = random_scores(7, 12, missing=0.3)
    for i, value in enumerate(win_rate(scores)):
        won = [
            (mine > theirs) + 0.5 * (mine == theirs)
            for j in range(7)
            for mine, theirs in zip(scores[i], scores[j], strict=True)
            if i != j and not math.isnan(mine) and not math.isnan(theirs)
        ]
        assert value == pytest.approx(np.mean(won))


def test_an_encoder_without_tasks_or_rivals_has_no_value() -> None:
    scores = np.array([[NAN, NAN, NAN], [1.0, NAN, NAN], [NAN, 2.0, 3.0], [NAN, 1.0, 4.0]])
    np.testing.assert_array_equal(mean_rank(scores), [NAN, 1.0, 1.5, 1.5])
    np.testing.assert_array_equal(win_rate(scores), [NAN, NAN, 0.5, 0.5])


# ------------------------------------------------------------------------------------------------------------ intervals


def test_rank_intervals_are_those_of_plain_loops() -> None:
    scores = random_scores(5, 10, missing=0.2)
    ranked = ranks(scores)
    resampled = np.array(
        [
            stats.rankdata([np.nanmean(np.repeat(row, counts)) for row in ranked])
            for counts in resample_counts(300, 10, seed=3)
        ]
    )
    for interval, column in zip(rank_intervals(scores, 0.9, 300, seed=3), resampled.T, strict=True):
        assert interval.low == np.quantile(column, 0.05, method="lower")
        assert interval.high == np.quantile(column, 0.95, method="higher")


def test_a_clear_order_has_narrow_rank_intervals_and_noise_has_not() -> None:
    clear = rank_intervals(np.arange(4.0)[:, None] + GENERATOR.random((4, 15)) / 2)
    assert [(interval.low, interval.high) for interval in clear] == [(4, 4), (3, 3), (2, 2), (1, 1)]
    noise = rank_intervals(GENERATOR.random((10, 15)))
    assert np.mean([interval.high - interval.low for interval in noise]) > 4


def test_an_encoder_with_one_task_has_no_rank_interval() -> None:
    scores = GENERATOR.random((3, 8))
    scores[2, 1:] = NAN
    intervals = rank_intervals(scores)
    assert intervals[0].is_defined
    assert intervals[2].reason is not None
    left_out = int(intervals[2].reason.split(" of 2000 resamples")[0])
    assert left_out == pytest.approx(2000 * (7 / 8) ** 8, rel=0.1)
    assert math.isnan(intervals[2].low)


def test_separable_pairs_are_those_of_plain_loops() -> None:
    scores = GENERATOR.normal(size=(6, 14)) + np.linspace(0.0, 2.0, 6)[:, None]
    scores[GENERATOR.random((6, 14)) < 0.15] = NAN
    separable = separable_pairs(scores, 0.9, 400, seed=2)
    for i, j in itertools.combinations(range(6), 2):
        difference = (scores[i] - scores[j])[~np.isnan(scores[i] - scores[j])]
        counts = resample_counts(400, len(difference), seed=2)
        low, high = np.quantile([np.repeat(difference, row).mean() for row in counts], [0.05, 0.95])
        assert separable[i, j] == separable[j, i] == (low > 0 or high < 0)
    assert separable.any()
    assert not separable.all()
    assert not separable.diagonal().any()


def test_a_handful_of_common_tasks_shows_no_significant_difference() -> None:
    for n_common, apart in ((5, False), (6, True)):
        scores = np.full((2, 9), NAN)
        scores[0, :n_common], scores[1, :n_common] = 1.0, np.linspace(0.0, 0.5, n_common)
        scores[0, 8] = 1.0
        assert separable_pairs(scores)[0, 1] == apart


# ------------------------------------------------------------------------------------------------- critical difference


def test_friedman_is_demsars_formula_on_complete_tasks() -> None:
    scores = GENERATOR.random((4, 12))
    scores[0, 11] = NAN
    result = friedman(scores)
    k, n = 4, 11
    R = ranks(scores[:, :11]).mean(axis=1)
    chi2 = 12 * n / (k * (k + 1)) * ((R**2).sum() - k * (k + 1) ** 2 / 4)
    assert result.tasks == tuple(range(11))
    assert result.statistic == pytest.approx(chi2)
    assert result.p == pytest.approx(stats.chi2.sf(chi2, 3))
    assert friedman(np.ones((3, 4))).p == 1.0


@pytest.mark.parametrize(
    ("k", "alpha", "q"),
    [(2, 0.05, 1.960), (3, 0.05, 2.343), (5, 0.05, 2.728), (10, 0.05, 3.164), (2, 0.1, 1.645), (10, 0.1, 2.920)],
)
def test_nemenyi_quantiles_are_those_of_demsars_table(k: int, alpha: float, q: float) -> None:
    n = 7
    cd = nemenyi_critical_difference(k, n, alpha)
    assert cd / math.sqrt(k * (k + 1) / (6 * n)) == pytest.approx(q, abs=1e-3)


def test_demsars_example() -> None:
    # four classifiers on fourteen data sets, section 3.2.2
    assert nemenyi_critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.01)
    assert nemenyi_critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.01)


def test_cliques_by_hand() -> None:
    assert cliques([1.0, 2.0, 2.5, 4.0, 4.2], 1.6) == ((0, 1, 2), (2, 3), (3, 4))
    assert cliques([3.0, NAN, 1.0, 2.0], 1.5) == ((2, 3), (3, 0))
    assert cliques([1.0, 2.0], 1.0) == ()  # differ by the critical difference: significant
    assert cliques([NAN, NAN], 1.0) == ()


def test_cliques_are_the_largest_groups_of_neighbours() -> None:
    for cd in (0.5, 1.0, 2.0, 9.0):
        values = GENERATOR.random(8) * 6
        groups = {
            frozenset(group)
            for size in range(2, 9)
            for group in itertools.combinations(range(8), size)
            if max(values[list(group)]) - min(values[list(group)]) < cd
        }
        largest = {group for group in groups if not any(group < other for other in groups)}
        found = cliques(values, cd)
        assert {frozenset(group) for group in found} == largest
        assert len(found) == len(largest)
        assert all(list(group) == sorted(group, key=lambda i: values[i]) for group in found)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ranks([1.0, 2.0]), "E encoders, T tasks"),
        (lambda: ranks([[np.inf]]), "infinite"),
        (lambda: rank_intervals([[1.0], [2.0]]), "at least 2"),
        (lambda: friedman(np.ones((2, 5))), "at least 3 encoders"),
        (lambda: nemenyi_critical_difference(1, 5), "at least 2 encoders"),
        (lambda: nemenyi_critical_difference(3, 5, 5), "between 0 and 1"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        wrong()
