"""Kaldi log-mel filter bank, batched, on any device.

Reference: ``torchaudio.compliance.kaldi.fbank`` with the arguments of AudioMosaic (arXiv 2605.14231): Hann window,
no dither, 25 ms frames every 10 ms, pre-emphasis 0.97, per-frame DC removal, power spectrum, mel scale of Kaldi
from 20 Hz to the Nyquist frequency, natural logarithm. That function takes one clip at a time; this one a batch.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from hear_audiomosaic.errors import AudioError

__all__ = ["FRAME_LENGTH_MS", "FRAME_SHIFT_MS", "kaldi_fbank", "n_frames"]

FRAME_LENGTH_MS = 25.0
FRAME_SHIFT_MS = 10.0
_PREEMPHASIS = 0.97
_LOW_HZ = 20.0
_BLOCK_SAMPLES = 1 << 18
_EPSILON = torch.finfo(torch.float32).eps  # Kaldi's floor under the logarithm: digital silence becomes -15.9424


def n_frames(n_samples: int, rate_hz: int = 16000) -> int:
    """Number of whole frames in ``n_samples`` (Kaldi's ``snip_edges``): 1 + floor((S - 400) / 160) at 16 kHz."""
    length, shift = _frame_sizes(rate_hz)
    return 0 if n_samples < length else 1 + (n_samples - length) // shift


def kaldi_fbank(waveform: Tensor, rate_hz: int = 16000, n_mels: int = 128) -> Tensor:
    """Log-mel energies of a batch of clips.

    Args:
        waveform: float32, shape (..., S), range [-1, 1] (not scaled to 16-bit integers).
        rate_hz: sample rate in Hz.
        n_mels: F, the number of mel bins. With 128 bins at 16 kHz one filter is empty and stays at -15.94,
            as in Kaldi.

    Returns:
        float32, shape (..., T, F) with T = 1 + floor((S - 0.025 rate) / (0.010 rate)); natural log of mel power,
        from -15.9424 (digital silence) up to about 11 for a full-scale sine.

    Raises:
        AudioError: the clip is shorter than one frame of 25 ms.
    """
    length, shift = _frame_sizes(rate_hz)
    if waveform.shape[-1] < length:
        raise AudioError(
            f"A clip of {waveform.shape[-1]} samples is shorter than one frame of {length} samples "
            f"({FRAME_LENGTH_MS:g} ms at {rate_hz} Hz); pad it with zeros first."
        )
    tables = _window(length, waveform.device), _mel_banks(n_mels, _fft_size(length), rate_hz, waveform.device)
    clips = waveform.float().reshape(-1, waveform.shape[-1])
    if waveform.device.type == "cpu":  # a few clips at a time stay in the processor's cache: twice as fast
        n_clips = max(1, _BLOCK_SAMPLES // waveform.shape[-1])
        mels = (
            torch.cat([_log_mels(part, shift, *tables) for part in torch.split(clips, n_clips)])
            if len(clips)
            else clips
        )
    else:
        mels = _log_mels(clips, shift, *tables)
    return mels.reshape(*waveform.shape[:-1], n_frames(waveform.shape[-1], rate_hz), n_mels)


def _log_mels(clips: Tensor, shift: int, window: Tensor, mel: Tensor) -> Tensor:
    """(B, S) -> (B, T, F)."""
    frames = clips.unfold(-1, len(window), shift)  # (B, T, length)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    previous = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)  # Kaldi repeats the first sample of a frame
    frames = (frames - _PREEMPHASIS * previous) * window
    parts = torch.view_as_real(torch.fft.rfft(frames, n=_fft_size(len(window))))
    spectrum = parts.square().sum(dim=-1)  # (B, T, fft / 2 + 1)
    return (spectrum @ mel).clamp_min(_EPSILON).log()


def _frame_sizes(rate_hz: int) -> tuple[int, int]:
    return int(rate_hz * FRAME_LENGTH_MS * 0.001), int(rate_hz * FRAME_SHIFT_MS * 0.001)


def _fft_size(length: int) -> int:
    return 1 << (length - 1).bit_length()


@lru_cache(maxsize=16)
def _window(length: int, device: torch.device) -> Tensor:
    return torch.hann_window(length, periodic=False, device=device)


@lru_cache(maxsize=16)
def _mel_banks(n_mels: int, fft_size: int, rate_hz: int, device: torch.device) -> Tensor:
    """Triangles that are straight on Kaldi's mel axis, shape (fft / 2 + 1, F); the Nyquist bin carries no weight."""
    from torchaudio.compliance.kaldi import get_mel_banks

    # Zeros: the upper edge is the Nyquist frequency; the vocal-tract warping that follows is off (factor 1).
    banks, _ = get_mel_banks(n_mels, fft_size, float(rate_hz), _LOW_HZ, 0.0, 100.0, -500.0, 1.0)  # (F, fft / 2)
    return torch.nn.functional.pad(banks, (0, 1)).T.contiguous().to(device)
