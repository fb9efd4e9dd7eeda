from __future__ import annotations

import math

import numpy as np
import pytest
from small_tasks import changed, with_card

from hear_audiomosaic.errors import ProtocolError, TaskError
from hear_audiomosaic.metrics import evaluate_clips, evaluate_events
from hear_audiomosaic.probing import ProbeResult, ProbeTask, get_protocol, run_protocol, run_seeds
from hear_audiomosaic.probing.monitor import recorded, stable_best
from hear_audiomosaic.probing.probe_result import aggregate


def test_a_scene_task(scene_task: ProbeTask) -> None:
    messages: list[str] = []
    result = run_protocol(scene_task, changed(), seed=1, progress=messages.append)
    (fold,) = result.folds
    assert list(fold.scores) == [
        *("test_loss", "test_score", "test_top1_acc", "test_mAP", "validation_score", "epoch", "time_in_min")
    ]
    assert fold.split == "test"
    assert fold.probabilities.shape == fold.targets.shape == (30, 3)
    np.testing.assert_allclose(fold.probabilities.sum(1), 1, atol=1e-5)
    again = evaluate_clips(("top1_acc", "mAP"), fold.targets, fold.probabilities)
    assert fold.scores["test_mAP"] == again["mAP"]
    assert result.score == fold.scores["test_score"] == np.float32(again["top1_acc"])
    assert result.score > 0.8
    assert (result.aggregated, result.postprocessing, result.score_mode) == ({}, (), "max")
    assert messages


def test_the_first_best_point_wins(scene_task: ProbeTask) -> None:
    result = run_protocol(scene_task, changed(), seed=1)
    values = [point.validation_score for point in result.grid_points]
    winner = result.grid_points[values.index(max(values))]
    assert len(values) == 8
    assert result.hparams == winner.hparams
    assert result.folds[0].scores["validation_score"] == winner.validation_score
    assert result.folds[0].scores["epoch"] == winner.epoch
    assert stable_best([0.5, 0.75, 0.75], True) == 1
    assert stable_best([0.5, 0.25, 0.25], False) == 1
    assert stable_best([-math.inf, -math.inf], True) == 0


def test_the_same_seed_gives_the_same_numbers(scene_task: ProbeTask) -> None:
    def scores(result: ProbeResult) -> list[float]:
        return [point.validation_score for point in result.grid_points] + [result.folds[0].scores["test_loss"]]

    first, same, other = (run_protocol(scene_task, changed(), seed=seed) for seed in (1, 1, 2))
    assert scores(first) == scores(same)
    assert scores(first) != scores(other)
    assert len(first.fingerprint) == 64


def test_seeds_together_are_seeds_alone_without_dropout(tagging_task: ProbeTask) -> None:
    protocol = changed(dropout=(0.0,))
    together = run_seeds(tagging_task, protocol, [3, 4])
    for seed, result in zip((3, 4), together, strict=True):
        alone = run_protocol(tagging_task, protocol, seed=seed)
        assert result.seed == seed
        assert result.hparams == alone.hparams
        np.testing.assert_allclose(result.folds[0].probabilities, alone.folds[0].probabilities, atol=1e-4)


def test_folds_of_an_event_task(event_task: ProbeTask) -> None:
    result = run_protocol(event_task, changed(max_epochs=(60,), patience=(20,)), seed=1)
    assert [fold.split for fold in result.folds] == ["fold00", "fold01", "fold02"]
    for fold in result.folds:
        again = evaluate_events(event_task.card.evaluation, fold.reference_events, fold.predicted_events)
        for name, value in again.items():
            assert fold.scores[f"test_{name}"] == np.float32(value)
    assert {name for name, _ in result.postprocessing} == {"median_filter_ms", "min_duration"}
    values = [fold.scores["test_score"] for fold in result.folds]
    assert result.aggregated["test_score_mean"] == pytest.approx(np.mean(values))
    assert result.aggregated["test_score_std"] == pytest.approx(np.std(values, ddof=1))
    assert result.score == result.aggregated["test_score_mean"] > 0.5
    assert list(result.aggregated)[:2] == ["test_loss_mean", "test_loss_std"]


def test_folds_are_reproducible(event_task: ProbeTask) -> None:
    first, same = (run_protocol(event_task, changed(), seed=1) for _ in range(2))
    for fold, again in zip(first.folds, same.folds, strict=True):
        np.testing.assert_array_equal(fold.probabilities, again.probabilities)


def test_selection_by_validation_loss(event_task: ProbeTask) -> None:
    task = with_card(event_task, use_scoring_for_early_stopping=False)
    with pytest.raises(ProtocolError, match="one setting"):
        run_protocol(task, changed())
    grid = {"median_filter_ms": [150], "min_duration": [50]}
    result = run_protocol(with_card(task, event_postprocessing_grid=grid), changed(), seed=1)
    values = [point.validation_score for point in result.grid_points]
    assert result.score_mode == "min"
    assert result.folds[0].scores["validation_score"] == min(values)
    assert result.postprocessing == (("median_filter_ms", 150), ("min_duration", 50))


def test_a_task_may_change_the_grid(scene_task: ProbeTask) -> None:
    task = with_card(scene_task, task_specific_param_grid={"max_epochs": [3]})
    result = run_protocol(task, changed())
    assert {point.epoch for point in result.grid_points} == {2}


def test_a_lone_row_crashes_only_when_strict(scene_task: ProbeTask) -> None:
    protocol = changed(batch_size=(59,))
    assert run_protocol(scene_task, protocol).score > 0
    with pytest.raises(ProtocolError, match="heareval crashes"):
        run_protocol(scene_task, protocol, strict=True)


def test_faster_grid_has_heads_without_hidden_layers(scene_task: ProbeTask) -> None:
    result = run_protocol(scene_task, get_protocol("hear-2021-faster"), precision="bf16")
    assert {point.hparams["hidden_layers"] for point in result.grid_points} == {0, 1}
    assert result.score > 0.5


def test_a_fold_says_that_its_head_is_not_trained(scene_task: ProbeTask) -> None:
    short = changed(max_epochs=(4,), check_val_every_n_epoch=(1,), patience=(20,))
    for trainer in ("fused", "reference"):
        [fold] = run_protocol(scene_task, short, trainer=trainer).folds
        assert "optimiser steps" in (fold.unconverged or "")
    assert [fold.unconverged for fold in run_protocol(scene_task, get_protocol("logistic")).folds] == [None]


def test_wrong_wishes_are_refused(scene_task: ProbeTask) -> None:
    with pytest.raises(ProtocolError, match="fp16"):
        run_protocol(scene_task, changed(), precision="fp16")
    with pytest.raises(ProtocolError, match="no trainer is called 'quick'"):
        run_protocol(scene_task, changed(), trainer="quick")
    with pytest.raises(ProtocolError, match="the reference trainer has no precision 'bf16'"):
        run_protocol(scene_task, changed(), trainer="reference", precision="bf16")
    with pytest.raises(TaskError, match="not a score of a scene task"):
        with_card(scene_task, evaluation=("segment_1s_er",))


def test_aggregation_and_rounding_are_heareval_s() -> None:
    found = aggregate([{"a": 1.0, "b": math.inf}, {"a": 2.0, "b": 1.0}, {"a": 4.0, "b": 1.0}])
    assert found["a_mean"] == pytest.approx(7 / 3)
    assert found["a_std"] == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert found["b_mean"] == math.inf
    assert math.isnan(found["b_std"])
    assert recorded("top1_acc", 0.1) == float(np.float32(0.1)) != 0.1
    assert recorded("event_onset_50ms_fms_precision", 0.1) == float(np.float32(0.1))
    assert recorded("mAP", 0.1) == 0.1
