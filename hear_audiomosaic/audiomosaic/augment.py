"""AudioMosaic's waveform augmentation (arXiv 2605.14231, table 8 and its released code), by ``audiomentations``."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import PretrainingError

__all__ = ["SETS", "TRANSFORMS", "WaveformAugmentation"]

TRANSFORMS = ("speed", "polarity", "stretch", "snr", "gain", "highpass", "bandstop", "pitch")
"""In the order in which they are applied."""
SETS = {
    "full": ("polarity", "stretch", "snr", "gain", "highpass", "bandstop", "pitch"),
    "fast": ("polarity", "speed", "snr", "gain", "highpass", "bandstop"),
    "none": (),
}
"""The paper's set; one at a fifth of its cost, where a change of speed stands in for stretch and pitch; roll only."""

_SPEED_P, _SPEED_SEMITONES = 0.8, 4.0


@dataclass(frozen=True)
class WaveformAugmentation:
    """One view of a waveform: circular roll and gain, then the chosen transforms.

    "speed" is not of the paper (Deviation): tempo and pitch change together, by up to 4 semitones, p = 0.8; a clip that
    becomes shorter goes round. It costs 0.5 ms for 2 s of audio, stretch and pitch 13 ms.

    Roll by a uniform number of samples, gain Beta(10, 10) + 0.5. Probabilities and ranges of the transforms are the
    paper's. Deviation: the time stretch goes up to 1.25 as in the paper (the released code says 1.3).

    Args:
        transforms: names out of :data:`TRANSFORMS`.
        roll: whether roll and gain are applied.
    """

    transforms: tuple[str, ...] = TRANSFORMS
    roll: bool = True

    @classmethod
    def named(cls, text: str) -> WaveformAugmentation | None:
        """From a set's name or names of transforms joined by plus signs; None for "off" (not even roll and gain)."""
        if text == "off":
            return None
        names = SETS.get(text)
        if names is None:
            names = tuple(text.split("+"))
            if unknown := sorted(set(names) - set(TRANSFORMS)):
                raise PretrainingError(
                    f"There is no augmentation '{', '.join(unknown)}'; expected off, {', '.join(SETS)}, or some of "
                    f"{', '.join(TRANSFORMS)} joined by plus signs."
                )
        return cls(tuple(name for name in TRANSFORMS if name in names))

    def __call__(
        self, waveform: npt.NDArray[np.float32], rate_hz: int, rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Waveform (S,) -> a view of the same length; all randomness comes from ``rng``."""
        if self.roll:
            gain = np.float32(rng.beta(10.0, 10.0) + 0.5)
            waveform = gain * np.roll(waveform, int(rng.integers(len(waveform))))
        if self.transforms and waveform.any():  # a signal-to-noise ratio needs a signal
            if "speed" in self.transforms and rng.random() < _SPEED_P:
                waveform = _change_speed(waveform, rate_hz, rng)
            with _seeded(int(rng.integers(2**32))):
                waveform = _compose(tuple(name for name in self.transforms if name != "speed"))(waveform, rate_hz)
        return waveform


def _change_speed(waveform: npt.NDArray[np.float32], rate_hz: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    import soxr

    factor = 2.0 ** (rng.uniform(-_SPEED_SEMITONES, _SPEED_SEMITONES) / 12.0)
    changed = soxr.resample(waveform, rate_hz, rate_hz / factor, quality="LQ")
    return np.resize(changed, waveform.shape).astype(np.float32, copy=False)


@lru_cache(maxsize=8)
def _compose(transforms: tuple[str, ...]) -> Any:
    try:
        import audiomentations as am
    except ImportError as error:
        raise PretrainingError(
            "Waveform augmentation needs audiomentations; install it with: pip install hear_audiomosaic[pretrain]"
        ) from error
    stretch = {"min_rate": 0.7, "max_rate": 1.25, "leave_length_unchanged": True}
    high_pass = {"min_cutoff_freq": 20.0, "max_cutoff_freq": 2400.0}
    stop = {"min_center_freq": 200.0, "max_center_freq": 4000.0}
    stop |= {"min_bandwidth_fraction": 0.5, "max_bandwidth_fraction": 1.99}
    slope = {"min_rolloff": 12, "max_rolloff": 24}
    makers = {
        "polarity": lambda: am.PolarityInversion(p=0.5),
        "stretch": lambda: am.TimeStretch(**stretch, p=0.7),
        "snr": lambda: am.AddGaussianSNR(min_snr_db=5.0, max_snr_db=40.0, p=0.5),
        "gain": lambda: am.Gain(min_gain_db=-12.0, max_gain_db=12.0, p=0.3),
        "highpass": lambda: am.HighPassFilter(**high_pass, **slope, p=0.3),
        "bandstop": lambda: am.BandStopFilter(**stop, **slope, p=0.5),
        "pitch": lambda: am.PitchShift(min_semitones=-4.0, max_semitones=4.0, p=0.6),
    }
    return am.Compose([makers[name]() for name in transforms])


class _seeded:  # noqa: N801 - reads as a verb
    """Give the global generators, which audiomentations draws from, a seed for a while."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        self.before = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(self.seed)
        np.random.seed(self.seed)  # noqa: NPY002

    def __exit__(self, *_: object) -> None:
        random.setstate(self.before[0])
        np.random.set_state(self.before[1])  # noqa: NPY002
