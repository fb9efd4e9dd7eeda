"""Made-up sounds, the same in every check."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hear_audiomosaic.hear.encoder import Encoder

__all__ = ["many_sounds", "noise", "noise_and_tones", "tones"]


def noise(encoder: Encoder, seconds: float, n_clips: int, seed: int = 0) -> Tensor:
    """White noise in [-0.1, 0.1]: (n_clips, S) at the encoder's rate."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_clips, int(seconds * encoder.sample_rate), generator=generator) * 0.2 - 0.1


def tones(encoder: Encoder, seconds: float, rates_hz: tuple[float, ...], amplitude: float = 0.3) -> Tensor:
    """Sines: (n, S)."""
    time_s = torch.arange(int(seconds * encoder.sample_rate), dtype=torch.float64) / encoder.sample_rate
    return torch.stack([amplitude * torch.sin(2 * math.pi * hz * time_s) for hz in rates_hz]).float()


def noise_and_tones(encoder: Encoder) -> Tensor:
    """Noise, and tones of 300 and 2500 Hz: (3, S) of 1 s."""
    return torch.cat([noise(encoder, 1.0, 1), tones(encoder, 1.0, (300.0, 2500.0))])


def many_sounds(encoder: Encoder) -> Tensor:
    """Tones from 150 to 5500 Hz, noises, clicks, swells and chirps, at several levels: (24, S) of 0.5 s."""
    rates_hz = tuple(150.0 * (5500.0 / 150.0) ** (i / 11) for i in range(12))
    level = torch.tensor([0.02, 0.1, 0.4]).repeat(4)[:, None]
    n_samples = encoder.sample_rate // 2
    at = torch.arange(n_samples)
    time_s = at.double() / encoder.sample_rate
    white = [noise(encoder, 0.5, 1, seed=seed)[0] for seed in range(1, 4)]
    smooth = [torch.nn.functional.avg_pool1d(white[0][None], 2 * k + 1, 1, k)[0] for k in (2, 8)]
    clicks = [torch.where(at % (n_samples // n) < 4, 0.5, 0.0) for n in (3, 20)]
    swells = [white[1] * 2 * time_s, white[2] * (1 - 2 * time_s)]
    chirps = [0.3 * torch.sin(2 * math.pi * (a * time_s + b * time_s**2)) for a, b in ((200, 3000), (3000, -2400))]
    chord = tones(encoder, 0.5, (220.0, 440.0)).sum(0)
    mixed = [white[0] + tones(encoder, 0.5, (700.0,))[0], 0.3 * white[2], chord]
    others = torch.stack([part.float() for part in (white[0], *smooth, *clicks, *swells, *chirps, *mixed)])  # (12, S)
    return torch.cat([tones(encoder, 0.5, rates_hz, 1.0) * level, others])
