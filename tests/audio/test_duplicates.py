"""Copies are found whatever was done to them, other sounds are not; and the fast correlation is the plain one."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from hear_audiomosaic.audio.duplicates import RATE_HZ, correlation_peak, find_duplicates

Floats = npt.NDArray[np.float32]


@cache
def _syllables(seed: int, duration_s: float = 3.0) -> Floats:
    """Bursts of harmonics and of noise, each with a pitch, colour and length of its own."""
    rng = np.random.default_rng(seed)
    clip = 1e-3 * rng.normal(size=round(duration_s * RATE_HZ))
    at = 0
    while at < len(clip):
        size = int(rng.integers(1500, 5000))
        t = np.arange(size) / RATE_HZ
        pitch = rng.uniform(90, 300) * (1 + rng.uniform(-0.3, 0.3) * t)
        burst = sum(rng.uniform(0, 1 / k) * np.sin(2 * np.pi * k * np.cumsum(pitch) / RATE_HZ) for k in range(1, 12))
        burst = burst if rng.random() < 0.7 else np.convolve(rng.normal(size=size), np.ones(4) / 4, "same")
        part = clip[at : at + size]
        part += (0.2 * rng.uniform(0.3, 1) * np.hanning(size) * burst)[: len(part)]
        at += size + int(rng.integers(0, 2000))
    return clip.astype(np.float32)


def _recoded(clip: Floats) -> Floats:
    file = io.BytesIO()
    soundfile.write(file, clip, RATE_HZ, format="OGG", subtype="VORBIS", compression_level=0.8)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def _noisy(clip: Floats, snr_db: float) -> Floats:
    noise = np.random.default_rng(99).normal(size=len(clip)).astype(np.float32)
    return clip + noise * np.float32(np.sqrt(np.mean(clip**2)) * 10 ** (-snr_db / 20))


ALTERED = {
    "the same": lambda clip: clip,
    "quieter": lambda clip: 0.1 * clip,
    "upside down": lambda clip: -clip,
    "on a constant": lambda clip: clip + np.float32(0.05),
    "100 ms later": lambda clip: np.concatenate([np.zeros(1600, np.float32), clip]),
    "by an odd offset": lambda clip: np.concatenate([np.zeros(1017, np.float32), clip])[: len(clip)],
    "recoded": _recoded,
    "with noise 30 dB below": lambda clip: _noisy(clip, 30),
    "with noise 20 dB below": lambda clip: _noisy(clip, 20),
    "an excerpt": lambda clip: clip[9111:30000],
    "a short excerpt": lambda clip: clip[20123:26000],
    "in something longer": lambda clip: np.concatenate([_syllables(1000), clip, _syllables(1001)]),
}


@pytest.mark.parametrize("how", ALTERED)
def test_a_copy_is_found_and_nothing_else(how: str) -> None:
    clips = [_syllables(seed) for seed in range(12)]
    for wanted in (2, 7):
        found = find_duplicates(clips, [ALTERED[how](clips[wanted])], 0.9)
        assert [(one.first, one.second) for one in found] == [(wanted, 0)], found
        assert find_duplicates([ALTERED[how](clips[wanted])], clips, 0.9)[0].second == wanted


@pytest.mark.parametrize("offset", [0, 80, 160, 240, 500])
@pytest.mark.parametrize("duration_s", [0.5, 1.0, 3.0])
def test_a_copy_of_a_noise_is_found_at_any_offset(offset: int, duration_s: float) -> None:
    rng = np.random.default_rng(5)
    noises = [0.05 * rng.normal(size=round(duration_s * RATE_HZ)).astype(np.float32) for _ in range(8)]
    found = find_duplicates(noises, [0.5 * noises[3][offset:]], 0.9)
    assert [(one.first, one.second) for one in found] == [(3, 0)]


def test_the_place_is_told() -> None:
    clips = [_syllables(3), _syllables(4)]
    (found,) = find_duplicates(clips, [clips[1][16000:40000]], 0.9)
    assert found.first == 1
    assert found.first_s - found.second_s == pytest.approx(1.0, abs=1 / RATE_HZ)
    assert found.correlation == pytest.approx(1.0, abs=1e-4)


def test_steady_tones_of_one_pitch_are_not_one_recording() -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 440 * t)
    plucked, blown = tone * np.exp(-2 * t), tone * np.minimum(1, 4 * t) + 0.1 * np.sin(2 * np.pi * 880 * t)
    assert not find_duplicates([plucked.astype(np.float32)], [blown.astype(np.float32)], 0.9)


def test_silence_and_nothing_are_no_content() -> None:
    silence, empty = np.zeros(32000, np.float32), np.zeros(0, np.float32)
    assert find_duplicates([silence, empty, _syllables(0)], [silence, empty], 0.5) == []
    assert find_duplicates([], [_syllables(0)], 0.5) == []
    assert find_duplicates([_syllables(0)], [], 0.5) == []


def test_the_correlation_against_a_plain_one() -> None:
    rng = np.random.default_rng(0)
    within = (rng.normal(size=900) + 0.5).astype(np.float32)
    passage = (-0.3 * within[123:523] + 0.1 * rng.normal(size=400)).astype(np.float32)
    plain = [abs(np.corrcoef(passage, within[m : m + 400])[0, 1]) for m in range(501)]
    value, at = correlation_peak(passage, within)
    assert at == int(np.argmax(plain)) == 123
    assert value == pytest.approx(max(plain), abs=1e-5)
