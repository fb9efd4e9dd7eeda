"""Few shots: so many clips of each label, the same for every encoder."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_tasks import SPLITS, clusters, task_of

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing import ProbeTask, get_protocol, protocol_names, run_protocol, run_seeds
from hear_audiomosaic.probing.folds import fold_rows
from hear_audiomosaic.probing.shots import drawn_rows, few_shots


def one_hot(*labels: int, n_classes: int = 3) -> np.ndarray:
    return np.eye(n_classes, dtype=np.float32)[list(labels)]


def test_the_family_by_name() -> None:
    assert protocol_names() == (
        *("hear-2021", "hear-2021-fast", "hear-2021-faster", "linear", "logistic"),
        *("few-shot-1", "few-shot-5", "few-shot-10"),
    )
    linear = get_protocol("linear")
    for shots in (1, 7, 999, 1000):
        protocol = get_protocol(f"few-shot-{shots}")
        assert protocol == dataclasses.replace(linear, name=f"few-shot-{shots}", shots=shots)
    assert len({get_protocol(f"few-shot-{shots}").fingerprint for shots in (1, 2, 1000)} | {linear.fingerprint}) == 4
    assert dataclasses.replace(get_protocol("few-shot-5"), strict=True).shots == 5


@pytest.mark.parametrize("k", ["0", "1001", "05", "-1", "", "1 ", "five"])
def test_names_outside_the_family(k: str) -> None:
    with pytest.raises(ProtocolError, match=r"few-shot-K .K from 1 to 1000"):
        get_protocol(f"few-shot-{k}")


def test_a_changed_protocol_needs_another_name() -> None:
    with pytest.raises(ProtocolError, match="belongs to the published protocol"):
        dataclasses.replace(get_protocol("few-shot-5"), shots=4)
    with pytest.raises(ProtocolError, match="belongs to the published protocol"):
        dataclasses.replace(get_protocol("linear"), shots=4)
    assert dataclasses.replace(get_protocol("few-shot-5"), name="mine", shots=4).shots == 4
    with pytest.raises(ProtocolError, match="at least 1"):
        dataclasses.replace(get_protocol("linear"), name="mine", shots=0)
    with pytest.raises(ProtocolError, match="use an MlpProbe"):
        dataclasses.replace(get_protocol("logistic"), name="mine", shots=5)


def test_exactly_k_of_each_class_or_all() -> None:
    targets = one_hot(*[0] * 20, *[1] * 3, *[2] * 7)
    for shots in (1, 3, 5, 50):
        rows = drawn_rows(targets, shots, seed=42)
        assert targets[rows].sum(axis=0).tolist() == [min(shots, n) for n in (20, 3, 7)]
        assert rows.tolist() == sorted(set(rows.tolist()))


def test_the_draw_is_the_seed_s() -> None:
    targets = one_hot(*range(3), *range(3), n_classes=3).repeat(20, axis=0)
    rows = drawn_rows(targets, 5, seed=42)
    assert rows.tolist() == drawn_rows(targets, 5, seed=42).tolist()
    assert rows.tolist() != drawn_rows(targets, 5, seed=43).tolist()
    assert set(rows) < set(drawn_rows(targets, 6, seed=42))


def test_at_least_k_of_each_tag() -> None:
    targets = (np.random.default_rng(0).random((200, 4)) < (0.5, 0.2, 0.02, 0.0)).astype(np.float32)
    rows = drawn_rows(targets, 6, seed=1)
    there, drawn = targets.sum(axis=0), targets[rows].sum(axis=0)
    assert (drawn >= np.minimum(there, 6)).all()
    assert drawn[2] == min(there[2], 6)
    assert targets[rows].any(axis=1).all()
    assert len(rows) <= 24


def test_validation_and_test_are_as_they_are(scene_task: ProbeTask) -> None:
    protocol = get_protocol("few-shot-2")
    [fold] = scene_task.card.folds
    whole = fold_rows(scene_task, protocol, fold).training
    few = few_shots(whole, 2, 42)
    assert few.targets.sum(axis=0).tolist() == [2, 2, 2]
    assert few.monitor is whole.monitor
    rows = drawn_rows(whole.targets, 2, 42)
    np.testing.assert_array_equal(few.values, whole.values[rows])  # standardised over all training rows
    result = run_protocol(scene_task, protocol)
    assert (len(result.folds[0].targets), result.protocol) == (SPLITS["test"], "few-shot-2")
    assert {point.hparams["hidden_layers"] for point in result.grid_points} == {0}
    assert result.score > 0.6


def test_seeds_together_draw_what_each_draws_alone(scene_task: ProbeTask) -> None:
    protocol = get_protocol("few-shot-1")
    together = run_seeds(scene_task, protocol, [1, 2])
    for seed, result in zip((1, 2), together, strict=True):
        alone = run_protocol(scene_task, protocol, seed=seed)
        np.testing.assert_allclose(result.folds[0].probabilities, alone.folds[0].probabilities, atol=1e-4)
    assert not np.allclose(together[0].folds[0].probabilities, together[1].folds[0].probabilities, atol=1e-3)


def test_folds_and_tags(tagging_task: ProbeTask) -> None:
    rng = np.random.default_rng(1)
    splits = {f"fold0{i}": clusters(rng, 30, 3, 8, multilabel=True) for i in range(3)}
    task = task_of("tags", splits, tagging_task.vocabulary, tagging_task.card.evaluation, "presplit_kfold")
    assert [len(fold.targets) for fold in run_protocol(task, get_protocol("few-shot-3")).folds] == [30, 30, 30]


def test_what_cannot_be_drawn(event_task: ProbeTask, tagging_task: ProbeTask) -> None:
    with pytest.raises(ProtocolError, match=r"'events' labels frames.*'few-shot-5'.*scene tasks"):
        run_protocol(event_task, get_protocol("few-shot-5"))
    train = tagging_task.splits["train"]
    empty = dataclasses.replace(train, targets=np.zeros_like(train.targets))
    with pytest.raises(ProtocolError, match="no training row has a label"):
        run_protocol(
            dataclasses.replace(tagging_task, splits={**tagging_task.splits, "train": empty}),
            get_protocol("few-shot-5"),
        )
