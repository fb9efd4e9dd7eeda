"""AaPE: what the specification asks of the stem (its acceptance tests 1 to 6), and shapes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hear_aasp.stem import ALPHA_RANGE, PHASES, AapeStem, KernelPhase, kernel, kernel_gain
from hear_audiomosaic.errors import EncoderError

DIM = 64
BAND_HZ = (100 / 32, 0.95 * 50)


@pytest.fixture(params=PHASES)
def stem(request: pytest.FixtureRequest) -> AapeStem:
    torch.manual_seed(0)
    return AapeStem(DIM, phase=request.param).eval().requires_grad_(False)


def spectrogram(n_clips: int = 2, n_frames: int = 48, seed: int = 0) -> Tensor:
    return torch.randn(n_clips, n_frames, 128, generator=torch.Generator().manual_seed(seed))


def modulated(hz: float, angle: float = 0.0) -> Tensor:
    """One patch row of pure amplitude modulation around its centre: (1, 16, 128)."""
    n = torch.arange(16) - 7.5
    return (0.5 * torch.cos(2 * math.pi * hz / 100 * n + angle))[None, :, None].expand(1, 16, 128)


@pytest.mark.parametrize(("alpha", "f0"), [(0.05, 4.0), (0.12, 12.0), (0.3, 30.0), (0.6, 45.0)])
def test_1_even_kernel_sums_to_its_closed_form(alpha: float, f0: float) -> None:
    a, theta0 = torch.tensor([alpha], dtype=torch.float64), torch.tensor([2 * math.pi * f0 / 100], dtype=torch.float64)
    theta = torch.linspace(0, math.pi, 65, dtype=torch.float64)
    tap = torch.arange(2001, dtype=torch.float64) - 1000
    found = torch.complex(*kernel_gain(a, theta0)) * (
        torch.complex(*kernel(a, theta0, 2001))[0] @ torch.exp(1j * tap[:, None] * theta)
    )
    rate = torch.complex(a, theta0)  # Lambda
    q = torch.exp(-rate)
    expected = 2 / rate * torch.sinh(rate / 2) * (1 - q**2) / (1 - 2 * q * theta.cos() + q**2)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("alpha", "f0"), [(0.05, 4.0), (0.12, 12.0), (0.6, 45.0)])
def test_1_odd_kernel_sums_to_its_closed_form(alpha: float, f0: float) -> None:
    a, theta0 = torch.tensor([alpha], dtype=torch.float64), torch.tensor([2 * math.pi * f0 / 100], dtype=torch.float64)
    theta = torch.linspace(-math.pi, math.pi, 65, dtype=torch.float64)
    tap = torch.arange(2001, dtype=torch.float64) - 1000
    found = torch.complex(*kernel(a, theta0, 2001, "odd"))[0] @ torch.exp(-1j * tap[:, None] * theta)
    r = math.exp(-alpha)
    expected = (1 - r**2) / (1 - 2 * r * (theta - theta0).cos() + r**2)
    torch.testing.assert_close(found, torch.complex(expected, torch.zeros_like(expected)), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_2_frequencies_in_the_alias_band_and_decays_positive(stem: AapeStem, scale: float) -> None:
    torch.nn.init.normal_(stem.lambda_encoder.output.weight, std=scale)
    alpha, theta = stem.lambda_encoder(stem.centred_patches(10 * spectrogram()))
    tolerance = 1e-5
    assert theta.min() >= math.pi / 16 * (1 - tolerance)
    assert theta.max() <= 0.95 * math.pi * (1 + tolerance)
    assert alpha.min() >= ALPHA_RANGE[0] * (1 - tolerance)
    assert alpha.max() <= ALPHA_RANGE[1] * (1 + tolerance)
    assert alpha.min() > 0


def test_3_at_the_start_all_patches_have_the_same_log_uniform_bank(stem: AapeStem) -> None:
    alpha, theta = stem.lambda_encoder(stem.centred_patches(spectrogram()))
    other = stem.lambda_encoder(stem.centred_patches(5 * spectrogram(seed=1)))
    assert torch.equal(alpha, other[0])
    assert torch.equal(theta, other[1])
    assert torch.equal(theta, theta[:1, :1, :1].expand_as(theta))
    steps = theta[0, 0, 0].log().diff()
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=1e-4, atol=0)
    assert steps.mean().item() == pytest.approx(math.log(0.95 * 16) / 16, rel=1e-4)
    assert alpha.unique().item() == pytest.approx(math.sqrt(math.prod(ALPHA_RANGE)))


def test_3_then_the_bank_adapts_to_the_patch(stem: AapeStem) -> None:
    torch.nn.init.normal_(stem.lambda_encoder.output.weight)
    alpha, theta = stem.lambda_encoder(stem.centred_patches(spectrogram()))
    assert not torch.equal(theta[0, 0, 0], theta[0, 1, 0])
    assert not torch.equal(alpha[0, 0, 0], alpha[1, 0, 0])


def test_4_a_closed_gate_is_the_plain_patch_stem(stem: AapeStem) -> None:
    stem.gate.zero_()
    assert torch.equal(stem(spectrogram()), stem.patch_embed(spectrogram()))


def test_5_a_token_depends_on_its_own_patch_alone(stem: AapeStem) -> None:
    torch.nn.init.normal_(stem.lambda_encoder.output.weight)
    stem.gate.fill_(1.0)
    before = stem(spectrogram())
    changed = spectrogram()
    changed[:, 16:32, 32:48] += spectrogram(seed=2)[:, :16, :16]  # time step 1, band 2
    after = stem(changed)
    different = (after != before).any(dim=2)
    assert different[:, 1 * 8 + 2].all()
    assert different.sum() == 2


def answers(stem: AapeStem, hz: float) -> tuple[Tensor, Tensor]:
    """Power of each state's answer to a modulation, over 16 phases of it, and the states' frequencies in Hz."""
    patches = stem.centred_patches(torch.cat([modulated(hz, 2 * math.pi * i / 16) for i in range(16)]))
    alpha, theta = stem.lambda_encoder(patches)
    real, imaginary = stem.sblu.states(patches, alpha, theta)
    return (real.square() + imaginary.square())[:, 0, 0].sum(dim=0), theta[0, 0, 0] * 100 / (2 * math.pi)


@pytest.mark.parametrize("hz", [8, 10, 12, 15, 20, 25, 30, 35, 40, 45])
def test_6_modulations_excite_the_state_of_their_frequency(stem: AapeStem, hz: float) -> None:
    """To the letter for the odd phase, whose magnitude is an envelope, and for the even phase from 25 Hz on."""
    power, state_hz = answers(stem, hz)
    nearest = int((state_hz - hz).abs().argmin())
    allowed = {nearest} if stem.sblu.phase == "odd" or hz >= 25 else {nearest, nearest + 1}
    assert int(power.argmax()) in allowed


def test_6_no_modulation_from_8_hz_on_is_taken_for_one_that_16_frames_can_tell_from_it(stem: AapeStem) -> None:
    """16 frames of 10 ms resolve 6.25 Hz; below 25 Hz the states are closer, the even phase may be one state off."""
    for hz in torch.arange(8.0, 45.0, 0.5).tolist():
        power, state_hz = answers(stem, hz)
        distance = (state_hz - hz).abs()
        assert abs(int(power.argmax()) - int(distance.argmin())) <= 1, hz
        assert distance[power.argmax()] <= distance.min() + 6.25 / 2, hz


def test_a_constant_spectrogram_has_no_alias_features(stem: AapeStem) -> None:
    level = torch.linspace(-3, 3, 128).expand(1, 32, 128)
    assert stem.alias_features(level).abs().max() < 1e-4
    assert stem.alias_features(level + modulated(12.0).repeat(1, 2, 1)).abs().max() > 0.1


def test_only_the_odd_phase_answers_a_modulation_that_crosses_zero_at_the_centre(stem: AapeStem) -> None:
    crossing, cresting = (stem.alias_features(modulated(20.0, angle)).norm() for angle in (math.pi / 2, 0.0))
    if stem.sblu.phase == "odd":
        assert crossing > 0.3 * cresting
    else:
        assert crossing < 1e-4 * cresting


def test_states_of_equal_parameters_by_hand(stem: AapeStem) -> None:
    patches = stem.centred_patches(spectrogram(1, 16))
    alpha, theta = stem.lambda_encoder(patches)
    real, imaginary = stem.sblu.states(patches, alpha, theta)
    rate = torch.complex(alpha, theta)[0, 0, 3].to(torch.complex128)  # band 3
    signal = patches[0, 0, 3].double() @ stem.sblu.input.weight.T.double()  # (K, N)
    k = torch.arange(16, dtype=torch.float64)[:, None] - 7.5
    if stem.sblu.phase == "even":
        expected = 2 / rate * torch.sinh(rate / 2) * (torch.exp(-rate * k.abs()) * signal).sum(dim=0)
    else:
        expected = (torch.exp(-rate.real * k.abs() + 1j * rate.imag * k) * signal).sum(dim=0)
    found = torch.complex(real, imaginary)[0, 0, 3].to(torch.complex128)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_tokens_are_time_major_and_as_many_as_patches(stem: AapeStem) -> None:
    tokens = stem(spectrogram(2, 48))
    assert tokens.shape == (2, 3 * 8, DIM)
    torch.testing.assert_close(stem(spectrogram(2, 48)[:, 16:32]), tokens[:, 8:16])


def test_the_kernels_are_float32_under_autocast(stem: AapeStem) -> None:
    stem.gate.fill_(1.0)
    expected = stem.alias_features(spectrogram())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(stem.alias_features(spectrogram()), expected)
        tokens = stem(spectrogram())
    assert tokens.isfinite().all()
    torch.testing.assert_close(tokens.float(), stem(spectrogram()), rtol=0.1, atol=0.1)


def test_size_of_the_base_stem() -> None:
    with torch.device("meta"):
        stem = AapeStem(768)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in stem.named_children()}
    assert counts["lambda_encoder"] == 2 * 256 + 128 * 257 + 8 * 128 + 32 * 129
    assert counts["sblu"] == 16 * 16 + 768 * 32
    assert counts["fuse_in"] + counts["fuse_out"] == 768 * 1537 + 768 * 769


def test_unknown_phase() -> None:
    wrong: KernelPhase = "both"  # type: ignore[assignment]
    with pytest.raises(EncoderError, match="even or odd"):
        AapeStem(DIM, phase=wrong)
