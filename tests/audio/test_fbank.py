"""Filter banks: equal to torchaudio's and librosa's, on any batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio
from torch import Tensor

from hear_audiomosaic.audio import kaldi_fbank, read_audio, slaney_log_mel
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.errors import AudioError

TOLERANCE = 1e-4  # natural-log units, absolute


def torchaudio_fbank(clip: Tensor, n_mels: int = 128) -> Tensor:
    """AudioMosaic's arguments; one clip at a time."""
    return torchaudio.compliance.kaldi.fbank(
        clip[None],
        htk_compat=True,
        sample_frequency=16000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=n_mels,
        dither=0.0,
        frame_shift=10,
    )


def signals() -> dict[str, Tensor]:
    torch.manual_seed(0)
    time = torch.arange(16000) / 16000
    return {
        "noise": 0.1 * torch.randn(3, 16000),
        "full scale noise": torch.rand(2, 32000) * 2 - 1,
        "chirp": torch.sin(2 * torch.pi * (100 * time + 1500 * time**2))[None],
        "silence": torch.zeros(2, 8000),
        "constant": torch.full((1, 4000), 0.7),
        "one frame": 0.3 * torch.randn(2, 400),
        "one sample short of two frames": 0.3 * torch.randn(1, 559),
    }


@pytest.mark.parametrize("name", signals())
def test_kaldi_equals_torchaudio(name: str) -> None:
    batch = signals()[name]
    expected = torch.stack([torchaudio_fbank(clip) for clip in batch])
    assert (kaldi_fbank(batch) - expected).abs().max() <= TOLERANCE
    assert expected.shape[1] == n_frames(batch.shape[1])


def test_kaldi_equals_torchaudio_on_speech(shared: Path) -> None:
    path = sorted((shared / "data" / "emodb" / "audio").glob("*.ogg"))[0]
    speech = torch.from_numpy(read_audio(path)[0])
    assert (kaldi_fbank(speech[None])[0] - torchaudio_fbank(speech)).abs().max() <= TOLERANCE
    assert (kaldi_fbank(speech[None], n_mels=64)[0] - torchaudio_fbank(speech, 64)).abs().max() <= TOLERANCE


def test_silence_is_the_floor_and_one_of_128_filters_is_empty() -> None:
    assert torch.allclose(kaldi_fbank(torch.zeros(1, 16000)), torch.tensor(-15.942385))
    always_at_floor = (kaldi_fbank(torch.rand(1, 16000) * 2 - 1) < -15.94).all(dim=1)
    assert always_at_floor.sum() == 1


@pytest.mark.parametrize("front_end", [kaldi_fbank, slaney_log_mel])
def test_leading_dimensions_are_batches(front_end: type) -> None:
    torch.manual_seed(1)
    clips = torch.randn(2, 3, 4000)
    together = front_end(clips)
    assert together.shape[:2] == (2, 3)
    for i in range(2):
        for j in range(3):
            assert torch.allclose(front_end(clips[i, j]), together[i, j], atol=1e-5)


def test_slaney_equals_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    clip = np.random.default_rng(0).standard_normal(32000).astype(np.float32) * 0.1
    mel = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=400, hop_length=160, n_mels=80, fmin=50, fmax=8000, pad_mode="reflect"
    )
    expected = np.log(mel.T + np.finfo(np.float32).eps)
    ours = slaney_log_mel(torch.from_numpy(clip)).numpy()
    assert ours.shape == (201, 80)
    assert np.abs(ours - expected).max() <= 2e-4  # librosa transforms in another precision


def test_slaney_of_silence() -> None:
    assert torch.allclose(slaney_log_mel(torch.zeros(1, 16000)), torch.tensor(-15.942385))


def test_too_short_is_an_error() -> None:
    with pytest.raises(AudioError, match="shorter than one frame"):
        kaldi_fbank(torch.zeros(1, 399))
    with pytest.raises(AudioError, match="too short"):
        slaney_log_mel(torch.zeros(1, 200))
