"""COLA's front end (arXiv 2010.10915; its released code), widened so that a pattern can move in frequency.

Tags as in README.md; "COLA's" are confirmed for COLA, and taken over.

* 16 kHz; frames of 25 ms (periodic Hann window) every 10 ms, FFT 1024, magnitudes (choice, COLA's).
* Mel triangles that are straight on the HTK mel axis, without area normalisation; clipped to [1e-5, 1e8]; natural
  logarithm (choice, COLA's).
* A window is 1 s: 98 frames, its waveform brought to l2 norm 1 (choice, COLA's).
* 96 bins from 30 to 8000 Hz, of which the network sees 64 at a time (choice). COLA's own 64 bins from 60 to 7800 Hz
  leave no room to either side. At 16 kHz no 64 bins that keep 16 guard bins on both sides can span more than two thirds
  of the mel axis (derived); so in training the 64 bins start at a random one of 33 offsets, the same for all clips of a
  batch, and the HEAR model looks at the lowest and at the highest 64.

The norm of a window's waveform is a factor on its magnitudes. So frames are computed once per clip, together with the
energy of each 10 ms, and every window, wherever it starts, is scaled by its own norm before the logarithm: exactly what
the front end gives for that window cut out and normalised.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.errors import AudioError

__all__ = [
    "FRAME",
    "GUARD",
    "HOP",
    "LOG_FLOOR",
    "N_GUARDED",
    "N_MELS",
    "RATE_HZ",
    "WINDOW_FRAMES",
    "WINDOW_HOPS",
    "log_windows",
    "mel_banks",
    "raw_frames",
    "spectrogram",
]

RATE_HZ, FRAME, HOP, N_FFT = 16000, 400, 160, 1024
N_MELS = 64
GUARD = 16
N_GUARDED = N_MELS + 2 * GUARD
LOW_HZ, HIGH_HZ = 30.0, 8000.0
WINDOW_FRAMES = 98
WINDOW_HOPS = 100  # 1 s: the samples that a window's norm is taken over
FLOOR, CEILING = 1e-5, 1e8
LOG_FLOOR = math.log(FLOOR)
_BLOCK = 4096  # frames of all clips whose spectrum is held at a time


def raw_frames(audio: Tensor) -> Tensor:
    """Mel magnitudes and energies of whole clips, in blocks of bounded memory.

    Args:
        audio: float32, shape (B, S), 16 kHz, any level; S >= 160.

    Returns:
        float32, shape (B, 97, S // 160): 96 mel magnitudes (not logarithms), then the energy of the 160 samples that
        begin with the frame. Frame i begins at sample 160 i; what lies past the clip's end is 0.

    Raises:
        AudioError: less than 10 ms.
    """
    n_frames = audio.shape[1] // HOP
    if audio.ndim != 2 or n_frames == 0:
        raise AudioError(f"Expected audio (clips, samples) of at least {HOP} samples; got shape {tuple(audio.shape)}.")
    window, banks = _hann(audio.device), mel_banks(N_GUARDED, LOW_HZ, HIGH_HZ, audio.device)
    padded = F.pad(audio[:, : n_frames * HOP].float(), (0, FRAME - HOP))
    frames = padded.unfold(1, FRAME, HOP)  # (B, T, 400), a view
    block = max(WINDOW_HOPS, _BLOCK // max(1, audio.shape[0]))
    parts = []
    for part in torch.split(frames, block, dim=1):
        magnitudes = torch.fft.rfft(part * window, n=N_FFT).abs() @ banks  # (B, t, 96)
        energy = part[..., :HOP].square().sum(dim=-1, keepdim=True)
        parts.append(torch.cat([magnitudes, energy], dim=-1).transpose(1, 2))
    return torch.cat(parts, dim=2)


def log_windows(raw: Tensor, starts: Tensor) -> Tensor:
    """Windows of 1 s out of raw frames, each scaled by its own l2 norm, as logarithms.

    Args:
        raw: shape (B, 97, T), from :func:`raw_frames`; frames past T count as silence.
        starts: int64, shape (B, N), first frame of every window, from 0.

    Returns:
        shape (B, N, 96, 98), from -11.51 (silence) up.
    """
    needed = int(starts.max()) + WINDOW_HOPS
    raw = F.pad(raw, (0, max(0, needed - raw.shape[2])))
    index = starts[:, :, None] + torch.arange(WINDOW_HOPS, device=raw.device)  # (B, N, 100)
    rows = torch.arange(raw.shape[0], device=raw.device)[:, None, None]
    cut = raw.transpose(1, 2)[rows, index]  # (B, N, 100, 97)
    norm = cut[..., -1].sum(dim=2).clamp_min(1e-24).sqrt()[..., None, None]
    magnitudes = cut[..., :WINDOW_FRAMES, :-1] / norm
    return magnitudes.clamp(FLOOR, CEILING).log().transpose(2, 3)


def spectrogram(audio: Tensor) -> Tensor:
    """Guarded log-mel of clips of 1 s: (B, 16000) -> (B, 96, 98). Shorter ones are padded with silence."""
    return log_windows(raw_frames(audio), torch.zeros(audio.shape[0], 1, dtype=torch.int64, device=audio.device))[:, 0]


@lru_cache(maxsize=8)
def mel_banks(n_mels: int, low_hz: float, high_hz: float, device: torch.device | None = None) -> Tensor:
    """Triangles on the mel axis 1127 ln(1 + f / 700), peak 1, shape (513, n_mels)."""
    frequencies = torch.linspace(0.0, RATE_HZ / 2, N_FFT // 2 + 1, dtype=torch.float64)
    mel = 1127.0 * torch.log1p(frequencies / 700.0)[:, None]
    ends = [1127.0 * math.log1p(f / 700.0) for f in (low_hz, high_hz)]
    edges = torch.linspace(ends[0], ends[1], n_mels + 2, dtype=torch.float64)
    step = edges[1] - edges[0]
    return (1.0 - (mel - edges[1:-1]).abs() / step).clamp_min(0.0).float().to(device)


@lru_cache(maxsize=8)
def _hann(device: torch.device) -> Tensor:
    return torch.hann_window(FRAME, periodic=True, device=device)
