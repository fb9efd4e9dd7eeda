"""Made-up clips whose modulations are known, and a stretch in time: stimuli for questions to an encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torchaudio.functional as AF
from torch import Tensor

__all__ = ["modulated_noise", "noise_textures", "stretch_time"]

_TEXTURE_HZ = 45.0  # fastest modulation of a texture
_N_FFT, _HOP = 512, 128


def noise_textures(n_clips: int, duration_s: float, rate_hz: int, generator: torch.Generator) -> Tensor:
    """Noise of random colour with three random modulations of 1 to 45 Hz each.

    Returns:
        float32 (n_clips, S), peak 0.3.
    """
    n_samples = round(duration_s * rate_hz)
    spectrum = torch.fft.rfft(torch.randn(n_clips, n_samples, generator=generator))
    axis = torch.linspace(0, 1, spectrum.shape[1])
    colour = sum(torch.exp(-(((axis - torch.rand(n_clips, 1, generator=generator)) / 0.1) ** 2)) for _ in range(3))
    audio = torch.fft.irfft(spectrum * (0.05 + colour), n=n_samples)
    t = torch.arange(n_samples) / rate_hz
    for _ in range(3):
        f = _TEXTURE_HZ ** torch.rand(n_clips, 1, generator=generator)
        angle = 2 * math.pi * torch.rand(n_clips, 1, generator=generator)
        audio = audio * (1 + 0.7 * torch.cos(2 * math.pi * f * t + angle))
    textures: Tensor = 0.3 * audio / audio.abs().amax(dim=1, keepdim=True)
    return textures


def modulated_noise(
    frequencies_hz: Sequence[float],
    n_each: int,
    duration_s: float,
    rate_hz: int,
    generator: torch.Generator,
    depth: float = 0.8,
) -> tuple[Tensor, npt.NDArray[np.float64]]:
    """White noise times 1 + d cos(2 pi f t + phi), its gain random within 10 dB up and down.

    Args:
        frequencies_hz: f, one class each.
        n_each: clips of each class.
        duration_s: of a clip.
        rate_hz: of the clips.
        generator: of noise, phases and gains.
        depth: d, 0 to 1.

    Returns:
        Clips, float32 (n, S) in [-1, 1], class by class, and their class indices (n,).
    """
    t = torch.arange(round(duration_s * rate_hz)) / rate_hz
    clips = []
    for f in frequencies_hz:
        angle, gain = torch.rand(2, n_each, 1, generator=generator).unbind(0)
        noise = torch.randn(n_each, len(t), generator=generator)
        clips.append(0.02 * 10 ** (gain - 0.5) * noise * (1 + depth * torch.cos(2 * math.pi * (f * t + angle))))
    return torch.cat(clips).clamp(-1, 1), np.repeat(np.arange(len(frequencies_hz)), n_each).astype(float)


def stretch_time(audio: Tensor, factor: float) -> Tensor:
    """Make clips last ``factor`` times as long at the same pitch (phase vocoder).

    Args:
        audio: (n, S).
        factor: above 1 is slower.

    Returns:
        (n, round(S * factor)).
    """
    window = torch.hann_window(_N_FFT)
    spectrum = torch.stft(audio, _N_FFT, _HOP, window=window, return_complex=True)
    advance = torch.linspace(0, math.pi * _HOP, _N_FFT // 2 + 1)[:, None]
    stretched = AF.phase_vocoder(spectrum, 1 / factor, advance)
    return torch.istft(stretched, _N_FFT, _HOP, window=window, length=round(audio.shape[1] * factor))
