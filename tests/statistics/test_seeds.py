from __future__ import annotations

import math

import numpy as np
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import bootstrap_means, score_variances


def test_closed_form() -> None:
    variances = score_variances([1.0, 3.0], [[0.0, 2.0], [3.0, 3.0]])
    assert variances.test == 1.0  # mean of 2 and 0
    assert variances.seed == 2.0
    assert variances.total == 3.0
    assert variances.of_mean(4) == 1.5


def test_one_seed_says_nothing_of_seeds() -> None:
    variances = score_variances([1.0], [[0.0, 2.0]])
    assert variances.test == 2.0
    assert math.isnan(variances.seed)
    assert math.isnan(variances.total)
    assert math.isnan(variances.of_mean(3))


def test_simulated_sources_are_separated() -> None:
    generator = np.random.default_rng(0)
    S, n, seed_spread, clip_spread = 200, 400, 0.05, 1.0
    clips = generator.normal(0.0, clip_spread, n)  # hard and easy clips, the same for all seeds
    values = clips[:, None] + generator.normal(0.0, seed_spread, S)  # (n, S)
    variances = score_variances(values.mean(axis=0), bootstrap_means(values).T)
    assert variances.test == pytest.approx(clip_spread**2 / n, rel=0.15)
    assert variances.seed == pytest.approx(seed_spread**2, rel=0.15)
    assert variances.total == variances.test + variances.seed


@pytest.mark.parametrize(("scores", "draws"), [([1.0], [[1.0]]), ([1.0, 2.0], [[1.0, 2.0]]), ([1.0], [1.0, 2.0])])
def test_shapes_must_fit(scores: list[float], draws: list[float]) -> None:
    with pytest.raises(MetricError, match="n_resamples"):
        score_variances(scores, draws)
    with pytest.raises(MetricError, match="n_seeds"):
        score_variances([1.0], [[0.0, 2.0]]).of_mean(0)
