"""The jackknife against closed forms and plain loops, and whether its intervals cover and its tests keep their level.

The simulations run short here and long with ``-m slow``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import Ranking, holm
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


# ---------------------------------------------------------------------------------------------------------- simulations

LENGTHS = [
    pytest.param(400, 0.035, id="short"),  # three standard errors of 400 repetitions, and half a per cent of bias
    pytest.param(4000, 0.02, id="long", marks=pytest.mark.slow),
]
GROUPS = {
    "3 groups": [3],
    "6 groups": [6],
    "10 groups": [10],
    "20 groups": [20],
    "50 groups": [50],
    "5 folds of 2": [2] * 5,
    "5 folds of 1": [1] * 5,
    "3 folds of 6": [6] * 3,
    "5 folds of 10": [10] * 5,
}


def grouped(rng: np.random.Generator, groups: list[int], rate: float, concentration: float = 8.0) -> list[Fold]:
    """Groups of about 20 clips; groups differ in how hard they are."""
    folds = []
    for n in groups:
        sizes = 1 + rng.poisson(19, n)
        folds.append((rng.binomial(sizes, rng.beta(rate * concentration, (1 - rate) * concentration, n)), sizes))
    return folds


@pytest.mark.parametrize(("repetitions", "slack"), LENGTHS)
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_groups_are_covered(groups: list[int], repetitions: int, slack: float) -> None:
    rng, held = np.random.default_rng(10), 0
    for _ in range(repetitions):
        folds = [replicates(*fold) for fold in grouped(rng, groups, 0.7)]
        interval = score_interval(float(np.mean([fold.score for fold in folds])), standard_error(folds))
        held += not interval.excludes(0.7)
    assert abs(held / repetitions - 0.95) < slack


@pytest.mark.parametrize(("repetitions", "slack"), LENGTHS)
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_equal_encoders_seldom_differ_by_groups(groups: list[int], repetitions: int, slack: float) -> None:
    rng, rejected = np.random.default_rng(11), 0
    for _ in range(repetitions):
        a = grouped(rng, groups, 0.7)
        b = [(rng.binomial(sizes, rng.beta(5.6, 2.4, len(sizes))), sizes) for _, sizes in a]
        rejected += paired_t_test([replicates(*fold) for fold in a], [replicates(*fold) for fold in b]).p < 0.05
    assert rejected / repetitions < 0.05 + slack / 2


@pytest.mark.parametrize(("repetitions", "slack"), LENGTHS)
@pytest.mark.parametrize("n", [30, 100, 300, 1000])
@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97])
def test_clips_are_covered(n: int, rate: float, repetitions: int, slack: float) -> None:
    rng, held = np.random.default_rng(12), 0
    for _ in range(repetitions):
        values = rng.random(n) < rate
        held += not score_interval(float(values.mean()), standard_error([of_clips(values)])).excludes(rate)
    assert held / repetitions > 0.95 - slack  # few clips give few possible scores, so it may cover more


def tagged(rng: np.random.Generator, n: int, n_classes: int, mean_positives: float, separation: float) -> Ranking:
    """Multi-label clips; classes are unequally frequent, and each has a positive clip."""
    frequency = np.clip(mean_positives / n * np.random.default_rng(3).exponential(size=n_classes), 1 / n, 0.6)
    targets = rng.random((n, n_classes)) < frequency
    for c in np.flatnonzero(~targets.any(axis=0)):
        targets[rng.integers(n), c] = True
    return Ranking.of(targets, rng.normal(size=(n, n_classes)) + separation * targets)


def ranking_replicates(score: Callable[[np.ndarray], np.ndarray], n: int) -> FoldReplicates:
    return FoldReplicates(float(score(np.ones((1, n), dtype=int))[0]), score(1 - np.eye(n, dtype=int)))


@pytest.mark.parametrize(
    ("repetitions", "slack"),
    [pytest.param(120, 0.07, id="short"), pytest.param(1500, 0.025, id="long", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("name", ["average_precision", "roc_auc"])
@pytest.mark.parametrize("size", [(60, 10, 12, 1.0), (116, 32, 4, 1.0)], ids=["60 clips x 10", "116 clips x 32"])
def test_rankings_are_covered(size: tuple[int, int, float, float], name: str, repetitions: int, slack: float) -> None:
    rng = np.random.default_rng(13)
    folds = [ranking_replicates(getattr(tagged(rng, *size), name), size[0]) for _ in range(repetitions)]
    truth = float(np.mean([fold.score for fold in folds]))
    intervals = [score_interval(fold.score, standard_error([fold])) for fold in folds]
    assert not any(interval.excludes(fold.score) for interval, fold in zip(intervals, folds, strict=True))
    assert np.mean([not interval.excludes(truth) for interval in intervals]) > 0.95 - slack


def all_pairs(scores: list[FoldReplicates]) -> Iterator[float]:
    return (paired_t_test([a], [b]).p for a, b in combinations(scores, 2))


@pytest.mark.parametrize(
    ("repetitions", "slack"),
    [pytest.param(60, 0.08, id="short"), pytest.param(800, 0.01, id="long", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("n_encoders", [3, 9, 20])
def test_among_equal_encoders_none_differs(n_encoders: int, repetitions: int, slack: float) -> None:
    rng, wrong = np.random.default_rng(14), 0
    for _ in range(repetitions):
        difficulty = rng.random(120)
        right = difficulty + 0.3 * rng.normal(size=(n_encoders, 120)) < 0.7
        p = list(all_pairs([of_clips(values) for values in right.astype(float)]))
        wrong += min(holm(p)) < 0.05
    assert wrong / repetitions < 0.05 + slack
