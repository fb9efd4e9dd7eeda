"""COLA's front end: against a second way of computing it, and every window as if it had been cut out first."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch

from hear_adversarial.front_end import (
    LOG_FLOOR,
    N_GUARDED,
    WINDOW_FRAMES,
    log_windows,
    mel_banks,
    raw_frames,
    spectrogram,
)
from hear_audiomosaic.errors import AudioError


def noise(seconds: float, n_clips: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(0))


def test_equals_librosa() -> None:
    clip = noise(1.0)[0].numpy()
    clip = clip / np.linalg.norm(clip)
    # librosa centres a window of 400 in an FFT of 1024; magnitudes do not see where in the FFT it lies
    framed = np.pad(clip, (312, 312))
    spectrum = np.abs(librosa.stft(framed, n_fft=1024, hop_length=160, win_length=400, center=False))
    banks = librosa.filters.mel(sr=16000, n_fft=1024, n_mels=96, fmin=30.0, fmax=8000.0, htk=True, norm=None)
    expected = np.log(np.clip(banks @ spectrum, 1e-5, 1e8))
    found = spectrogram(torch.from_numpy(clip)[None].float())[0].numpy()
    assert found.shape == (96, WINDOW_FRAMES)
    assert expected.shape[1] == WINDOW_FRAMES
    # librosa's banks are straight on the axis in Hz, COLA's on the mel axis
    assert np.abs(np.exp(found) - np.exp(expected)).max() < 0.05 * np.exp(expected).max()
    assert np.abs(found - expected).mean() < 0.05


def test_banks_are_straight_on_the_mel_axis() -> None:
    banks = mel_banks(64, 60.0, 7800.0)
    mel = 1127.0 * torch.log1p(torch.linspace(0.0, 8000.0, 513) / 700.0)
    low, high = (1127.0 * math.log1p(f / 700.0) for f in (60.0, 7800.0))
    step = (high - low) / 65
    assert banks.shape == (513, 64)
    inside = (mel > low + step) & (mel < high - step)
    assert torch.allclose(banks[inside].sum(dim=1), torch.ones(int(inside.sum())), atol=1e-4)  # they add up to 1
    assert not banks[mel < low].any()
    assert not banks[mel > high].any()


def test_windows_equal_the_cut_out_and_normalised_waveform() -> None:
    audio = noise(3.0, 2) * torch.linspace(0.01, 1.0, 48000)
    starts = torch.tensor([[0, 37, 200], [5, 100, 150]])
    found = log_windows(raw_frames(audio), starts)
    for b in range(2):
        for i, start in enumerate(starts[b].tolist()):
            piece = audio[b, 160 * start : 160 * start + 16000]
            expected = spectrogram((piece / piece.norm())[None])[0]
            assert (found[b, i] - expected).abs().max() < 1e-3


def test_the_level_of_a_clip_does_not_matter() -> None:
    audio = noise(1.0)
    assert torch.allclose(spectrogram(audio), spectrogram(0.01 * audio), atol=1e-3)


def test_silence_and_what_lies_behind_a_clip() -> None:
    assert torch.allclose(spectrogram(torch.zeros(1, 16000)), torch.tensor(LOG_FLOOR))
    short = spectrogram(noise(0.2))
    assert short.shape == (1, N_GUARDED, WINDOW_FRAMES)
    assert torch.allclose(short[:, :, 25:], torch.tensor(LOG_FLOOR))


def test_blocks_do_not_show() -> None:
    audio = noise(1.5, 50)
    together = raw_frames(audio)  # in blocks of 100 frames
    assert together.shape == (50, 97, 150)
    assert torch.allclose(together[:1], raw_frames(audio[:1]), atol=1e-5)


def test_too_short() -> None:
    with pytest.raises(AudioError, match="at least 160 samples"):
        raw_frames(torch.zeros(1, 100))
