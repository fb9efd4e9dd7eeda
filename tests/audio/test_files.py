"""Reading, writing and resampling: what goes in comes out, what is broken is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.audio import read_audio, resample, write_wav
from hear_audiomosaic.errors import AudioError


def tone(rate_hz: int, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize(("suffix", "tolerance"), [("wav", 1e-4), ("flac", 1e-4), ("ogg", 0.05), ("mp3", 0.05)])
def test_formats(tmp_path: Path, suffix: str, tolerance: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(16000), 16000)
    samples, rate_hz = read_audio(path)
    assert rate_hz == 16000
    assert samples.dtype == np.float32
    middle = slice(2000, 6000)
    assert abs(np.abs(samples[middle]).max() - 0.5) < tolerance


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(8000), -0.5 * tone(8000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 8000, subtype="FLOAT")
    assert np.allclose(read_audio(tmp_path / "a.wav")[0], (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (44100, 16000), (16000, 48000)])
def test_resampling_keeps_a_tone(from_hz: int, to_hz: int) -> None:
    ours, expected = resample(tone(from_hz), from_hz, to_hz), tone(to_hz)
    assert abs(len(ours) - len(expected)) <= 1
    middle = slice(len(expected) // 4, 3 * len(expected) // 4)
    assert np.abs(ours[middle] - expected[middle]).max() < 1e-3


def test_reading_at_another_rate(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(8000), 8000)
    samples, rate_hz = read_audio(tmp_path / "a.wav", 16000)
    assert (rate_hz, len(samples)) == (16000, 8000)


def test_wav_is_16_bit_and_clipped(tmp_path: Path) -> None:
    write_wav(tmp_path / "new" / "a.wav", np.array([0.0, 0.5, 2.0, -2.0], dtype=np.float32), 16000)
    assert soundfile.info(tmp_path / "new" / "a.wav").subtype == "PCM_16"
    assert np.allclose(read_audio(tmp_path / "new" / "a.wav")[0], [0.0, 0.5, 1.0, -1.0], atol=1e-4)


def broken_files(folder: Path) -> dict[str, Path]:
    (folder / "empty.wav").write_bytes(b"")
    (folder / "corrupt.wav").write_bytes(b"RIFF this is no audio")
    soundfile.write(folder / "none.wav", np.zeros(0), 16000)
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    return {
        "no recording": folder / "absent.wav",
        "0 bytes": folder / "empty.wav",
        "corrupt": folder / "corrupt.wav",
        "no sample": folder / "none.wav",
        "NaN": folder / "nan.wav",
    }


@pytest.mark.parametrize("complaint", ["no recording", "0 bytes", "corrupt", "no sample", "NaN"])
def test_broken_files_are_named(tmp_path: Path, complaint: str) -> None:
    path = broken_files(tmp_path)[complaint]
    with pytest.raises(AudioError, match=complaint) as caught:
        read_audio(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 2)), np.array([np.nan])])
def test_what_cannot_be_written(tmp_path: Path, samples: np.ndarray) -> None:
    with pytest.raises(AudioError, match=r"a\.wav"):
        write_wav(tmp_path / "a.wav", samples, 16000)
    assert not (tmp_path / "a.wav").exists()


def test_rates_must_be_positive() -> None:
    with pytest.raises(AudioError, match="positive"):
        resample(tone(8000), 0, 16000)
