from __future__ import annotations

import math

import numpy as np
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics.clips import mean_average_precision, roc_auc
from hear_audiomosaic.statistics import Ranking

GENERATOR = np.random.default_rng(1)
N, C = 80, 4
TARGETS = (GENERATOR.random((N, C)) < 0.3).astype(int)
DISTINCT = GENERATOR.random((N, C)) + 0.3 * TARGETS
TIED = np.round(DISTINCT, 1)  # runs of equal probabilities, positives and negatives mixed


WITHOUT_EACH_PAIR = (np.arange(N) // 2 != np.arange(N // 2)[:, None]).astype(int)  # (N / 2, N) zeros and ones
REPEATED = GENERATOR.integers(0, 4, (40, N))


@pytest.mark.parametrize("counts", [WITHOUT_EACH_PAIR, REPEATED])
@pytest.mark.parametrize("probabilities", [DISTINCT, TIED, np.ones((N, C))])
def test_counted_clips_score_as_kept_and_repeated_ones_do(probabilities: np.ndarray, counts: np.ndarray) -> None:
    ranking = Ranking.of(TARGETS, probabilities)
    clips = [np.repeat(np.arange(N), row) for row in counts]
    expected = [mean_average_precision(TARGETS[chosen], probabilities[chosen]) for chosen in clips]
    np.testing.assert_allclose(ranking.average_precision(counts), expected)
    expected = [roc_auc(TARGETS[chosen], probabilities[chosen]) for chosen in clips]
    np.testing.assert_allclose(ranking.roc_auc(counts), expected)


def test_a_class_without_a_counted_positive_is_left_out() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 1], [1, 0]])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.3], [0.4, 0.8], [0.1, 0.2]])
    ranking = Ranking.of(targets, probabilities)
    counts = np.array([[1, 1, 0, 2], [0, 0, 4, 0], [1, 1, 1, 1]])
    average = ranking.average_precision(counts)
    assert average[0] == 1.0  # only the first class has positives, and no negatives either
    assert average[1] == 1.0  # only the second
    assert average[2] == pytest.approx(mean_average_precision(targets, probabilities))
    auc = ranking.roc_auc(counts)
    assert np.isnan(auc[:2]).all()
    assert auc[2] == pytest.approx(roc_auc(targets, probabilities))


def test_a_class_that_the_clips_lack_counts_as_hear_counts_it() -> None:
    targets = np.array([[1, 0], [0, 0], [1, 0]])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.3], [0.4, 0.8]])
    ranking = Ranking.of(targets, probabilities)
    ones = np.ones((1, 3), dtype=int)
    assert ranking.average_precision(ones)[0] == mean_average_precision(targets, probabilities) == 0.5
    assert math.isnan(ranking.roc_auc(ones)[0])


def test_shapes_must_fit() -> None:
    with pytest.raises(MetricError, match="one shape"):
        Ranking.of(np.ones((3, 2)), np.ones((3, 1)))
