"""The short way to a plain WAV file: the same samples as libsndfile's, or no answer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.audio import read_audio, write_wav
from hear_audiomosaic.audio.files import decode
from hear_audiomosaic.audio.wav import plain_wav, plain_wav_length
from hear_audiomosaic.errors import AudioError


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    write_wav(tmp_path / "plain.wav", np.random.default_rng(0).uniform(-1, 1, 8001).astype(np.float32), 16000)
    return tmp_path / "plain.wav"


def test_the_same_bits_as_libsndfile(plain: Path) -> None:
    edges = np.array([-1.0, -(2.0**-15), 0.0, 2.0**-15, 1.0], dtype=np.float32)
    write_wav(plain.with_name("edges.wav"), edges, 44100)
    for path in (plain, plain.with_name("edges.wav")):
        found = plain_wav(path)
        assert found is not None
        samples, rate_hz = soundfile.read(path, dtype="float32")
        np.testing.assert_array_equal(found[0], samples)
        assert (found[0].dtype, found[1]) == (np.float32, rate_hz)
        assert plain_wav_length(path) == (len(samples), rate_hz)
        np.testing.assert_array_equal(read_audio(path)[0], decode(path).samples)


@pytest.mark.parametrize(
    ("subtype", "channels", "form"),
    [("PCM_24", 1, "WAV"), ("FLOAT", 1, "WAV"), ("PCM_U8", 1, "WAV"), ("PCM_16", 2, "WAV"), ("PCM_16", 1, "WAVEX")],
)
def test_other_forms_go_the_long_way(tmp_path: Path, subtype: str, channels: int, form: str) -> None:
    path = tmp_path / "other.wav"
    soundfile.write(path, np.full((100, channels), 0.25), 16000, subtype=subtype, format=form)
    assert plain_wav(path) is None
    assert plain_wav_length(path) is None
    np.testing.assert_allclose(read_audio(path)[0], 0.25, atol=1e-2)


def test_damage_goes_the_long_way_and_is_named(plain: Path) -> None:
    whole = plain.read_bytes()
    for damaged in (whole[:-2], whole[:-8001], whole[:44], whole[:20], b"", whole + b"\0\0", b"RIFX" + whole[4:]):
        plain.write_bytes(damaged)
        assert plain_wav(plain) is None
        assert plain_wav_length(plain) is None
    plain.write_bytes(whole[:-8001])
    with pytest.raises(AudioError, match="cut short"):
        read_audio(plain)


def test_every_bit_of_the_header_counts(plain: Path) -> None:
    """But those of the rate, which any number may be, and of the bytes a second, which nobody reads."""
    whole = plain.read_bytes()
    for bit in range(8 * 44):
        if 24 <= bit // 8 < 32:
            continue
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        plain.write_bytes(damaged)
        assert plain_wav(plain) is None, bit
        assert plain_wav_length(plain) is None, bit


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert plain_wav(tmp_path / "pipe.wav") is None
    assert plain_wav_length(tmp_path / "pipe.wav") is None
    assert plain_wav(tmp_path / "none.wav") is None
