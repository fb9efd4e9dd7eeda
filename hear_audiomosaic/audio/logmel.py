"""Slaney log-mel spectrogram, the front end of MSM-MAE (arXiv 2204.12260) and M2D.

Periodic Hann window, centred frames with reflected edges, Slaney's mel scale and area normalisation, natural
logarithm of the power plus epsilon. Equal to librosa's and nnAudio's to about 1e-4.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from hear_audiomosaic.errors import AudioError

__all__ = ["slaney_log_mel"]

_EPSILON = torch.finfo(torch.float32).eps


def slaney_log_mel(
    waveform: Tensor,
    rate_hz: int = 16000,
    n_mels: int = 80,
    low_hz: float = 50.0,
    high_hz: float = 8000.0,
    n_fft: int = 400,
    hop: int = 160,
) -> Tensor:
    """Log-mel energies of a batch of clips.

    Args:
        waveform: float32, shape (..., S), range [-1, 1].
        rate_hz: sample rate in Hz.
        n_mels: F, the number of mel bins.
        low_hz: lower edge of the first filter in Hz.
        high_hz: upper edge of the last filter in Hz.
        n_fft: window and transform length in samples.
        hop: samples between frames.

    Returns:
        float32, shape (..., T, F) with T = 1 + floor(S / hop); natural log of (mel power + 1.19e-7), so digital
        silence is -15.942385.

    Raises:
        AudioError: the clip is not longer than half a window, which the reflected edges need.
    """
    if waveform.shape[-1] <= n_fft // 2:
        raise AudioError(
            f"A clip of {waveform.shape[-1]} samples is too short for a centred window of {n_fft} samples; "
            f"pad it to more than {n_fft // 2} samples first."
        )
    leading = waveform.shape[:-1]
    window = torch.hann_window(n_fft, device=waveform.device)
    flat = waveform.float().reshape(-1, waveform.shape[-1])
    spectrum = torch.stft(flat, n_fft, hop, window=window, center=True, pad_mode="reflect", return_complex=True)
    power = spectrum.abs().pow(2.0).transpose(-1, -2)  # (N, T, n_fft / 2 + 1)
    mel: Tensor = power @ _slaney_banks(n_mels, n_fft, rate_hz, low_hz, high_hz, waveform.device)
    log_mel: Tensor = (mel + _EPSILON).log().reshape(*leading, mel.shape[-2], n_mels)
    return log_mel


@lru_cache(maxsize=16)
def _slaney_banks(n_mels: int, n_fft: int, rate_hz: int, low_hz: float, high_hz: float, device: torch.device) -> Tensor:
    from torchaudio.functional import melscale_fbanks

    n_bins = n_fft // 2 + 1
    banks: Tensor = melscale_fbanks(n_bins, low_hz, high_hz, n_mels, rate_hz, norm="slaney", mel_scale="slaney")
    return banks.to(device)
