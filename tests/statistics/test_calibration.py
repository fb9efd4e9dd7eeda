"""Do 95 % intervals hold the truth 95 % of the time? Simulated, with fixed seeds."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from hear_audiomosaic.statistics import (
    Ranking,
    bootstrap_interval,
    bootstrap_means,
    mean_interval,
    paired_bootstrap_test,
    paired_difference,
    percentile_interval,
)

GENERATOR_SEED = 11


def coverage(draws: np.ndarray, truth: float) -> float:
    """Share of the columns of (n_resamples, repetitions) whose interval holds the truth."""
    return float(np.mean([not percentile_interval(column).excludes(truth) for column in draws.T]))


def test_accuracy() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    correct = (generator.random((300, 4000)) < 0.7).astype(float)  # 4000 experiments of 300 clips
    draws = bootstrap_means(correct, n_resamples=1000)
    assert 0.935 < coverage(draws, 0.7) < 0.965
    alone = mean_interval(correct[:, 0], n_resamples=1000)
    assert (alone.low, alone.high) == (percentile_interval(draws[:, 0]).low, percentile_interval(draws[:, 0]).high)


def test_groups_and_what_happens_when_they_are_ignored() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    G, per_group, repetitions = 80, 6, 3000
    groups = np.repeat(np.arange(G), per_group)
    ability = generator.beta(2.0, 1.0, (G, repetitions))  # recordings differ; the mean is 2/3
    correct = (generator.random((G * per_group, repetitions)) < ability[groups]).astype(float)
    assert 0.93 < coverage(bootstrap_means(correct, groups, 1000), 2 / 3) < 0.97
    assert coverage(bootstrap_means(correct, None, 400), 2 / 3) < 0.90


def test_folds() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    rates = np.array([0.6, 0.9, 0.75])
    folds = np.repeat([0, 1, 2], [60, 120, 180])
    correct = (generator.random((360, 3000)) < rates[folds][:, None]).astype(float)
    assert 0.93 < coverage(bootstrap_means(correct, n_resamples=1000, folds=folds), 0.75) < 0.97


def test_auc_by_the_general_path() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    n, repetitions = 160, 1200
    targets = (np.arange(n) % 2)[:, None]
    truth = ndtr(1.0 / math.sqrt(2.0))  # two unit normals one apart
    held = 0
    for repetition in range(repetitions):
        ranking = Ranking.of(targets, generator.normal(size=(n, 1)) + targets)
        interval = bootstrap_interval(ranking.roc_auc, n, n_resamples=400, seed=repetition, takes="batches")
        held += not interval.excludes(truth)
    assert 0.93 < held / repetitions < 0.97


def test_bca_covers_a_skewed_mean_better_than_percentiles() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    held = {"percentile": 0, "bca": 0}
    for repetition in range(1500):
        values = generator.lognormal(size=40)
        for method in ("percentile", "bca"):
            interval = mean_interval(values, n_resamples=600, seed=repetition, method=method)  # type: ignore[arg-type]
            held[method] += not interval.excludes(math.exp(0.5))
    assert held["bca"] > held["percentile"]


def test_p_values_and_intervals_of_equal_encoders() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    difficulty = generator.random((250, 2000))
    a, b = (difficulty + 0.2 * generator.normal(size=difficulty.shape) < 0.7 for _ in range(2))
    scores_a, scores_b = (
        bootstrap_means(a.astype(float), n_resamples=800),
        bootstrap_means(b.astype(float), n_resamples=800),
    )
    results = [
        paired_bootstrap_test(scores_a[:, i], scores_b[:, i], a[:, i].mean() - b[:, i].mean())
        for i in range(a.shape[1])
    ]
    assert 0.03 < np.mean([result.p <= 0.05 for result in results]) < 0.07
    assert 0.93 < np.mean([not result.interval.excludes(0.0) for result in results]) < 0.97
    direct = paired_difference(a[:, 0], b[:, 0], n_resamples=800)
    assert direct.p == results[0].p
