from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import (
    Interval,
    bca_interval,
    bootstrap_fold_scores,
    bootstrap_interval,
    bootstrap_means,
    bootstrap_scores,
    count_chunks,
    mean_interval,
    percentile_interval,
    resample_counts,
)

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.exponential(size=60)
GROUPS = np.repeat(["a", "b", "c", "d", "e", "f", "g", "h"], [1, 2, 4, 8, 10, 10, 12, 13])
FOLDS = np.repeat([3, 1, 2], [10, 20, 30])


# ---------------------------------------------------------------------------------------------------------- resamples


def test_counts_have_the_moments_of_a_multinomial() -> None:
    n = 12
    counts = resample_counts(40_000, None, n, seed=1)
    assert counts.shape == (40_000, n)
    assert (counts.sum(axis=1) == n).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1.0, atol=0.03)
    expected = np.full((n, n), -1 / n) + np.eye(n)  # the covariance of multinomial(n; 1/n, ...)
    np.testing.assert_allclose(np.cov(counts.T), expected, atol=0.03)


def test_groups_are_drawn_whole() -> None:
    counts = resample_counts(500, GROUPS, len(GROUPS), seed=1)
    columns = []
    for label in "abcdefgh":
        members = counts[:, label == GROUPS]
        assert (members == members[:, :1]).all()
        columns.append(members[:, 0])
    assert (np.sum(columns, axis=0) == 8).all()


def test_resamples_depend_on_the_seed_and_not_on_the_chunks() -> None:
    whole = resample_counts(50, GROUPS, len(GROUPS), seed=7)
    for cells in (1, 500, 10_000):
        np.testing.assert_array_equal(np.concatenate(list(count_chunks(50, GROUPS, 60, 7, cells=cells))), whole)
    assert (resample_counts(50, GROUPS, 60, seed=8) != whole).any()


# -------------------------------------------------------------------------------------------------------------- draws


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_all_ways_to_give_a_score_agree(groups: Any) -> None:
    n = len(VALUES)
    fast = bootstrap_means(VALUES, groups, 300, seed=5)
    by_index = bootstrap_scores(lambda clips: VALUES[clips].mean(), n, groups, 300, 5)
    by_weight = bootstrap_scores(lambda w: np.average(VALUES, weights=w), n, groups, 300, 5, takes="weights")
    by_batch = bootstrap_scores(lambda w: w @ VALUES / w.sum(axis=1), n, groups, 300, 5, takes="batches")
    np.testing.assert_allclose(fast, by_index)
    np.testing.assert_allclose(fast, by_weight)
    np.testing.assert_allclose(fast, by_batch)


def test_several_encoders_share_their_resamples() -> None:
    both = bootstrap_means(np.column_stack([VALUES, VALUES**2]), GROUPS, 100, seed=5)
    np.testing.assert_allclose(both[:, 0], bootstrap_means(VALUES, GROUPS, 100, seed=5))
    np.testing.assert_allclose(both[:, 1], bootstrap_means(VALUES**2, GROUPS, 100, seed=5))


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2])
def test_folds_are_resampled_separately_and_averaged(groups: Any) -> None:
    parts = [np.flatnonzero(fold == FOLDS) for fold in (1, 2, 3)]
    expected = bootstrap_fold_scores(
        [lambda clips, part=part: VALUES[part][clips].mean() for part in parts],
        [len(part) for part in parts],
        None if groups is None else [groups[part] for part in parts],
        200,
        seed=9,
    )
    np.testing.assert_allclose(bootstrap_means(VALUES, groups, 200, 9, folds=FOLDS), expected)


def test_folds_spread_as_independent_samples_do() -> None:
    draws = bootstrap_means(VALUES, None, 20_000, folds=FOLDS)
    parts = [VALUES[fold == FOLDS] for fold in (1, 2, 3)]
    variance = sum(part.var() / len(part) for part in parts) / 9
    assert draws.var() == pytest.approx(variance, rel=0.05)
    assert draws.mean() == pytest.approx(np.mean([part.mean() for part in parts]), rel=0.01)


def test_equal_folds_are_resampled_independently() -> None:
    part = VALUES[:20]
    draws = bootstrap_means(np.tile(part, 4), None, 20_000, folds=np.repeat(np.arange(4), 20))
    assert draws.var() == pytest.approx(part.var() / 20 / 4, rel=0.05)


def test_a_fold_without_a_score_leaves_the_resample_without_one() -> None:
    draws = bootstrap_fold_scores(
        [lambda clips: np.nan if clips[0] > 0 else 1.0, lambda clips: 2.0], [3, 3], n_resamples=50
    )
    assert set(np.unique(draws[~np.isnan(draws)])) == {1.5}
    assert np.isnan(draws).any()


# ---------------------------------------------------------------------------------------------------------- intervals


def test_percentile_interval_is_the_quantiles_of_the_scores() -> None:
    draws = GENERATOR.normal(size=999)
    interval = percentile_interval(draws, 0.9)
    assert (interval.low, interval.high) == tuple(np.quantile(draws, [0.05, 0.95]))
    assert interval.is_defined
    assert interval.level == 0.9
    assert interval.excludes(9.0)
    assert not interval.excludes(0.0)


def test_resamples_without_a_score_are_left_out_up_to_a_twentieth() -> None:
    draws = np.arange(100.0)
    draws[:5] = np.nan
    interval = percentile_interval(draws)
    assert interval.left_out == 5
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(np.arange(5.0, 100.0), [0.025, 0.975])))
    draws[5] = np.nan
    interval = percentile_interval(draws)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert not interval.is_defined
    assert not interval.excludes(1e9)
    assert interval.reason == "6 of 100 resamples have no score, more than 5%"


def test_infinite_scores_have_an_interval() -> None:
    interval = percentile_interval(np.r_[np.linspace(1.0, 2.0, 80), np.full(20, np.inf)])
    assert interval.low == pytest.approx(1.03, abs=0.01)
    assert interval.high == math.inf


def test_mean_interval_of_many_clips_is_the_normal_one() -> None:
    values = (np.arange(4000) < 3000).astype(float)
    interval = mean_interval(values, n_resamples=5000)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 4000)
    assert interval.low == pytest.approx(0.75 - half, abs=0.001)
    assert interval.high == pytest.approx(0.75 + half, abs=0.001)


def test_groups_widen_the_interval_of_clips_that_agree() -> None:
    groups = np.arange(400) // 10
    values = (groups % 2).astype(float)  # all clips of a group alike: 40 independent observations, not 400
    alone, grouped = mean_interval(values), mean_interval(values, groups)
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(10), rel=0.1)


def test_bca_is_scipys_on_the_same_resamples() -> None:
    draws = bootstrap_means(VALUES, None, 2000, seed=3)
    given = stats.bootstrap((VALUES,), np.mean, n_resamples=2, method="percentile")
    given.bootstrap_distribution = draws
    expected = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=0, bootstrap_result=given, method="BCa"
    ).confidence_interval
    interval = mean_interval(VALUES, seed=3, method="bca")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    general = bootstrap_interval(lambda w: np.average(VALUES, weights=w), 60, seed=3, method="bca")
    assert (general.low, general.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    percentile = mean_interval(VALUES, seed=3)
    assert interval.low > percentile.low  # the sample is skewed to the right
    assert interval.high > percentile.high


def test_bca_of_folds_is_scipys_on_the_same_resamples() -> None:
    parts = tuple(VALUES[fold == FOLDS] for fold in (1, 2, 3))
    draws = bootstrap_means(VALUES, None, 2000, seed=3, folds=FOLDS)

    def mean_of_means(*samples: Any, axis: int = -1) -> Any:
        return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)

    given = stats.bootstrap(parts, mean_of_means, n_resamples=2, method="percentile", vectorized=True)
    given.bootstrap_distribution = draws
    expected = stats.bootstrap(
        parts, mean_of_means, n_resamples=0, bootstrap_result=given, method="BCa", vectorized=True
    ).confidence_interval
    interval = mean_interval(VALUES, seed=3, folds=FOLDS, method="bca")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_bca_by_groups_leaves_out_whole_groups() -> None:
    fast = mean_interval(VALUES, GROUPS, n_resamples=500, method="bca")
    general = bootstrap_interval(
        lambda clips: VALUES[clips].mean(), 60, GROUPS, n_resamples=500, takes="indices", method="bca"
    )
    assert (fast.low, fast.high) == pytest.approx((general.low, general.high))


def test_bca_without_any_spread_is_a_point_and_beyond_all_scores_is_none() -> None:
    assert mean_interval(np.ones(20), method="bca") == Interval(1.0, 1.0, 0.95)
    beyond = bca_interval(np.arange(100.0), 200.0, [np.arange(5.0)])
    assert beyond.reason is not None
    assert "beyond those of all resamples" in beyond.reason
    undefined = bca_interval(np.arange(100.0), math.nan, [np.arange(5.0)])
    assert undefined.reason == "the score itself is nan; take the percentile method"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: mean_interval([1.0, np.nan]), "1 NaN or infinite"),
        (lambda: mean_interval([]), "n > 0"),
        (lambda: mean_interval([1.0]), "at least 2 clips"),
        (lambda: mean_interval(["a", "b"]), "expected numbers"),
        (lambda: mean_interval([0.0, 1.0], groups=[1, 1]), "at least 2 groups"),
        (lambda: mean_interval([0.0, 1.0], groups=[1, 1, 2]), "one per clip"),
        (lambda: mean_interval([0.0, 1.0], folds=[1]), "one per clip"),
        (lambda: mean_interval([0.0, 1.0], level=95), "such as 0.95"),
        (lambda: mean_interval([0.0, 1.0], n_resamples=0), "at least 1"),
        (lambda: mean_interval(np.ones((3, 2))), "one encoder at a time"),
        (lambda: bootstrap_scores(lambda w: w, 5, takes="batches"), "batch"),
        (lambda: bootstrap_fold_scores([], []), "every fold"),
        (lambda: percentile_interval([]), "at least one resample"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        wrong()
