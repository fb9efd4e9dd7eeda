"""Rules that hold for EVERY protocol's probe: reproducible, blind to names and to the order of classes, no better than
chance without labels, and perfect where anything could be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pytest
from small_tasks import task_of

from hear_audiomosaic.probing import ProbeTask, Protocol, SplitRows, get_protocol, run_protocol
from hear_audiomosaic.probing.mlp import MlpProbe
from hear_audiomosaic.probing.probe_result import ProbeResult
from hear_audiomosaic.probing.protocol import protocol_names

N_CLASSES, N_FEATURES = 4, 4
"""Every feature differs between classes: protocols that standardise features would make noise as large as the rest."""
SEPARATED = 0.97
"""Accuracy on separable classes; early stopping keeps the first epoch that is perfect on the validation clips."""
SIZES = {"train": 80, "valid": 80, "test": 400}

pytestmark = pytest.mark.parametrize("name", protocol_names())


def made(noise: float, seed: int = 0) -> ProbeTask:
    """Clips around one centre per class."""
    rng = np.random.default_rng(seed)
    centres = np.eye(N_CLASSES, N_FEATURES) * 4
    splits = {}
    for split, n in SIZES.items():
        targets = np.eye(N_CLASSES, dtype=np.float32)[rng.permutation(np.arange(n) % N_CLASSES)]
        values = (targets @ centres + noise * rng.normal(size=(n, N_FEATURES))).astype(np.float32)
        splits[split] = SplitRows(values, targets, tuple(f"{split}{i}.wav" for i in range(n)), np.arange(n))
    return task_of("made", splits, tuple("abcd"), ("top1_acc",), prediction_type="multiclass")


def with_splits(task: ProbeTask, change: Callable[[SplitRows], SplitRows]) -> ProbeTask:
    return dataclasses.replace(task, splits={split: change(rows) for split, rows in task.splits.items()})


def small(name: str) -> Protocol:
    """The protocol with narrower and shorter training, where it trains by epochs."""
    protocol = get_protocol(name)
    if not isinstance(protocol.probe, MlpProbe):
        return protocol
    sizes = {"hidden_dim": (32,), "max_epochs": (60,), "patience": (20,), "lr": (3.2e-2,)}
    probe = dataclasses.replace(protocol.probe, grid=MappingProxyType({**protocol.probe.grid, **sizes}))
    return dataclasses.replace(protocol, name="small", probe=probe)


def probed(task: ProbeTask, name: str, seed: int = 42) -> ProbeResult:
    return run_protocol(task, small(name), seed=seed)


def test_separable_classes_are_separated(name: str) -> None:
    assert probed(made(0.1), name).score >= SEPARATED


def test_the_same_seed_gives_the_same_probabilities_whatever_the_names(name: str) -> None:
    task = made(1.5)
    renamed = dataclasses.replace(
        with_splits(task, lambda rows: dataclasses.replace(rows, files=tuple(f"x{f}" for f in rows.files))),
        card=task.card.model_copy(update={"name": "other"}),
        vocabulary=tuple("zyxw"),
    )
    first, second = probed(task, name), probed(renamed, name)
    np.testing.assert_array_equal(first.folds[0].probabilities, second.folds[0].probabilities)
    assert first.score == second.score
    assert first.hparams == second.hparams
    assert 0.5 < first.score <= 1.0


def test_labels_that_mean_nothing_are_guessed_at_chance(name: str) -> None:
    rng = np.random.default_rng(7)
    shuffled = with_splits(
        made(1.0), lambda rows: dataclasses.replace(rows, targets=rows.targets[rng.permutation(len(rows))])
    )
    # 4 standard deviations of 400 guesses; the classes of the test split are equally frequent.
    assert abs(probed(shuffled, name).score - 1 / N_CLASSES) < 4 * np.sqrt(0.25 * 0.75 / SIZES["test"])


def test_the_order_of_test_clips_does_not_matter(name: str) -> None:
    task, order = made(1.5), np.random.default_rng(1).permutation(SIZES["test"])
    test = task.splits["test"]
    moved = dataclasses.replace(
        test, values=test.values[order], targets=test.targets[order], files=tuple(test.files[i] for i in order)
    )
    first = probed(task, name)
    second = probed(dataclasses.replace(task, splits={**task.splits, "test": moved}), name)
    np.testing.assert_allclose(second.folds[0].probabilities, first.folds[0].probabilities[order], rtol=0, atol=1e-5)
    assert second.score == pytest.approx(first.score, abs=1e-9)


def test_separable_classes_are_separated_in_any_order(name: str) -> None:
    """The loss treats all classes alike; only the start of the weights is another."""
    order = [2, 0, 3, 1]
    permuted = with_splits(made(0.1), lambda rows: dataclasses.replace(rows, targets=rows.targets[:, order]))
    assert probed(permuted, name).score >= SEPARATED
