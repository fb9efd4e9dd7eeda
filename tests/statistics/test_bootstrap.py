from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import mean_interval, percentile_interval
from hear_audiomosaic.statistics.bootstrap import bootstrap_means, resample_counts

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.exponential(size=19)


# ---------------------------------------------------------------------------------------------------------- resamples


def test_counts_have_the_moments_of_a_multinomial() -> None:
    n = 12
    counts = resample_counts(40_000, n, seed=1)
    assert counts.shape == (40_000, n)
    assert (counts.sum(axis=1) == n).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1.0, atol=0.03)
    expected = np.full((n, n), -1 / n) + np.eye(n)  # the covariance of multinomial(n; 1/n, ...)
    np.testing.assert_allclose(np.cov(counts.T), expected, atol=0.03)


def test_resamples_depend_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(resample_counts(50, 9, seed=7), resample_counts(50, 9, seed=7))
    np.testing.assert_array_equal(resample_counts(50, 9, seed=7)[:20], resample_counts(20, 9, seed=7))
    assert (resample_counts(50, 9, seed=8) != resample_counts(50, 9, seed=7)).any()


def test_means_are_those_of_repeated_values() -> None:
    both = np.column_stack([VALUES, VALUES**2])
    expected = [np.repeat(both, counts, axis=0).mean(axis=0) for counts in resample_counts(100, 19, seed=5)]
    np.testing.assert_allclose(bootstrap_means(both, 100, seed=5), expected)
    np.testing.assert_allclose(bootstrap_means(VALUES, 100, seed=5), np.array(expected)[:, 0])


# ---------------------------------------------------------------------------------------------------------- intervals


def test_percentile_interval_is_the_quantiles_of_the_scores() -> None:
    draws = GENERATOR.normal(size=999)
    interval = percentile_interval(draws, 0.9)
    tail = (1.0 - 0.9) / 2.0  # not 0.05 to the last bit
    assert (interval.low, interval.high) == tuple(np.quantile(draws, [tail, 1.0 - tail]))
    assert interval.is_defined
    assert interval.level == 0.9
    assert interval.excludes(9.0)
    assert not interval.excludes(0.0)


def test_ends_outwards_are_scores_that_occurred() -> None:
    ranks = np.repeat([1.0, 2.0, 3.0, 4.0], [2, 58, 38, 2])
    inner, outer = percentile_interval(ranks, outwards=False), percentile_interval(ranks, outwards=True)
    assert (inner.low, inner.high) == pytest.approx((2.0, 3.0))
    assert (outer.low, outer.high) == (2.0, 3.0)
    ranks[2], ranks[-3] = 1.0, 4.0  # the ends now lie between two scores
    inner, outer = percentile_interval(ranks, outwards=False), percentile_interval(ranks, outwards=True)
    assert 1.0 < inner.low < 2.0
    assert 3.0 < inner.high < 4.0
    assert (outer.low, outer.high) == (1.0, 4.0)


def test_resamples_without_a_score_are_left_out_up_to_a_twentieth() -> None:
    draws = np.arange(100.0)
    draws[:5] = np.nan
    interval = percentile_interval(draws)
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(np.arange(5.0, 100.0), [0.025, 0.975])))
    draws[5] = np.nan
    interval = percentile_interval(draws)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert not interval.is_defined
    assert not interval.excludes(1e9)
    assert interval.reason == "6 of 100 resamples have no score, more than 5%"


def test_mean_interval_of_many_is_the_normal_one() -> None:
    values = (np.arange(4000) < 3000).astype(float)
    interval = mean_interval(values, n_resamples=5000)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 4000)
    assert interval.low == pytest.approx(0.75 - half, abs=0.001)
    assert interval.high == pytest.approx(0.75 + half, abs=0.001)


def test_intervals_of_19_tasks_are_slightly_short_as_documented() -> None:
    tasks = np.random.default_rng(11).normal(size=(19, 8000))
    held = [not percentile_interval(column).excludes(0.0) for column in bootstrap_means(tasks, 1000).T]
    assert 0.915 < np.mean(held) < 0.94
    alone, first = mean_interval(tasks[:, 0], n_resamples=1000), percentile_interval(bootstrap_means(tasks, 1000)[:, 0])
    assert (alone.low, alone.high) == pytest.approx((first.low, first.high))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: mean_interval([1.0, np.nan]), "1 NaN or infinite"),
        (lambda: mean_interval([]), "n > 0"),
        (lambda: mean_interval([1.0]), "at least 2 observations"),
        (lambda: mean_interval(["a", "b"]), "expected numbers"),
        (lambda: mean_interval([0.0, 1.0], level=95), "such as 0.95"),
        (lambda: mean_interval([0.0, 1.0], n_resamples=0), "at least 1"),
        (lambda: mean_interval(np.ones((3, 2))), "one encoder at a time"),
        (lambda: percentile_interval([]), "at least one resample"),
        (lambda: percentile_interval([1.0, np.inf]), "infinite"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        wrong()
