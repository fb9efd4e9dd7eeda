"""Sample-rate conversion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from hear_audiomosaic.errors import AudioError

__all__ = ["resample"]


def resample(samples: npt.NDArray[np.float32], from_hz: int, to_hz: int) -> npt.NDArray[np.float32]:
    """Convert a mono signal from one sample rate to another with soxr's high-quality filter.

    Args:
        samples: shape (S,), range [-1, 1].
        from_hz: rate of ``samples`` in Hz.
        to_hz: wanted rate in Hz.

    Returns:
        float32, shape (round(S * to_hz / from_hz),); ``samples`` itself when the rates are equal.

    Raises:
        AudioError: a rate is not positive.
    """
    if from_hz <= 0 or to_hz <= 0:
        raise AudioError(f"Sample rates must be positive numbers of Hz; got {from_hz} and {to_hz}.")
    if from_hz == to_hz:
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), dtype=np.float32)
