from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics import clips
from hear_audiomosaic.metrics._curves import Curves

# name, function, best value, value on noise (10 classes), tolerance there
METRICS: list[tuple[str, Callable[..., Any], float, float, float]] = [
    ("top1_acc", clips.top1_accuracy, 1.0, 0.1, 0.02),
    ("chroma_acc", clips.chroma_accuracy, 1.0, 0.1, 0.02),
    ("mAP", clips.mean_average_precision, 1.0, 0.1, 0.02),
    ("aucroc", clips.roc_auc, 1.0, 0.5, 0.02),
    ("d_prime", clips.d_prime, math.inf, 0.0, 0.05),
    ("eer", clips.equal_error_rate, 0.0, 0.5, 0.02),
]
FUNCTIONS = pytest.mark.parametrize(
    "function", [metric[1] for metric in METRICS], ids=[metric[0] for metric in METRICS]
)


def one_hot(labels: Any, C: int) -> Any:
    return np.eye(C)[np.asarray(labels)]


# ------------------------------------------------------------------------------------------- perfect, empty, shuffled


@pytest.mark.parametrize(("name", "function", "best", "chance", "tolerance"), METRICS)
def test_perfect_prediction_has_the_best_value(
    name: str, function: Callable[..., Any], best: float, chance: float, tolerance: float
) -> None:
    targets = one_hot([0, 1, 2, 2, 1, 0, 0], 3)
    assert function(targets, targets) == best
    assert function(targets, 0.2 + 0.5 * targets) == best


@FUNCTIONS
def test_no_clips_warn_and_give_nan(function: Callable[..., Any]) -> None:
    with pytest.warns(RuntimeWarning, match="no clips"):
        assert math.isnan(function(np.zeros((0, 3)), np.zeros((0, 3))))
    with pytest.warns(RuntimeWarning, match="no clips"):
        assert np.isnan(function(np.zeros((0, 3)), np.zeros((4, 2, 0, 3)))).tolist() == [[True] * 2] * 4


def test_no_labels_warn_and_give_the_documented_values() -> None:
    with pytest.warns(RuntimeWarning, match="no clip has a label"):
        scores = clips.evaluate(np.zeros((5, 3)), np.random.default_rng(0).random((5, 3)))
    assert scores["mAP"] == 0
    assert all(math.isnan(scores[name]) for name in ("aucroc", "d_prime", "eer"))


@pytest.mark.parametrize(("name", "function", "best", "chance", "tolerance"), METRICS)
def test_shuffled_targets_give_chance(
    name: str, function: Callable[..., Any], best: float, chance: float, tolerance: float
) -> None:
    rng = np.random.default_rng(0)
    targets = one_hot(rng.integers(0, 10, 4000), 10)
    probabilities = rng.permutation(targets) + 0.5 * rng.random(targets.shape)
    assert function(targets, probabilities) == pytest.approx(chance, abs=tolerance)


# -------------------------------------------------------------------------------------------------------- malformed

GOOD = np.eye(3)


@pytest.mark.parametrize(
    ("targets", "probabilities", "match"),
    [
        ([[1, 0]], np.eye(2), "targets: expected a numpy array"),
        (np.eye(2), [[1, 0]], "probabilities: expected a numpy array"),
        (GOOD.astype(object), GOOD, "object array"),
        (GOOD, GOOD.astype(complex), "complex128 array"),
        (np.ones(3), np.ones(3), r"shape \(n clips, C classes\)"),
        (np.zeros((3, 0)), np.zeros((3, 0)), "C > 0"),
        (np.zeros((1, 3, 3)), np.zeros((1, 3, 3)), r"shape \(n clips"),
        (GOOD, np.ones((3, 2)), r"expected shape \(\.\.\., 3, 3\)"),
        (GOOD, np.ones((2, 3)), r"expected shape \(\.\.\., 3, 3\)"),
        (GOOD, np.ones(3), r"expected shape"),
        (2 * GOOD, GOOD, "only 0 and 1"),
        (0.5 * GOOD, GOOD, "only 0 and 1"),
        (GOOD * np.nan, GOOD, "only 0 and 1"),
        (GOOD, np.where(GOOD == 1, np.nan, 0), "3 NaN or infinite of 9"),
        (GOOD, np.where(GOOD == 1, np.inf, 0), "3 NaN or infinite of 9"),
    ],
)
@FUNCTIONS
def test_malformed_input_raises(function: Callable[..., Any], targets: Any, probabilities: Any, match: str) -> None:
    with pytest.raises(MetricError, match=match):
        function(targets, probabilities)


def test_evaluate_refuses_unknown_names() -> None:
    with pytest.raises(MetricError, match=r"'map' is not a clip score; there are top1_acc"):
        clips.evaluate(GOOD, GOOD, ["top1_acc", "map"])


# --------------------------------------------------------------------------------------------------- slow references


def slow_points(y: Any, p: Any) -> list[tuple[float, float]]:
    """(FPR, TPR) from (0, 0) on, threshold by threshold."""
    positives, negatives = sum(y), len(y) - sum(y)
    points = [(0.0, 0.0)]
    for threshold in sorted(set(p), reverse=True):
        true = sum(1 for label, score in zip(y, p, strict=True) if label and score >= threshold)
        false = sum(1 for label, score in zip(y, p, strict=True) if not label and score >= threshold)
        points.append((false / negatives, true / positives))
    return points


def slow_average_precision(y: Any, p: Any) -> float:
    area, last_recall = 0.0, 0.0
    for threshold in sorted(set(p), reverse=True):
        found = [label for label, score in zip(y, p, strict=True) if score >= threshold]
        recall = sum(found) / max(sum(y), 1)
        area += (recall - last_recall) * sum(found) / len(found)
        last_recall = recall
    return area


def slow_auc(y: Any, p: Any) -> float:
    pairs = [(a, b) for i, a in zip(y, p, strict=True) if i for j, b in zip(y, p, strict=True) if not j]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def slow_equal_error_rate(y: Any, p: Any) -> float:
    points = slow_points(y, p)
    for (false_0, true_0), (false_1, true_1) in itertools.pairwise(points):
        before, after = false_0 + true_0 - 1, false_1 + true_1 - 1
        if before < 0 <= after:
            return false_0 + (false_1 - false_0) * before / (before - after)
    raise AssertionError("the curve ends at (1, 1)")


def random_case(rng: np.random.Generator) -> tuple[Any, Any]:
    n, C = int(rng.integers(2, 40)), int(rng.integers(1, 30))
    targets = (rng.random((n, C)) < rng.random(C)).astype(rng.choice(["f4", "f8", "i8", "?"]))
    probabilities = rng.random((n, C)) + rng.choice([0.0, 0.3, 2.0]) * targets
    if rng.random() < 0.7:
        probabilities = np.round(probabilities, int(rng.integers(0, 3)))  # ties
    return targets, probabilities.astype(rng.choice(["f4", "f8"]))


def test_each_class_equals_the_slow_references() -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        targets, probabilities = random_case(rng)
        curves = Curves.of(targets, probabilities)
        found = (curves.average_precision(), curves.area, curves.equal_error_rate())
        for c in range(targets.shape[1]):
            y, p = targets[:, c].astype(int).tolist(), probabilities[:, c].tolist()
            assert found[0][c] == pytest.approx(slow_average_precision(y, p), abs=1e-12)
            if 0 < sum(y) < len(y):
                assert found[1][c] == pytest.approx(slow_auc(y, p), abs=1e-12)
                assert found[2][c] == pytest.approx(slow_equal_error_rate(y, p), abs=1e-12)
            else:
                assert np.isnan(found[1][c])
                assert np.isnan(found[2][c])


# ---------------------------------------------------------------------------------------- scikit-learn, as HEAR uses it


def sklearn_auc(targets: Any, probabilities: Any, average: str | None) -> Any:
    """NaN where scikit-learn raises (1.3) or warns (1.6 and later)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return sklearn_metrics.roc_auc_score(targets, probabilities, average=average)
        except ValueError:
            return math.nan


def test_a_thousand_classes_equal_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    n_classes = 0
    while n_classes < 1000:
        targets, probabilities = random_case(rng)
        n_classes += targets.shape[1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            precision = sklearn_metrics.average_precision_score(targets, probabilities, average=None)
        areas = [sklearn_auc(targets[:, c], probabilities[:, c], None) for c in range(targets.shape[1])]
        curves = Curves.of(targets, probabilities)
        np.testing.assert_allclose(curves.average_precision(), np.atleast_1d(precision), rtol=0, atol=1e-12)
        np.testing.assert_allclose(curves.area, areas, rtol=0, atol=1e-12)


def test_means_over_classes_equal_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    for n in (10, 100, 700):
        for decimals in (1, 2, 7):
            targets = rng.random((n, 12)) < 0.3
            probabilities = np.round(rng.random((n, 12)) + 0.4 * targets, decimals).astype(np.float32)
            scores = clips.evaluate(targets, probabilities)
            precision = sklearn_metrics.average_precision_score(targets, probabilities, average="macro")
            areas = sklearn_auc(targets, probabilities, None)
            assert scores["mAP"] == pytest.approx(precision, abs=1e-12)
            assert scores["aucroc"] == pytest.approx(np.mean(areas), abs=1e-12, nan_ok=True)
            d_prime = np.mean(stats.norm.ppf(areas) * np.sqrt(2))
            assert scores["d_prime"] == pytest.approx(d_prime, abs=1e-9, nan_ok=True)


def test_equal_error_rate_equals_sed_eval() -> None:
    sed_eval_metric = pytest.importorskip("sed_eval").metric
    rng = np.random.default_rng(4)
    for decimals in (1, 2, 7) * 30:
        targets = rng.random((30, 1)) < 0.5
        probabilities = np.round(rng.random((30, 1)) + 0.3 * targets, decimals)
        expected = sed_eval_metric.equal_error_rate(targets[:, 0], probabilities[:, 0])
        assert clips.equal_error_rate(targets, probabilities) == pytest.approx(expected, abs=1e-12)


# ----------------------------------------------------------------------------------------------------------- corners


def test_equal_probabilities_choose_the_first_class() -> None:
    assert clips.top1_accuracy(one_hot([0, 1, 2], 3), np.full((3, 3), 0.5)) == pytest.approx(1 / 3)
    assert clips.top1_accuracy(one_hot([1], 3), np.array([[0.1, 0.4, 0.4]])) == 1


def test_a_clip_with_several_labels_counts_by_the_first_and_one_without_as_class_0() -> None:
    targets = np.array([[0, 1, 1], [0, 1, 1], [0, 0, 0], [0, 0, 0]])
    assert clips.top1_accuracy(targets, one_hot([1, 2, 0, 1], 3)).tolist() == 0.5


def test_chroma_forgives_octaves_of_the_vocabulary_index() -> None:
    targets, guesses = one_hot([0, 1, 12, 30], 40), one_hot([12, 2, 36, 6], 40)
    assert clips.top1_accuracy(targets, guesses) == 0
    assert clips.chroma_accuracy(targets, guesses) == 0.75


def test_constant_probabilities_are_one_threshold() -> None:
    targets = one_hot([0, 0, 0, 1], 2)
    scores = clips.evaluate(targets, np.full((4, 2), 0.7))
    assert {name: float(value) for name, value in scores.items()} == {
        "top1_acc": 0.75, "pitch_acc": 0.75, "chroma_acc": 0.75, "mAP": 0.5, "aucroc": 0.5, "d_prime": 0.0, "eer": 0.5
    }  # fmt: skip


def test_negative_zero_ties_with_zero() -> None:
    assert clips.roc_auc(np.array([[1], [0]]), np.array([[0.0], [-0.0]])) == 0.5


@pytest.mark.parametrize("always", [0, 1])
def test_a_class_that_never_or_always_occurs(always: int) -> None:
    targets = np.array([[1, always], [0, always], [1, always]])
    scores = clips.evaluate(targets, np.array([[0.9, 0.2], [0.1, 0.3], [0.8, 0.1]]))
    assert scores["mAP"] == (1 + always) / 2
    assert all(math.isnan(scores[name]) for name in ("aucroc", "d_prime", "eer"))


def test_a_perfect_class_makes_d_prime_infinite_and_a_perfectly_wrong_one_besides_makes_it_nan() -> None:
    targets = np.array([[1, 1], [0, 0], [1, 0], [0, 1]])
    right, wrong, mixed = targets[:, 0], 1 - targets[:, 0], np.array([0.9, 0.8, 0.1, 0.2])
    assert clips.d_prime(targets, np.stack([right, mixed], axis=1)) == math.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(clips.d_prime(targets[:, [0, 0]], np.stack([right, wrong], axis=1)))


def test_perfect_classes_with_ties_round_as_in_scikit_learn() -> None:
    rng = np.random.default_rng(11)
    outcomes = set()
    for _ in range(100):
        targets = rng.random((200, 1)) < 0.3
        probabilities = np.where(targets, 1 + rng.integers(0, 9, (200, 1)), -rng.integers(0, 30, (200, 1)))
        area = clips.roc_auc(targets, probabilities)
        assert area == pytest.approx(sklearn_auc(targets[:, 0], probabilities[:, 0], None), abs=1e-15)
        outcomes.add(round(float(clips.d_prime(targets, probabilities)), 1))
    assert math.inf in outcomes
    assert outcomes <= {math.inf, 11.6, 11.4}


def test_equal_error_rate_of_known_curves() -> None:
    targets = np.array([[1], [1], [0], [1], [0], [0]])
    assert clips.equal_error_rate(targets, np.array([[6.0], [5], [4], [3], [2], [1]])) == pytest.approx(1 / 3)
    assert clips.equal_error_rate(targets, -np.array([[6.0], [5], [4], [3], [2], [1]])) == pytest.approx(2 / 3)
    # One threshold between (0, 0) and (1/4, 1): the straight line meets FPR = 1 - TPR at FPR = 1/5.
    assert clips.equal_error_rate(np.array([[1], [0], [0], [0], [0]]), np.array([[1], [1], [0], [0], [0]])) == 0.2


def test_the_two_columns_of_a_binary_task_have_the_same_equal_error_rate() -> None:
    rng = np.random.default_rng(5)
    y, p = rng.random(200) < 0.4, np.round(rng.random(200), 2)
    both = clips.equal_error_rate(np.stack([y, ~y], axis=1), np.stack([p, 1 - p], axis=1))
    assert both == pytest.approx(float(clips.equal_error_rate(y[:, None], p[:, None])), abs=1e-12)


def test_one_clip() -> None:
    scores = clips.evaluate(np.array([[1, 0]]), np.array([[0.3, 0.7]]))
    assert scores["top1_acc"] == 0
    assert scores["mAP"] == 0.5
    assert math.isnan(scores["aucroc"])


# -------------------------------------------------------------------------------------------------------- properties


@FUNCTIONS
@pytest.mark.parametrize("leading", [(1,), (3,), (2, 4), (0,)])
def test_leading_dimensions_share_the_targets(function: Callable[..., Any], leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    targets = rng.random((25, 4)) < 0.4
    probabilities = np.round(rng.random((*leading, 25, 4)), 1)
    scores = function(targets, probabilities)
    assert scores.shape == leading
    assert scores.dtype == np.float64
    for index in np.ndindex(*leading):
        assert scores[index] == function(targets, probabilities[index])


@FUNCTIONS
def test_the_order_of_clips_does_not_matter(function: Callable[..., Any]) -> None:
    rng = np.random.default_rng(7)
    targets, probabilities = rng.random((50, 5)) < 0.4, np.round(rng.random((50, 5)), 1)
    expected = function(targets, probabilities)
    for _ in range(20):
        order = rng.permutation(50)
        assert function(targets[order], probabilities[order]) == expected


@FUNCTIONS
@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8"])
def test_types_of_numbers_do_not_matter(function: Callable[..., Any], dtype: str) -> None:
    rng = np.random.default_rng(8)
    targets, probabilities = rng.random((40, 3)) < 0.5, rng.integers(0, 2, (40, 3))
    expected = function(targets, probabilities.astype(np.float64))
    assert function(targets.astype(dtype), probabilities.astype(dtype)) == expected


def test_inputs_are_left_alone() -> None:
    rng = np.random.default_rng(9)
    targets, probabilities = (rng.random((20, 3)) < 0.5).astype(np.float32), rng.random((20, 3)).astype(np.float32)
    copies = targets.copy(), probabilities.copy()
    clips.evaluate(targets, probabilities)
    np.testing.assert_array_equal(targets, copies[0])
    np.testing.assert_array_equal(probabilities, copies[1])


def test_evaluate_equals_the_single_functions_in_the_order_asked() -> None:
    rng = np.random.default_rng(10)
    targets, probabilities = rng.random((30, 4)) < 0.5, rng.random((2, 30, 4))
    names = [metric[0] for metric in reversed(METRICS)]
    scores = clips.evaluate(targets, probabilities, names)
    assert list(scores) == names
    for name, function, *_ in METRICS:
        np.testing.assert_array_equal(scores[name], function(targets, probabilities))


# ----------------------------------------------------------------------------------------------------------- goldens


def test_heareval_goldens(shared: Path) -> None:
    cases = json.loads((shared / "goldens/heareval/units/clip_scores.json").read_text())
    assert len(cases) == 7
    for case in cases:
        targets, probabilities = np.array(case["target"]), np.array(case["prediction"], dtype=np.float32)
        scores = clips.evaluate(targets, probabilities, list(case["scores"]))
        for name, expected in case["scores"].items():
            assert scores[name] == pytest.approx(expected, rel=0, abs=1e-15, nan_ok=True), (case["name"], name)
