"""The jackknife against closed forms and plain loops. Whether it covers: ``tests/reproduce/test_coverage.py``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics.jackknife import (
    FEWEST_UNITS,
    FoldReplicates,
    StandardError,
    paired_t_test,
    score_interval,
    standard_error,
)

Fold = tuple[np.ndarray, np.ndarray]
"""(G,) right answers and (G,) clips of each group."""


def replicates(right: np.ndarray, sizes: np.ndarray) -> FoldReplicates:
    """Accuracy of a fold, and without each of its groups."""
    if len(sizes) == 1:
        return FoldReplicates(right[0] / sizes[0], np.array([np.nan]))
    return FoldReplicates(right.sum() / sizes.sum(), (right.sum() - right) / (sizes.sum() - sizes))


def of_clips(values: np.ndarray) -> FoldReplicates:
    return replicates(values, np.ones(len(values)))


# ------------------------------------------------------------------------------------------------- against closed forms


def test_a_mean_of_clips_has_the_usual_standard_error() -> None:
    values = np.random.default_rng(0).random(40)
    error = standard_error([of_clips(values)])
    assert error.value == pytest.approx(values.std(ddof=1) / np.sqrt(40))
    assert (error.df, error.n_units, error.reason) == (39, 40, None)


def test_clips_are_compared_as_by_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(30), rng.random(30)
    result, expected = paired_t_test([of_clips(a)], [of_clips(b)]), stats.ttest_rel(a, b)
    assert result.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval()
    assert (result.interval.low, result.interval.high) == pytest.approx((low, high))


def test_folds_add_their_variances() -> None:
    rng = np.random.default_rng(2)
    parts = [rng.random(n) for n in (20, 30, 25)]
    error = standard_error([of_clips(part) for part in parts])
    assert error.value == pytest.approx(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / 3)
    assert (error.df, error.n_units) == (72, 75)


def test_one_group_a_fold_makes_the_folds_the_units() -> None:
    a, b = np.array([0.7, 0.8, 0.6, 0.9]), np.array([0.6, 0.75, 0.65, 0.7])
    folds_a, folds_b = ([FoldReplicates(score, np.array([np.nan])) for score in scores] for scores in (a, b))
    assert standard_error(folds_a).value == pytest.approx(a.std(ddof=1) / 2)
    assert paired_t_test(folds_a, folds_b).p == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_groups_are_left_out_whole() -> None:
    rng = np.random.default_rng(3)
    group, right = rng.integers(0, 7, 60), rng.random(60) < 0.7
    plain = np.array([right[group != g].mean() for g in range(7)])
    fast = replicates(np.bincount(group, right), np.bincount(group)).replicates
    np.testing.assert_allclose(fast, plain)
    assert standard_error([FoldReplicates(right.mean(), plain)]).value == pytest.approx(
        np.sqrt(6 / 7 * np.sum((plain - plain.mean()) ** 2))
    )


def test_seeds_add_their_variance_with_satterthwaites_degrees_of_freedom() -> None:
    fold, seeds = of_clips(np.random.default_rng(4).random(50)), [0.50, 0.56, 0.47]
    alone, both = standard_error([fold]), standard_error([fold], seeds)
    of_seeds = np.var(seeds, ddof=1) / 3
    assert both.value**2 == pytest.approx(alone.value**2 + of_seeds)
    assert both.df == pytest.approx(both.value**4 / (alone.value**4 / 49 + of_seeds**2 / 2))
    assert standard_error([fold], [0.5]) == alone


def test_the_interval_is_wilsons_with_students_quantile() -> None:
    n, k = 400, 340
    interval = score_interval(k / n, standard_error([of_clips(np.arange(n) < k)]))
    wilson = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=3e-4)


# --------------------------------------------------------------------------------------------------------- at the edges


@pytest.mark.parametrize("right", [0, 1])
def test_a_score_at_its_bound_has_an_interval_with_a_width(right: int) -> None:
    interval = score_interval(right, standard_error([of_clips(np.full(30, right))]))
    inner = interval.high if right == 0 else 1.0 - interval.low
    assert inner == pytest.approx(stats.t.ppf(0.975, 29) ** 2 / (30 + stats.t.ppf(0.975, 29) ** 2))
    assert not interval.excludes(right)


def test_other_ranges_and_none() -> None:
    error = StandardError(0.5, 20.0, 21)
    wide = score_interval(3.0, error, bounds=(0.0, 10.0))
    unit = score_interval(0.3, StandardError(0.05, 20.0, 21))
    assert (wide.low, wide.high) == pytest.approx((10 * unit.low, 10 * unit.high))
    free = score_interval(3.0, error, bounds=None)
    assert free.high - 3.0 == pytest.approx(3.0 - free.low) == pytest.approx(0.5 * stats.t.ppf(0.975, 20))


def test_too_few_units_say_so() -> None:
    for folds in ([of_clips(np.array([0.0, 1.0]))], [FoldReplicates(0.5, np.array([np.nan]))] * 2):
        error = standard_error(folds)
        assert error.n_units < FEWEST_UNITS
        assert "too few" in (error.reason or "")
        assert not score_interval(0.5, error).is_defined
        result = paired_t_test(folds, folds)
        assert np.isnan(result.p)
        assert "too few" in (result.interval.reason or "")


def test_replicates_without_a_score() -> None:
    values = np.random.default_rng(5).random(40)
    values[0] = np.nan
    assert standard_error([FoldReplicates(0.5, values)]).reason is None
    values[:5] = np.nan
    assert "5 of 40 replicates have no score" in (standard_error([FoldReplicates(0.5, values)]).reason or "")


def test_a_difference_without_spread_is_no_certainty() -> None:
    ones, zeros = of_clips(np.ones(4)), of_clips(np.zeros(4))
    assert paired_t_test([ones], [zeros]).p == 0.125  # four clips, all for the same encoder: 2 / 2^4
    assert paired_t_test([ones], [ones]).p == 1.0


def test_bad_input() -> None:
    with pytest.raises(MetricError, match="at least one fold"):
        standard_error([])
    with pytest.raises(MetricError, match="same folds and units"):
        paired_t_test([of_clips(np.ones(4))], [of_clips(np.ones(5))])
    with pytest.raises(MetricError, match="a replicate per unit"):
        FoldReplicates(0.5, np.zeros((2, 2)))
