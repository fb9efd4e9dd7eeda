"""Building blocks of the synthetic suite: many clips at once, arrays (n, S), all times in seconds.

Two generators run side by side: ``draw`` for whatever a label or a parameter depends on, ``noise`` for noise samples,
so that the same seed asks for the same sounds at every sample rate.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Floats",
    "SynthesisContext",
    "SyntheticClips",
    "add_noise",
    "additive",
    "balanced",
    "bursts",
    "coloured_noise",
    "decaying",
    "gate",
    "level",
    "swept",
]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SyntheticClips:
    """What a generator makes.

    Attributes:
        waveforms: (n, S) float32, range [-1, 1].
        labels: per clip a list of strings, or of events ``{label, start, end}`` in ms.
        splits: per clip the split.
        groups: per clip what must stay together; empty if nothing must.
    """

    waveforms: Floats
    labels: list[list[Any]]
    splits: list[str]
    groups: list[str]


@dataclass(frozen=True)
class SynthesisContext:
    """What a generator draws from: sample rate in Hz and the two random generators."""

    rate_hz: int
    draw: np.random.Generator
    noise: np.random.Generator

    @classmethod
    def of(cls, name: str, seed: int, rate_hz: int) -> SynthesisContext:
        """The context of one task; every task has random numbers of its own."""
        draw, noise = np.random.SeedSequence([seed, zlib.crc32(name.encode("utf-8"))]).spawn(2)
        return cls(rate_hz, np.random.default_rng(draw), np.random.default_rng(noise))

    def time_s(self, seconds: float) -> Floats:
        """Sample times, (S,), from 0."""
        return (np.arange(round(seconds * self.rate_hz)) / self.rate_hz).astype(np.float32)

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        """Uniform draws in [low, high)."""
        return self.draw.uniform(low, high, shape).astype(np.float32)


def balanced(n_each: int, classes: int) -> npt.NDArray[np.int64]:
    """Class of every clip, (n_each * classes,): 0, 1, ..., 0, 1, ..."""
    return np.tile(np.arange(classes), n_each)


def additive(phase: Floats, f0_hz: Floats, ratios: Floats, gains: Floats, starts: Floats, rate_hz: int) -> Floats:
    """Sum of partials; those above the Nyquist frequency are left out.

    Args:
        phase: (n, S), running phase of the fundamental in radians.
        f0_hz: (n, 1), its highest frequency, to know what would alias.
        ratios: (n, H), frequencies of the partials over the fundamental.
        gains: (n, H), or (n, H, 1) or (n, H, S) if they change in time.
        starts: (n, H), phases at time 0, radians.
        rate_hz: sample rate.

    Returns:
        (n, S) float32.
    """
    sound = np.zeros_like(phase)
    for h in range(ratios.shape[1]):
        ratio = ratios[:, h, None]
        audible = (f0_hz * ratio < 0.48 * rate_hz).astype(np.float32)  # (n, 1)
        gain = gains[:, h] if gains.ndim == 3 else gains[:, h, None]
        sound += audible * gain * np.sin(phase * ratio + starts[:, h, None])
    return sound


def swept(frequency_hz: Floats, rate_hz: int) -> Floats:
    """A sine whose frequency runs through (n, S) values in Hz."""
    turns = np.cumsum(frequency_hz, axis=1, dtype=np.float64) / rate_hz
    return np.asarray(np.sin(np.float32(2.0 * np.pi) * np.mod(turns, 1.0).astype(np.float32)), dtype=np.float32)


def coloured_noise(context: SynthesisContext, n: int, samples: int, exponent: Floats) -> Floats:
    """Noise whose power falls as 1/f^exponent, one exponent (n, 1) per clip; (n, S), unit power."""
    spectrum = np.fft.rfft(context.noise.standard_normal((n, samples), dtype=np.float32), axis=1)
    frequency = np.maximum(np.fft.rfftfreq(samples, 1.0 / context.rate_hz), 20.0).astype(np.float32)
    shaped = np.fft.irfft(spectrum * (frequency[None, :] ** (-exponent / 2.0)), n=samples, axis=1)
    return np.asarray(shaped / np.maximum(shaped.std(axis=1, keepdims=True), 1e-9), dtype=np.float32)


def add_noise(sound: Floats, noise: Floats, snr_db: Floats) -> Floats:
    """Add unit-power ``noise`` (n, S) at a signal-to-noise ratio (n, 1) over the whole clip."""
    power = np.maximum(np.sqrt(np.mean(sound**2, axis=1, keepdims=True)), 1e-4)
    return np.asarray(sound + noise * power * 10.0 ** (-snr_db / 20.0), dtype=np.float32)


def level(sound: Floats, peak_db: Floats) -> Floats:
    """Scale every clip to a peak in dB of full scale, (n, 1)."""
    peak = np.maximum(np.abs(sound).max(axis=1, keepdims=True), 1e-6)
    return np.asarray(sound / peak * 10.0 ** (peak_db / 20.0), dtype=np.float32)


def gate(time_s: Floats, start_s: Floats, end_s: Floats, ramp_s: float = 0.01) -> Floats:
    """1 from start to end (n, 1), with straight ramps inside; (n, S)."""
    rise = np.clip((time_s[None, :] - start_s) / ramp_s, 0.0, 1.0)
    fall = np.clip((end_s - time_s[None, :]) / ramp_s, 0.0, 1.0)
    return np.asarray(np.minimum(rise, fall), dtype=np.float32)


def decaying(time_s: Floats, start_s: Floats, attack_s: Floats, rate: Floats) -> Floats:
    """Straight attack from ``start_s``, then exp(-rate * t); all (n, 1); (n, S)."""
    since = time_s[None, :] - start_s
    rise = np.clip(since / np.maximum(attack_s, 1e-4), 0.0, 1.0)
    return np.asarray(rise * np.exp(-rate * np.maximum(since - attack_s, 0.0)), dtype=np.float32)


def bursts(time_s: Floats, frequency_hz: Floats, phase: Floats, rate: Floats) -> Floats:
    """Envelope that starts anew ``frequency_hz`` times a second and falls as exp(-rate * t); (n, S)."""
    since = np.mod(time_s[None, :] * frequency_hz + phase, 1.0) / frequency_hz
    return np.asarray(np.exp(-rate * since), dtype=np.float32)
