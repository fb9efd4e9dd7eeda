"""16-bit samples as ffmpeg makes them of other formats, and resampling without dither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.audio.pcm16 import fit, read_pcm16, resample_pcm16, resampled_length, write_pcm16
from hear_audiomosaic.errors import AudioError

_EVERY = np.arange(-32768, 32768).astype(np.int16)


def test_sixteen_bits_stay_what_they_are(tmp_path: Path) -> None:
    write_pcm16(tmp_path / "x.wav", _EVERY, 44100)
    samples, rate_hz = read_pcm16(tmp_path / "x.wav")
    assert rate_hz == 44100
    assert np.array_equal(samples, _EVERY)
    soundfile.write(tmp_path / "y.wav", _EVERY / 32768, 44100, subtype="FLOAT")
    assert np.array_equal(read_pcm16(tmp_path / "y.wav")[0], _EVERY)
    soundfile.write(tmp_path / "z.flac", _EVERY, 44100, subtype="PCM_16")
    assert np.array_equal(read_pcm16(tmp_path / "z.flac")[0], _EVERY)


def test_two_channels_are_averaged_halves_up(tmp_path: Path) -> None:
    left, right = np.array([0, 1, -1, 3, 32767, -32768]), np.array([1, 2, 0, 4, 32766, -32767])
    soundfile.write(tmp_path / "x.wav", np.stack([left, right], 1).astype(np.int16), 8000)
    assert read_pcm16(tmp_path / "x.wav")[0].tolist() == [(a + b + 1) // 2 for a, b in zip(left, right, strict=True)]


def test_floats_are_rounded_and_clipped_and_longer_integers_cut(tmp_path: Path) -> None:
    floats = np.array([0.5, 1.5, 2.5, -0.5, 0.6, 40000, -40000]) / 32768
    soundfile.write(tmp_path / "f.wav", floats, 8000, subtype="DOUBLE")
    assert read_pcm16(tmp_path / "f.wav")[0].tolist() == [0, 2, 2, 0, 1, 32767, -32768]
    longer = np.array([255, 256, -1, -256, -257]) * 256  # 24 bits in the upper part of 32
    soundfile.write(tmp_path / "i.wav", longer.astype(np.int32), 8000, subtype="PCM_24")
    assert read_pcm16(tmp_path / "i.wav")[0].tolist() == [0, 1, -1, -1, -2]


def test_parts(tmp_path: Path) -> None:
    write_pcm16(tmp_path / "x.wav", _EVERY[:1000], 1000)
    assert np.array_equal(read_pcm16(tmp_path / "x.wav", 10, 5)[0], _EVERY[10:15])
    assert np.array_equal(read_pcm16(tmp_path / "x.wav", 990)[0], _EVERY[990:1000])
    assert np.array_equal(read_pcm16(tmp_path / "x.wav", most_s=0.25)[0], _EVERY[:250])
    assert np.array_equal(read_pcm16(tmp_path / "x.wav", most_s=9.0)[0], _EVERY[:1000])
    with pytest.raises(AudioError, match="no sample after sample 1000"):
        read_pcm16(tmp_path / "x.wav", 1000, 5)
    with pytest.raises(AudioError, match="no recording"):
        read_pcm16(tmp_path / "none.wav")
    (tmp_path / "bad.wav").write_bytes(b"RIFF....")
    with pytest.raises(AudioError, match="cannot be decoded"):
        read_pcm16(tmp_path / "bad.wav")


def test_fit() -> None:
    assert fit(np.array([1, 2, 3], np.int16), 2).tolist() == [1, 2]
    padded = fit(np.array([1, 2, 3], np.int16), 5)
    assert padded.tolist() == [1, 2, 3, 0, 0]
    assert padded.dtype == np.int16


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 16000), (8000, 22050), (16000, 48000), (22050, 44100)])
def test_resampled_length_and_level(from_hz: int, to_hz: int) -> None:
    for n in (1, 7, 4480, 35721):
        samples = (8000 * np.sin(np.arange(n) * 2 * np.pi * 440 / from_hz)).astype(np.int16)
        resampled = resample_pcm16(samples, from_hz, to_hz)
        assert len(resampled) == resampled_length(n, from_hz, to_hz) == int(np.floor(n * to_hz / from_hz + 0.5))
        assert resampled.dtype == np.int16
    t = np.arange(1000, len(resampled) - 1000)
    assert np.abs(resampled[t] - 8000 * np.sin(t * 2 * np.pi * 440 / to_hz)).max() < 3


def test_equal_rates_change_nothing_and_loud_sound_is_clipped() -> None:
    assert resample_pcm16(_EVERY, 16000, 16000) is _EVERY
    square = np.where(np.arange(2000) // 50 % 2, 32767, -32768).astype(np.int16)
    resampled = resample_pcm16(square, 16000, 48000).astype(int)
    assert resampled.max() == 32767
    assert resampled.min() == -32768
    middle = resampled[200:5800].reshape(-1, 50)[:, 10:40]  # away from the edges of every half wave
    assert np.abs(middle).min() > 20000
