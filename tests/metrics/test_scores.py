from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from hear_audiomosaic import metrics
from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics import SCORES, Events, clips, evaluate_clips, evaluate_events, events, get_score

REFERENCE = Events(np.array([0, 1]), np.array([0, 1]), np.array([0.0, 500.0]), np.array([900.0, 1500.0]))


def test_the_registry_is_complete_and_cannot_be_changed() -> None:
    assert set(SCORES) == set(clips.METRICS) | set(events.METRICS)
    assert set(events.METRICS) == set(events.SUB_SCORES)
    assert all(name == score.name for name, score in SCORES.items())
    with pytest.raises(TypeError):
        SCORES["new"] = SCORES["mAP"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        SCORES["mAP"].name = "map"  # type: ignore[misc]


def test_only_error_rates_are_better_when_low() -> None:
    assert {name for name, score in SCORES.items() if not score.higher_is_better} == {"eer", "segment_1s_er"}
    assert get_score("mAP").mode == "max"
    assert get_score("segment_1s_er").mode == "min"


def test_sub_scores_belong_to_event_scores() -> None:
    assert get_score("event_onset_50ms_fms").sub_scores == ("f_measure", "precision", "recall")
    assert get_score("segment_1s_er").sub_scores == ("error_rate",)
    assert all((score.kind == "event") == bool(score.sub_scores) for score in SCORES.values())


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("map", "mAP"),
        ("top1acc", "top1_acc"),
        ("dprime", "d_prime"),
        ("event_onset_fms_200ms", "event_onset_200ms_fms"),
    ],
)
def test_a_wrong_name_gets_a_suggestion(wrong: str, meant: str) -> None:
    with pytest.raises(MetricError, match=f"{wrong}.*Did you mean '{meant}'"):
        get_score(wrong)


def test_a_name_like_nothing_gets_the_list() -> None:
    with pytest.raises(MetricError, match="There are: top1_acc, ") as caught:
        get_score("?")
    assert "Did you mean" not in str(caught.value)


def test_clips_are_scored_by_name_in_order() -> None:
    targets, probabilities = np.eye(3), np.eye(3)
    names = ["eer", "mAP", "d_prime"]
    scores = evaluate_clips(names, targets, probabilities)
    assert list(scores) == names
    assert scores == {"eer": 0.0, "mAP": 1.0, "d_prime": math.inf}
    assert all(type(value) is float for value in scores.values())


def test_events_are_scored_by_name_in_order() -> None:
    scores = evaluate_events(["segment_1s_er", "event_onset_200ms_fms"], REFERENCE, REFERENCE)
    assert scores == {
        "segment_1s_er": 0.0,
        "segment_1s_er_error_rate": 0.0,
        "event_onset_200ms_fms": 1.0,
        "event_onset_200ms_fms_f_measure": 1.0,
        "event_onset_200ms_fms_precision": 1.0,
        "event_onset_200ms_fms_recall": 1.0,
    }
    assert next(iter(scores)) == "segment_1s_er"
    assert all(type(value) is float for value in scores.values())


def test_scores_of_the_other_kind_are_refused() -> None:
    with pytest.raises(
        MetricError, match="'segment_1s_er' is computed from events, not from clips; use evaluate_events"
    ):
        evaluate_clips(["segment_1s_er"], np.eye(2), np.eye(2))
    with pytest.raises(MetricError, match="'mAP' is computed from clips, not from events; use evaluate_clips"):
        evaluate_events(["mAP"], REFERENCE, REFERENCE)
    with pytest.raises(MetricError, match="Did you mean 'mAP'"):
        evaluate_clips(["MAP"], np.eye(2), np.eye(2))


def test_several_predictions_at_once_are_for_the_lower_function() -> None:
    with pytest.raises(MetricError, match=r"expected shape \(n, C\), found \(4, 2, 2\); use clips.evaluate"):
        evaluate_clips(["mAP"], np.eye(2), np.ones((4, 2, 2)))


def test_no_names_are_no_scores() -> None:
    assert evaluate_clips([], np.eye(2), np.eye(2)) == {}
    assert evaluate_events([], REFERENCE, REFERENCE) == {}


def test_the_public_names_exist() -> None:
    assert all(hasattr(metrics, name) for name in metrics.__all__)
