"""The losses: acceptance tests 3, 4 and 5 of the specification, the margin form, the schedule, the selection."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cosine_similarity

from hear_adversarial.encoder import ConvEncoder, ConvSize, Projection, get_size
from hear_adversarial.front_end import raw_frames
from hear_adversarial.loss import contrastive_loss, gamma_schedule, margin_term
from hear_adversarial.negatives import OPERATORS
from hear_adversarial.objective import AdversarialObjective, ObjectiveSettings
from hear_audiomosaic.errors import EncoderError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sounds(n_clips: int = 6, seconds: float = 2.0, seed: int = 0) -> torch.Tensor:
    """Noise whose level changes, so that its order in time can be heard."""
    noise = torch.randn(n_clips, int(16000 * seconds), generator=generator(seed))
    level = torch.rand(n_clips, 1, 20, generator=generator(seed + 1)) ** 3
    return 0.3 * noise * torch.nn.functional.interpolate(level, noise.shape[1])[:, 0]


def objective(**options: object) -> AdversarialObjective:
    torch.manual_seed(0)
    return AdversarialObjective(ConvEncoder(get_size("micro")), ObjectiveSettings(**options))  # type: ignore[arg-type]


def test_3_without_gamma_it_is_colas_loss() -> None:
    positives = 5 * torch.randn(16, 16, generator=generator(), dtype=torch.float64)
    negatives = 5 * torch.randn(16, 16, 2, generator=generator())
    expected = -(positives.diagonal() - positives.exp().sum(dim=1).log()).mean()
    for loss in (contrastive_loss(positives, negatives, gamma=0.0), contrastive_loss(positives)):
        assert abs(float(loss) - float(expected)) < 1e-6


def test_3_the_objective_without_gamma_is_colas_loss() -> None:
    model = objective(gamma=0.0, control=0.0, augment=False, noise=0.0).eval()
    audio = sounds()
    loss, _ = model.contrast(audio, generator(7))
    draws = generator(7)
    anchors, positives, offset = model._views(audio, draws)
    anchor = model._disturbed(anchors, offset, 0, draws)
    positive = model._disturbed(positives, offset, 1, draws)
    a, p = (model.projection(model.encoder(x)) for x in (anchor, positive))
    s = a @ model.bilinear.weight @ p.T
    expected = -(s.diagonal() - s.logsumexp(dim=1)).mean()
    assert abs(float(loss.detach()) - float(expected.detach())) < 1e-6 * max(1.0, abs(float(expected.detach())))


def test_the_loss_equals_its_formula_term_by_term() -> None:
    n, k, gamma, gamma_x = 5, 3, 0.7, 0.4
    s = torch.randn(n, n, generator=generator())
    t = torch.randn(n, n, k, generator=generator(1))
    expected = 0.0
    for i in range(n):
        z = sum(math.exp(s[i, j]) for j in range(n))
        z += gamma * sum(math.exp(t[i, i, q]) for q in range(k))
        z += gamma_x * sum(math.exp(t[i, j, q]) for j in range(n) if j != i for q in range(k))
        expected -= math.log(math.exp(s[i, i]) / z) / n
    assert float(contrastive_loss(s, t, gamma, gamma_x)) == pytest.approx(expected, abs=1e-6)


def test_5_the_loss_rises_with_every_negatives_similarity() -> None:
    positives = torch.randn(4, 4, generator=generator())
    negatives = torch.randn(4, 4, 2, generator=generator())
    losses = []
    for value in torch.linspace(-8.0, 8.0, 33):
        moved = negatives.clone()
        moved[1, 1, 0] = value
        losses.append(float(contrastive_loss(positives.double(), moved.double())))
    assert all(b > a for a, b in pairwise(losses))
    leaf = negatives.clone().requires_grad_()
    contrastive_loss(positives, leaf).backward()
    own = torch.arange(4)
    assert (leaf.grad[own, own] > 0).all()
    weights = leaf.detach()[own, own].exp() / leaf.grad[own, own]  # gradient = e^s / Z_i / B: hard ones weigh most
    assert torch.allclose(weights[:, 0], weights[:, 1], rtol=1e-4)


def test_dropped_negatives_do_not_count() -> None:
    positives, negatives = torch.randn(4, 4, generator=generator()), torch.randn(4, 4, 2, generator=generator())
    none = torch.zeros(4, 2, dtype=torch.bool)
    leaf = negatives.clone().requires_grad_()
    loss = contrastive_loss(positives, leaf, 1.0, 1.0, valid=none)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(contrastive_loss(positives)), abs=1e-6)
    assert not leaf.grad.any()
    assert float(margin_term(positives.diagonal(), negatives[:, 0], valid=none)) == 0.0


def test_the_margin_term_equals_its_formula() -> None:
    positives, negatives = torch.tensor([0.9, 0.1]), torch.tensor([[0.2, 0.7], [0.4, -0.5]])
    expected = (0.0 + (0.3 + 0.7 - 0.9) + (0.3 + 0.4 - 0.1) + 0.0) / 4
    assert float(margin_term(positives, negatives)) == pytest.approx(expected)


def test_gamma_rises_over_the_first_tenth() -> None:
    assert [gamma_schedule(x) for x in (0.0, 0.05, 0.1, 0.5, 1.0)] == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert gamma_schedule(0.0, warm_up=0.0) == 1.0
    model = objective(gamma=2.0)
    assert model.gamma == 0.0
    model.after_step(0.05)
    assert model.gamma == pytest.approx(1.0)
    assert model.gamma_x == 0.0
    assert objective(gamma_x=1.0).gamma_x == 0.0


def _small(variant: str) -> torch.nn.Module:
    torch.manual_seed(0)
    size = ConvSize("test", (8, 8, 16, 16, 32), 1, 32)
    encoder = ConvEncoder(size, variant=variant, padding="circular")
    return torch.nn.Sequential(encoder, Projection(encoder.n_features, 64))


def test_4_a_circular_cnn_is_blind_to_shifts_by_its_stride() -> None:
    x = torch.randn(4, 64, 96, generator=generator()) * 3 - 4.5
    blind, seeing = (_small(variant).eval() for variant in ("V0", "V1"))
    for dim in (1, 2):
        moved = x.roll(32, dim)
        assert (blind[0](x) - blind[0](moved)).abs().max() < 1e-5
        assert (seeing[0](x) - seeing[0](moved)).abs().max() > 1e-3


def test_4_the_blind_network_stays_on_its_plateau_and_coordinates_leave_it() -> None:
    n_clips, k, tau = 8, 2, 0.2
    plateau = math.log(1 + k)
    x = torch.randn(n_clips, 64, 96, generator=generator()) * 3 - 4.5
    x = x + 3 * torch.randn(n_clips, 64, 1, generator=generator(1))
    views = torch.cat([x, x.roll(32, 2), x.roll(64, 2)])  # the anchor (its own positive), and two positional negatives
    last = {}
    for variant in ("V0", "V1"):
        model = _small(variant).train()
        optimiser = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(120):
            h = torch.nn.functional.normalize(model(views), dim=1)
            a, others = h[:n_clips], h[n_clips:].view(k, n_clips, -1)
            negatives = torch.einsum("ip,kjp->ijk", a, others) / tau
            loss = contrastive_loss(a @ a.T / tau, negatives)
            if variant == "V0":
                assert float(loss.detach()) >= plateau - 1e-4
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        last[variant] = float(loss.detach())
    assert last["V0"] == pytest.approx(plateau, abs=0.1)
    assert last["V1"] < plateau - 0.3


@pytest.mark.parametrize("selection", ["hardest", "scores", "uniform"])
@pytest.mark.parametrize("kind", ["waveform", "frames"])
def test_a_training_step(selection: str, kind: str) -> None:
    model = objective(selection=selection).train()
    model.after_step(1.0)
    batch = sounds() if kind == "waveform" else raw_frames(sounds())
    loss, metrics = model.contrast(batch, generator())
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert all(value.ndim == 0 and not value.requires_grad for value in metrics.values())
    assert metrics["gamma"] == 1.0
    assert 0.0 <= metrics["dropped"] <= 1.0
    again, _ = model.contrast(batch, generator())
    assert torch.isfinite(again)


@pytest.mark.parametrize(
    "options",
    [
        {"similarity": "cosine"},
        {"similarity": "cosine", "form": "margin"},
        {"similarity": "cosine", "floor": 0.3, "gamma_x": 1.0},
        {"gamma_x": 1.0, "n_negatives": 3},
        {"symmetric": True},
    ],
)
def test_other_forms_train(options: dict[str, object]) -> None:
    model = objective(selection="uniform", **options).train()
    model.after_step(1.0)
    loss, _ = model.contrast(sounds(), generator())
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_same_seed_gives_the_same_loss() -> None:
    losses = []
    for _ in range(2):
        model = objective().train()
        model.after_step(1.0)
        losses.append(float(model.contrast(sounds(), generator(3))[0].detach()))
    assert losses[0] == losses[1]


def test_clips_shorter_than_a_window_and_equal_frames() -> None:
    model = objective(selection="uniform").train()
    model.after_step(1.0)
    assert torch.isfinite(model.contrast(sounds(4, 0.4), generator())[0])
    with pytest.raises(EncoderError, match="Expected waveforms"):
        model.contrast(torch.zeros(16000))


def test_the_hardest_candidates_are_those_closest_to_the_anchor() -> None:
    model = objective().train()
    before = {name: value.clone() for name, value in model.encoder.named_buffers()}
    candidates = torch.randn(5, 6, 64, 98, generator=generator()) * 3 - 4.5
    windows = torch.randn(5, 64, 98, generator=generator(1)) * 3 - 4.5
    candidates[:, 4] = windows + 0.8 * torch.randn(5, 64, 98, generator=generator(2))  # close, yet changed enough
    candidates[:, 2] = windows  # a false negative: nothing has changed
    chosen = model._closest(windows, candidates)
    assert chosen.shape == (5, 2)
    assert (chosen == 4).any(dim=1).all()
    assert not (chosen == 2).any()
    assert model.encoder.training
    assert all(torch.equal(before[name], value) for name, value in model.encoder.named_buffers())
    model.encoder.eval()
    f = model.encoder(torch.cat([windows[:1], candidates[0]]))
    cosine = cosine_similarity(f[:1], f[1:])
    cosine[2] = -2.0
    assert set(chosen[0].tolist()) == set(cosine.topk(2).indices.tolist())


def test_scores_follow_the_similarity_of_late() -> None:
    model = objective(selection="scores").train()
    model.after_step(1.0)
    assert not model.selection_scores.any()
    model.after_step(1.0)
    model.contrast(sounds(), generator())  # step 2: no update
    assert not model.selection_scores.any()
    for _ in range(2):
        model.after_step(1.0)
    _, metrics = model.contrast(sounds(), generator())  # step 4
    for i, name in enumerate(OPERATORS):
        expected = 0.1 * float(metrics[f"negative_cosine/{name}"].nan_to_num(0.0))  # NaN: none was made
        assert float(model.selection_scores[i]) == pytest.approx(expected, abs=1e-6)


def test_a_few_steps_lower_the_loss() -> None:
    model = objective(similarity="cosine", selection="uniform", warm_up=0.0).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    batch, losses = raw_frames(sounds(8)), []
    for i in range(12):
        loss, _ = model.contrast(batch, generator(i))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.after_step(1.0)
        losses.append(float(loss.detach()))
    assert sum(losses[-3:]) < sum(losses[:3])


@pytest.mark.parametrize(
    "options",
    [
        {"form": "triplet"},
        {"similarity": "euclid"},
        {"selection": "luck"},
        {"form": "margin"},
        {"floor": 0.3},
        {"n_candidates": 1},
        {"gamma": -1.0},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(EncoderError):
        ObjectiveSettings(**options)  # type: ignore[arg-type]
