"""Do 95 % intervals hold the truth 95 % of the time? Simulated, with fixed seeds."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from hear_audiomosaic.statistics import (
    Ranking,
    bootstrap_interval,
    draws_interval,
    mean_draws,
    mean_interval,
    paired_difference,
    paired_from_draws,
)

GENERATOR_SEED = 11


def coverage(draws: np.ndarray, truth: float) -> float:
    """Share of the columns of (n_draws, repetitions) whose interval holds the truth."""
    return float(np.mean([not draws_interval(column).excludes(truth) for column in draws.T]))


def test_accuracy() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    correct = (generator.random((300, 4000)) < 0.7).astype(float)  # 4000 experiments of 300 clips
    draws = mean_draws(correct, n_draws=1000)
    assert 0.935 < coverage(draws, 0.7) < 0.965
    alone = mean_interval(correct[:, 0], n_draws=1000)
    assert (alone.low, alone.high) == (draws_interval(draws[:, 0]).low, draws_interval(draws[:, 0]).high)


def test_groups_and_what_happens_when_they_are_ignored() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    G, per_group, repetitions = 80, 6, 3000
    groups = np.repeat(np.arange(G), per_group)
    ability = generator.beta(2.0, 1.0, (G, repetitions))  # recordings differ; the mean is 2/3
    correct = (generator.random((G * per_group, repetitions)) < ability[groups]).astype(float)
    assert 0.93 < coverage(mean_draws(correct, groups, 1000), 2 / 3) < 0.97
    assert coverage(mean_draws(correct, None, 400), 2 / 3) < 0.90


def test_folds() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    rates = np.array([0.6, 0.9, 0.75])
    folds = np.repeat([0, 1, 2], [60, 120, 180])
    correct = (generator.random((360, 3000)) < rates[folds][:, None]).astype(float)
    assert 0.93 < coverage(mean_draws(correct, n_draws=1000, folds=folds), 0.75) < 0.97


def test_auc_by_the_general_path() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    n, repetitions = 160, 1200
    targets = (np.arange(n) % 2)[:, None]
    truth = ndtr(1.0 / math.sqrt(2.0))  # two unit normals one apart
    held = 0
    for repetition in range(repetitions):
        ranking = Ranking.of(targets, generator.normal(size=(n, 1)) + targets)
        interval = bootstrap_interval(ranking.roc_auc, n, n_draws=400, seed=repetition, takes="batches")
        held += not interval.excludes(truth)
    assert 0.93 < held / repetitions < 0.97


def test_bca_holds_a_skewed_mean_better_than_percentiles() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    held = {"percentile": 0, "bca": 0}
    for repetition in range(1500):
        values = generator.lognormal(size=40)
        for method in ("percentile", "bca"):
            interval = mean_interval(values, n_draws=600, seed=repetition, method=method)  # type: ignore[arg-type]
            held[method] += not interval.excludes(math.exp(0.5))
    assert held["bca"] > held["percentile"]


def test_p_values_and_intervals_of_equal_encoders() -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    difficulty = generator.random((250, 2000))
    a, b = (difficulty + 0.2 * generator.normal(size=difficulty.shape) < 0.7 for _ in range(2))
    draws_a, draws_b = mean_draws(a.astype(float), n_draws=800), mean_draws(b.astype(float), n_draws=800)
    results = [
        paired_from_draws(draws_a[:, i], draws_b[:, i], a[:, i].mean() - b[:, i].mean()) for i in range(a.shape[1])
    ]
    assert 0.03 < np.mean([result.p <= 0.05 for result in results]) < 0.07
    assert 0.93 < np.mean([not result.interval.excludes(0.0) for result in results]) < 0.97
    direct = paired_difference(a[:, 0], b[:, 0], n_draws=800)
    assert direct.p == results[0].p
