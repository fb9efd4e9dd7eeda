"""Chance is what a guess scores: enumerated, drawn, or made without looking at the test."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from hear_audiomosaic.metrics import SCORES, evaluate_clips
from hear_audiomosaic.metrics.chance import chance_level, expected_average_precision


def one_hot(*labels: int, n: int = 3) -> np.ndarray:
    return np.eye(n, dtype=np.float32)[list(labels)]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_expected_average_precision_is_the_mean_over_all_orders(n: int) -> None:
    for positives in range(1, n + 1):
        orders = [
            np.mean([found / rank for found, rank in enumerate(ranks, start=1)])
            for ranks in itertools.combinations(range(1, n + 1), positives)  # where the positives stand, equally likely
        ]
        assert len(orders) == math.comb(n, positives)
        assert expected_average_precision(positives, n) == pytest.approx(np.mean(orders))
    assert expected_average_precision(0, n) == 0


def test_chance_of_map_is_what_random_scores_have() -> None:
    """On a test set like one of 116 clips and 32 tags; a constant score has the share of positives, which is less."""
    rng = np.random.default_rng(1)
    targets = (rng.random((116, 32)) < rng.uniform(0.02, 0.25, 32)).astype(float)
    targets[:, 4] = 0  # a class that the test does not have
    drawn = [evaluate_clips(["mAP"], targets, rng.random(targets.shape))["mAP"] for _ in range(400)]
    chance = chance_level("mAP", [(targets, targets)])
    assert chance == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 20)
    constant = evaluate_clips(["mAP"], targets, np.zeros_like(targets))["mAP"]
    assert constant == pytest.approx(targets.mean())
    assert chance > constant + 0.02


def test_chance_of_map_of_a_large_test_set_is_the_share_of_positives() -> None:
    assert expected_average_precision(5_000, 100_000) == pytest.approx(0.05, abs=2e-4)


def test_the_guess_of_a_class_is_made_on_the_training_labels() -> None:
    folds = [
        (one_hot(0, 0, 1, 2), one_hot(0, 1, 1, 1)),  # guesses 0, a quarter of the test; 1 would be hindsight
        (one_hot(1, 1, 2, 2), one_hot(1, 1, 2, 0)),  # 1 or 2: their mean
    ]
    assert chance_level("top1_acc", folds) == pytest.approx((0.25 + 0.375) / 2)
    assert chance_level("pitch_acc", folds) == chance_level("top1_acc", folds)
    [first, _] = folds
    guess = DummyClassifier(strategy="most_frequent").fit(first[0], first[0].argmax(axis=1))
    assert chance_level("top1_acc", [first]) == guess.score(first[1], first[1].argmax(axis=1))


def test_chance_of_chroma_is_of_pitch_classes() -> None:
    train, test = one_hot(0, 12, 3, 3, 24, n=30), one_hot(12, 3, 3, 5, n=30)
    assert chance_level("chroma_acc", [(train, test)]) == pytest.approx(1 / 4)  # C, of three octaves
    assert chance_level("pitch_acc", [(train, test)]) == pytest.approx(2 / 4)


@pytest.mark.parametrize("name", [score.name for score in SCORES.values() if score.kind == "clip"])
def test_chance_is_the_score_of_some_guess(name: str) -> None:
    """Of each score, by the score's own code: the constant class, or random scores."""
    rng = np.random.default_rng(2)
    train, test = one_hot(*rng.integers(0, 14, 200), n=14), one_hot(*rng.permutation(np.arange(150) % 14), n=14)
    level = chance_level(name, [(train, test)])
    if name.endswith("_acc"):
        counts = train.sum(axis=0)
        guessed = np.zeros_like(test)
        if name == "chroma_acc":
            counts[:2] += counts[12:]
        guessed[:, counts[:12].argmax() if name == "chroma_acc" else counts.argmax()] = 1
        assert level == pytest.approx(evaluate_clips([name], test, guessed)[name])
    else:
        drawn = [evaluate_clips([name], test, rng.random(test.shape))[name] for _ in range(200)]
        assert level == pytest.approx(np.mean(drawn), abs=5 * np.std(drawn) / math.sqrt(200))


@pytest.mark.parametrize("name", [score.name for score in SCORES.values() if score.kind == "event"])
def test_events_have_none(name: str) -> None:
    assert chance_level(name, [(one_hot(0), one_hot(0))]) is None
