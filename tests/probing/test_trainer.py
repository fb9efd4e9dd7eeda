"""The fused trainer against the plain one, autograd, and itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from plain_trainer import build_head, load_parameters, train_plainly
from small_tasks import changed, clusters

from hear_audiomosaic.metrics import clips
from hear_audiomosaic.probing import ProbeTask, get_protocol, heads
from hear_audiomosaic.probing.fused.kernels import Chunk
from hear_audiomosaic.probing.fused.masks import Masks
from hear_audiomosaic.probing.fused.stack import Layout, Scratch, Stack
from hear_audiomosaic.probing.fused.trainer import Candidate, TrainingData, train
from hear_audiomosaic.probing.monitor import Monitor

D, C = 8, 3


def candidates_of(protocol, monitor_score, multilabel, n_train=60, n_valid=30):
    rng = np.random.default_rng(5)
    rows, valid = (clusters(rng, n, C, D, multilabel) for n in (n_train, n_valid))
    data = TrainingData(rows.values, rows.targets, Monitor(valid, monitor_score, multilabel, None, ()))
    points = protocol.grid_points("any")
    drawn = [
        heads.initial_parameters(point, protocol, D, C, torch.Generator().manual_seed(i))
        for i, point in enumerate(points)
    ]
    return [Candidate(point, data, parameters) for point, parameters in zip(points, drawn, strict=True)]


def plain(candidate, monitor_score, dtype=torch.float64):
    """The reference, by default in double precision.

    The gradient of a bias before batch normalisation is zero but for rounding, which Adam blows up to steps of lr: in
    single precision the reference's validation losses (not the training losses) wander by some 1e-3.
    """
    data = candidate.data
    head = build_head(candidate.point, D, C)
    load_parameters(head, candidate.parameters)
    head = head.to(dtype)
    valid = data.monitor.rows

    def monitor(logits, loss):
        if monitor_score is None:
            return loss
        probabilities = torch.sigmoid(logits) if data.monitor.multilabel else torch.softmax(logits, -1)
        return float(clips.evaluate(valid.targets, probabilities.numpy(), [monitor_score])[monitor_score])

    pairs = [
        tuple(torch.from_numpy(array).to(dtype) for array in (rows.values, rows.targets)) for rows in (data, valid)
    ]
    better_up = monitor_score is not None
    return train_plainly(
        head, candidate.point, *pairs, multilabel=data.monitor.multilabel, monitor=monitor, higher_is_better=better_up
    )


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("batch_size", [1024, 25])
@pytest.mark.parametrize("layers", [(1, 2), (0, 1)])
def test_the_same_loss_curves_as_the_plain_trainer(multilabel: bool, batch_size: int, layers: tuple) -> None:
    protocol = changed(dropout=(0.0,), batch_size=(batch_size,), hidden_layers=layers, max_epochs=(15,), patience=(99,))
    candidates = candidates_of(protocol, None, multilabel)
    for candidate, trained in zip(candidates, train(candidates, protocol, seed=0, record_losses=True), strict=True):
        losses, checks, best = plain(candidate, None)
        np.testing.assert_allclose(trained.train_losses, losses, atol=1e-4)
        assert [epoch for epoch, _, _ in trained.checks] == [epoch for epoch, _, _ in checks] == [2, 5, 8, 11, 14]
        np.testing.assert_allclose([loss for _, _, loss in trained.checks], [loss for *_, loss in checks], atol=1e-4)
        assert trained.score == pytest.approx(best[0], abs=1e-4)
        single_losses, single_checks, _ = plain(candidate, None, torch.float32)
        np.testing.assert_allclose(trained.train_losses, single_losses, atol=1e-4)
        np.testing.assert_allclose(
            [loss for *_, loss in trained.checks], [loss for *_, loss in single_checks], atol=2e-2
        )


def test_early_stop_at_the_same_check_with_the_same_best_epoch() -> None:
    protocol = changed(dropout=(0.0,), max_epochs=(200,), patience=(3,))
    candidates = candidates_of(protocol, "top1_acc", False)
    for candidate, trained in zip(candidates, train(candidates, protocol, seed=0), strict=True):
        _, checks, best = plain(candidate, "top1_acc")
        assert [(epoch, value) for epoch, value, _ in trained.checks] == [
            (epoch, pytest.approx(np.float32(value))) for epoch, value, _ in checks
        ]
        assert trained.epoch == best[1]
        values = [value for _, value, _ in trained.checks]
        assert trained.epoch == trained.checks[values.index(max(values))][0]  # the earliest of equals
        assert len(values) == values.index(max(values)) + 1 + 3
        probe = torch.from_numpy(candidate.data.monitor.rows.values)
        model = build_head(candidate.point, D, C).eval()
        model.load_state_dict({name: tensor.float() for name, tensor in best[2].items()})
        torch.testing.assert_close(trained.head.logits(probe), model(probe).detach(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("multilabel", [False, True])
def test_gradients_are_those_of_autograd(multilabel: bool) -> None:
    torch.manual_seed(0)
    g, H, n = 3, 5, 7
    layout = Layout(D, C, 2, H, 0.0, multilabel, "cpu", False, (0.9, 0.999), 1e-8, 0.1, 1e-5)
    point = dataclasses.replace(get_protocol("hear-2021").grid_points("any")[1], hidden_dim=H, dropout=0.0)
    drawn = [
        heads.initial_parameters(point, get_protocol("hear-2021"), D, C, torch.Generator().manual_seed(i))
        for i in range(g)
    ]
    scratch = Scratch("cpu")
    chunk = Chunk(layout, Stack(layout, drawn).rows(0, g), [1e-3] * g, Masks(0.0, 0, torch.float32, "cpu"), scratch)
    x, y = torch.randn(n, D), torch.eye(C)[torch.randint(C, (n,))]
    chunk.step(x, y)
    for index, parameters in enumerate(drawn):
        model = build_head(point, D, C)
        load_parameters(model, parameters)
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
    together = train(candidates, protocol, seed=0)
    for candidate, among in zip(candidates, together, strict=True):
        alone = train([candidate], protocol, seed=0)[0]
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
        results = [train(chosen, protocol, seed=0, precision=precision) for precision in ("fp32", "bf16")]
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
    for point in protocol.grid_points("any"):
        drawn = heads.initial_parameters(point, protocol, 192, 10, torch.Generator().manual_seed(0))
        for layer in range(point.hidden_layers + 1):
            weight, bias = drawn[f"weight.{layer}"], drawn[f"bias.{layer}"]
            expected = (2.0 if layer else 1.0) * 2.0 / sum(weight.shape)
            assert weight.var().item() == pytest.approx(expected, rel=0.05)
            assert bias.abs().max().item() <= weight.shape[1] ** -0.5
            if point.initialization == "xavier_uniform_":
                assert weight.abs().max().item() <= (3 * expected) ** 0.5


def test_nan_scores_wait_out_the_patience_or_stop_at_once(tagging_task: ProbeTask) -> None:
    protocol = changed(patience=(3,), max_epochs=(60,), lr=(1e-3,))
    candidates = candidates_of(protocol, "aucroc", True)
    valid = candidates[0].data.monitor.rows
    absent = dataclasses.replace(valid, targets=np.pad(valid.targets[:, :2], ((0, 0), (0, 1))))
    data = dataclasses.replace(candidates[0].data, monitor=dataclasses.replace(candidates[0].data.monitor, rows=absent))
    candidates = [dataclasses.replace(candidate, data=data) for candidate in candidates]
    for trained in train(candidates, protocol, seed=0):
        assert len(trained.checks) == 3
        assert (trained.score, trained.epoch) == (-np.inf, 2)
    for trained in train(candidates, dataclasses.replace(protocol, strict=True), seed=0):
        assert len(trained.checks) == 1
        assert (trained.score, trained.epoch) == (-np.inf, 2)
