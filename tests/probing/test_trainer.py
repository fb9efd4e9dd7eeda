"""The fused trainer against the reference, autograd, and itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_tasks import changed, clusters

from hear_audiomosaic.probing import get_protocol, heads, reference, run_protocol
from hear_audiomosaic.probing.fused import trainer as fused
from hear_audiomosaic.probing.fused.kernels import Chunk
from hear_audiomosaic.probing.fused.masks import Masks
from hear_audiomosaic.probing.fused.stack import Layout, Scratch, Stack
from hear_audiomosaic.probing.monitor import Monitor
from hear_audiomosaic.probing.probe import TrainingData
from hear_audiomosaic.probing.training import Candidate, Trained, Trainer

D, C = 8, 3


def candidates_of(protocol, monitor_score, multilabel, n_train=60, n_valid=30):
    rng = np.random.default_rng(5)
    rows, valid = (clusters(rng, n, C, D, multilabel) for n in (n_train, n_valid))
    data = TrainingData(rows.values, rows.targets, Monitor(valid, monitor_score, multilabel, None, ()))
    points = protocol.probe.grid_points("any")
    drawn = [
        heads.initial_parameters(point, protocol.probe.constants, D, C, torch.Generator().manual_seed(i))
        for i, point in enumerate(points)
    ]
    return [Candidate(point, data, parameters) for point, parameters in zip(points, drawn, strict=True)]


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("batch_size", [1024, 25])
@pytest.mark.parametrize("layers", [(1, 2), (0, 1)])
def test_the_same_loss_curves_as_the_reference(multilabel: bool, batch_size: int, layers: tuple) -> None:
    protocol = changed(dropout=(0.0,), batch_size=(batch_size,), hidden_layers=layers, max_epochs=(15,), patience=(99,))
    candidates = candidates_of(protocol, None, multilabel)
    constants = protocol.probe.constants
    found = fused.train(candidates, constants, seed=0, record_losses=True)
    exact = reference.train(candidates, constants, seed=0, precision="fp64")
    for candidate, trained, expected in zip(candidates, found, exact, strict=True):
        assert [epoch for epoch, *_ in trained.checks] == [epoch for epoch, *_ in expected.checks] == [2, 5, 8, 11, 14]
        assert trained.score == pytest.approx(expected.score, abs=1e-4)
        for one in (expected, fit_with_still_biases(candidate, constants)):
            np.testing.assert_allclose(trained.train_losses, one.train_losses, atol=1e-4)
            np.testing.assert_allclose(
                [loss for *_, loss in trained.checks], [loss for *_, loss in one.checks], atol=1e-4
            )


def fit_with_still_biases(candidate, constants):
    """The reference in single precision, without the noise that its hidden biases make of rounding.

    Batch normalisation subtracts what a hidden bias adds, so the bias's gradient is zero but for rounding; Adam divides
    that by its own size and moves the bias by steps of lr, anywhere. Training losses do not see it, but in validation
    the running mean lags behind: losses wander by 1e-3 to some 1e-2, other ones with every number of threads. The fused
    trainer leaves these biases as they are, and so does this reference, which is then compared as closely as in double
    precision, where there is no rounding to blow up.
    """
    head = reference.build_head(candidate.point, D, C, constants)
    for linear in [layer for layer in head if isinstance(layer, torch.nn.Linear)][:-1]:
        linear.bias.register_hook(torch.zeros_like)
    return reference.fit(head, candidate, constants)


def test_early_stop_at_the_same_check_with_the_same_best_epoch() -> None:
    protocol = changed(dropout=(0.0,), max_epochs=(200,), patience=(3,))
    candidates = candidates_of(protocol, "top1_acc", False)
    constants = protocol.probe.constants
    found = fused.train(candidates, constants, seed=0)
    exact = reference.train(candidates, constants, seed=0, precision="fp64")
    for candidate, trained, expected in zip(candidates, found, exact, strict=True):
        assert [check[:2] for check in trained.checks] == [check[:2] for check in expected.checks]
        assert trained.epoch == expected.epoch
        values = [value for _, value, _ in trained.checks]
        assert trained.epoch == trained.checks[values.index(max(values))][0]  # the earliest of equals
        assert len(values) == values.index(max(values)) + 1 + 3
        probe = torch.from_numpy(candidate.data.monitor.rows.values)
        model = loaded_head(candidate.point, expected.head.parameters)
        torch.testing.assert_close(trained.head.logits(probe), model(probe).detach(), atol=1e-3, rtol=1e-3)


def loaded_head(point, parameters):
    """The reference's module with given parameters, in evaluation mode."""
    model = reference.build_head(point, D, C, heads.HeadConstants()).eval()
    with torch.no_grad():
        for name, tensor in reference.named_tensors(model).items():
            tensor.copy_(parameters[name])
    return model


@pytest.mark.parametrize("name", ["scene_task", "tagging_task", "event_task"])
def test_a_whole_protocol_by_either_trainer(name: str, request: pytest.FixtureRequest) -> None:
    task = request.getfixturevalue(name)
    protocol = changed(dropout=(0.0,), lr=(1e-3,), max_epochs=(15,), patience=(99,))
    one, other = (run_protocol(task, protocol, seed=1, trainer=trainer) for trainer in ("fused", "reference"))
    assert (one.hparams, one.fingerprint) == (other.hparams, other.fingerprint)
    assert [point.hparams for point in one.grid_points] == [point.hparams for point in other.grid_points]
    for fold, again in zip(one.folds, other.folds, strict=True):
        assert (fold.split, fold.files, list(fold.scores)) == (again.split, again.files, list(again.scores))
        assert fold.scores["epoch"] == again.scores["epoch"]
        np.testing.assert_allclose(fold.probabilities, again.probabilities, atol=1e-2)


@pytest.mark.parametrize("multilabel", [False, True])
def test_gradients_are_those_of_autograd(multilabel: bool) -> None:
    torch.manual_seed(0)
    g, H, n = 3, 5, 7
    layout = Layout(D, C, 2, H, 0.0, multilabel, "cpu", False, (0.9, 0.999), 1e-8, 0.1, 1e-5)
    point = dataclasses.replace(get_protocol("hear-2021").probe.grid_points("any")[1], hidden_dim=H, dropout=0.0)
    drawn = [
        heads.initial_parameters(point, heads.HeadConstants(), D, C, torch.Generator().manual_seed(i)) for i in range(g)
    ]
    scratch = Scratch("cpu")
    chunk = Chunk(layout, Stack(layout, drawn).rows(0, g), [1e-3] * g, Masks(0.0, 0, torch.float32, "cpu"), scratch)
    x, y = torch.randn(n, D), torch.eye(C)[torch.randint(C, (n,))]
    chunk.step(x, y)
    for index, parameters in enumerate(drawn):
        model = loaded_head(point, parameters).train()
        logits = model(x)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        (loss if multilabel else torch.nn.functional.cross_entropy(logits, y.argmax(-1))).backward()
        names = {"weight.0": "0.weight", "gamma.0": "1.weight", "beta.0": "1.bias", "weight.1": "4.weight"}
        names |= {"gamma.1": "5.weight", "beta.1": "5.bias", "weight.2": "8.weight", "bias.2": "8.bias"}
        assert set(names) == set(layout.trained)
        expected = dict(model.named_parameters())
        for name, plain_name in names.items():
            found = scratch.take(f"gradient.{name}", (g, *parameters[name].shape), torch.float32)[index]
            torch.testing.assert_close(found, expected[plain_name].grad, atol=1e-6, rtol=1e-4)


def test_a_head_trains_the_same_alone_and_among_others() -> None:
    protocol = changed(dropout=(0.0,))
    candidates = candidates_of(protocol, "mAP", True)
    together = fused.train(candidates, protocol.probe.constants, seed=0)
    for candidate, among in zip(candidates, together, strict=True):
        alone = fused.train([candidate], protocol.probe.constants, seed=0)[0]
        assert alone.epoch == among.epoch
        assert [loss for *_, loss in alone.checks] == pytest.approx([loss for *_, loss in among.checks], abs=1e-5)


def test_bf16_stays_near_fp32_even_with_a_large_offset() -> None:
    protocol = changed(dropout=(0.0,), lr=(1e-3,), max_epochs=(15,), patience=(99,))
    candidates = candidates_of(protocol, None, False)
    far = [
        dataclasses.replace(
            c, data=TrainingData(c.data.values + 100, c.data.targets, dataclasses.replace(
                c.data.monitor, rows=dataclasses.replace(c.data.monitor.rows, values=c.data.monitor.rows.values + 100)))
        )
        for c in candidates
    ]  # fmt: skip
    shared = {id(c.data): c.data for c in far[:1]}
    far = [dataclasses.replace(c, data=next(iter(shared.values()))) for c in far]
    for chosen in (candidates, far):
        results = [
            fused.train(chosen, protocol.probe.constants, seed=0, precision=precision) for precision in ("fp32", "bf16")
        ]
        for exact, rounded in zip(*results, strict=True):
            losses = [[loss for *_, loss in one.checks] for one in (exact, rounded)]
            np.testing.assert_allclose(losses[1][-3:], losses[0][-3:], rtol=0.1, atol=0.02)


def test_dropout_masks_have_the_right_rate_and_differ() -> None:
    masks = Masks(0.1, 7, torch.float32, "cpu")
    drawn = [torch.ones(200, 500) for _ in range(3)]
    for mask in drawn:
        masks.apply_(mask)
        assert set(mask.unique().tolist()) == {0.0, 1.0}
        assert mask.mean().item() == pytest.approx(0.9, abs=0.005)
    assert not torch.equal(drawn[0], drawn[1])
    both_zero = ((1 - drawn[0]) * (1 - drawn[1])).mean().item()
    assert both_zero == pytest.approx(0.01, abs=0.002)
    again = torch.ones(200, 500)
    Masks(0.1, 7, torch.float32, "cpu").apply_(again)
    assert torch.equal(again, drawn[0])


def test_initial_weights_have_the_published_spread() -> None:
    protocol = get_protocol("hear-2021")
    for point in protocol.probe.grid_points("any"):
        drawn = heads.initial_parameters(point, protocol.probe.constants, 192, 10, torch.Generator().manual_seed(0))
        for layer in range(point.hidden_layers + 1):
            weight, bias = drawn[f"weight.{layer}"], drawn[f"bias.{layer}"]
            expected = (2.0 if layer else 1.0) * 2.0 / sum(weight.shape)
            assert weight.var().item() == pytest.approx(expected, rel=0.05)
            assert bias.abs().max().item() <= weight.shape[1] ** -0.5
            if point.initialization == "xavier_uniform_":
                assert weight.abs().max().item() <= (3 * expected) ** 0.5


@pytest.mark.parametrize("train", [fused.train, reference.train])
def test_nan_scores_wait_out_the_patience_or_stop_at_once(train: Trainer) -> None:
    protocol = changed(patience=(3,), max_epochs=(60,), lr=(1e-3,))
    candidates = candidates_of(protocol, "aucroc", True)
    valid = candidates[0].data.monitor.rows
    absent = dataclasses.replace(valid, targets=np.pad(valid.targets[:, :2], ((0, 0), (0, 1))))
    data = dataclasses.replace(candidates[0].data, monitor=dataclasses.replace(candidates[0].data.monitor, rows=absent))
    candidates = [dataclasses.replace(candidate, data=data) for candidate in candidates]
    for trained in train(candidates, protocol.probe.constants, seed=0):
        assert len(trained.checks) == 3
        assert (trained.score, trained.epoch) == (-np.inf, 2)
    for trained in train(candidates, protocol.probe.constants, seed=0, strict=True):
        assert len(trained.checks) == 1
        assert (trained.score, trained.epoch) == (-np.inf, 2)


def test_either_trainer_says_which_heads_are_cut_short() -> None:
    def reasons(**grid: tuple) -> list[str | None]:
        protocol = changed(dropout=(0.0,), check_val_every_n_epoch=(1,), patience=(20,), **grid)
        candidates, constants = candidates_of(protocol, "top1_acc", False), protocol.probe.constants
        found = [one.unconverged for one in fused.train(candidates, constants, seed=0)]
        exact = reference.train(candidates, constants, seed=0, precision="fp64")
        assert found == [one.unconverged for one in exact]
        return found

    assert None not in reasons(max_epochs=(4,))
    assert None not in reasons(max_epochs=(10,), batch_size=(25,))  # 3 steps an epoch
    assert None in reasons(max_epochs=(60,), batch_size=(10,))


@pytest.mark.parametrize(
    ("epochs", "best", "steps_per_epoch", "reason"),
    [
        (500, 100, 1, None),
        (500, 28, 1, "its best check came after 29 optimiser steps"),
        (500, 29, 1, None),
        (500, 2, 10, None),
        (40, 39, 10, "its best check is the last that was allowed, after 400 optimiser steps"),
        (40, 38, 10, None),
    ],
)
def test_what_counts_as_trained(epochs: int, best: int, steps_per_epoch: int, reason: str | None) -> None:
    protocol = changed()
    head = Trained.begin(candidates_of(protocol, None, False)[0], protocol.probe.constants, "cpu")
    head.n_checks, head.steps_per_epoch, head.epoch = epochs, steps_per_epoch, best
    last = min(epochs, best + 21)  # a patience of 20
    head.checks = [(epoch, 0.0, 0.0) for epoch in range(last)]
    head.waited = last - 1 - best
    assert head.unconverged == reason
