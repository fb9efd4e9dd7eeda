"""Clips whose patterns are moved: the material of the position measurements, as log-mel windows and made audible.

All views, moved or not, are log-mel windows (1 s, 64 bins, 0.4 to 5.1 kHz) that the same Griffin-Lim inversion makes
audible, so what the inversion does to a sound gives nothing away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchaudio.functional import griffinlim

from hear_adversarial.front_end import (
    FRAME,
    GUARD,
    HIGH_HZ,
    HOP,
    LOW_HZ,
    N_FFT,
    N_GUARDED,
    N_MELS,
    RATE_HZ,
    WINDOW_HOPS,
    log_windows,
    mel_banks,
    raw_frames,
)
from hear_adversarial.negatives import (
    OPERATORS,
    IndexMaps,
    apply_maps,
    apply_operators,
    changed_enough,
    operator_maps,
    seam_control_maps,
)
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.reproduce.recordings import find_recordings, read_trimmed

__all__ = ["MIN_CLIPS", "ORDERS_PER_CLIP", "SHIFTS_PER_CLIP", "Views", "make_audible", "make_views", "read_clips"]

SHIFTS_PER_CLIP = 4
ORDERS_PER_CLIP = 2
MIN_CLIPS = 10
_MIN_DURATION_S = 1.5
_RMS = 0.05


@dataclass(frozen=True)
class Views:
    """Log-mel windows (n, 64, 98) of n clips, by name, and what was done to them.

    Attributes:
        windows: "clip", "crop", one per operator, "own order 0".., "other order 0".., "shift 0"..
        shifts: mel bins, shape (SHIFTS_PER_CLIP, n).
        changed: per operator, which clips it changes at all, shape (n,).
    """

    windows: Mapping[str, Tensor]
    shifts: npt.NDArray[np.int64]
    changed: Mapping[str, npt.NDArray[np.bool_]]


def read_clips(data_dir: Path, sources: Sequence[str], n_clips: int, seed: int) -> list[Tensor]:
    """Up to ``n_clips`` recordings (S,) in random order, trimmed of silence, of at least 1.5 s, at 16 kHz.

    Args:
        data_dir: what ``sources`` are relative to.
        sources: see `find_recordings`.
        n_clips: at most.
        seed: of the order.

    Raises:
        AudioError: there are fewer than 10.
    """
    files = find_recordings(data_dir, sources)
    clips: list[Tensor] = []
    for i in np.random.default_rng(seed).permutation(len(files)):
        clip = read_trimmed(files[i], RATE_HZ)
        if len(clip) >= _MIN_DURATION_S * RATE_HZ:
            clips.append(clip)
        if len(clips) == n_clips:
            break
    if len(clips) < MIN_CLIPS:
        raise AudioError(
            f"Only {len(clips)} recordings of {', '.join(sources)} hold {_MIN_DURATION_S} s of sound; expected "
            f"{MIN_CLIPS} or more."
        )
    return clips


def make_views(clips: Sequence[Tensor], seed: int) -> Views:
    """Two crops of every clip, the first one's patterns moved by every operator, and the probes' material."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.stack([_two_crops(clip, generator) for clip in clips])  # (n, 2, 96, 98)
    guarded = pairs[:, 0]
    n, _, n_frames = guarded.shape
    inside = slice(GUARD, GUARD + N_MELS)
    windows = {"clip": guarded[:, inside], "crop": pairs[:, 1, inside]}
    changed = {}
    for i, name in enumerate(OPERATORS):
        windows[name] = apply_operators(guarded, torch.full((n,), i), GUARD, generator)
        changed[name] = changed_enough(windows["clip"], windows[name]).numpy()
    order = torch.full((n,), OPERATORS.index("time_order"))
    for i in range(ORDERS_PER_CLIP):
        control = seam_control_maps(n, n_frames, GUARD, 1.0, generator)
        windows[f"own order {i}"] = apply_maps(guarded, control)
        windows[f"other order {i}"] = apply_maps(guarded, operator_maps(order, n_frames, GUARD, generator))
    shifts = torch.randint(-GUARD, GUARD + 1, (SHIFTS_PER_CLIP, n), generator=generator)
    for i, d in enumerate(shifts):
        windows[f"shift {i}"] = apply_maps(guarded, _shift_maps(d, n_frames))
    return Views(windows, shifts.numpy(), changed)


def make_audible(views: Views, seed: int = 0, n_iterations: int = 16) -> dict[str, Tensor]:
    """Waveforms (n, 15520) at 16 kHz of all views, inverted by Griffin-Lim from the same random phases."""
    banks = mel_banks(N_GUARDED, LOW_HZ, HIGH_HZ)[:, GUARD : GUARD + N_MELS]
    inverse = torch.linalg.pinv(banks)  # (64, 513)
    window = torch.hann_window(FRAME)
    sounds = {}
    for name, windows in views.windows.items():
        parts = []
        for part in torch.split(windows, 64):
            magnitudes = (part.exp().transpose(1, 2) @ inverse).clamp_min(0.0).transpose(1, 2)  # (n, 513, 98)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                n_samples = (part.shape[2] - 1) * HOP
                wave = griffinlim(magnitudes, window, N_FFT, HOP, FRAME, 1.0, n_iterations, 0.9, n_samples, True)
            rms = wave.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-9)
            parts.append((_RMS * wave / rms).clamp(-1.0, 1.0))
        sounds[name] = torch.cat(parts)
    return sounds


def _two_crops(clip: Tensor, generator: torch.Generator) -> Tensor:
    """Two crops of 1 s, of those at least a tenth as strong as the strongest, as guarded log-mels (2, 96, 98)."""
    raw = raw_frames(clip[None])
    energy = raw[0, -1].unfold(0, WINDOW_HOPS, 1).sum(dim=1)  # of the crop that begins at each frame
    starts = (energy >= 0.1 * energy.max()).nonzero()[:, 0]
    first = int(starts[torch.randint(len(starts), (), generator=generator)])
    apart = (starts - first).abs()
    second = starts[apart >= min(WINDOW_HOPS // 4, int(apart.max()))]
    other = int(second[torch.randint(len(second), (), generator=generator)])
    return log_windows(raw, torch.tensor([[first, other]]))[0]


def _shift_maps(d: Tensor, n_frames: int) -> IndexMaps:
    rows = torch.arange(N_MELS)[None, :, None] + GUARD + d[:, None, None]
    frames = torch.arange(n_frames).expand(len(d), N_MELS, -1)
    return IndexMaps(rows.expand_as(frames), frames, torch.zeros(len(d), dtype=torch.bool))
