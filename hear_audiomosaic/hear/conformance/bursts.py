"""Bursts in quiet noise, and where an encoder's timestamps say that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from hear_audiomosaic.hear.conformance.sounds import noise
from hear_audiomosaic.hear.encoder import Encoder

__all__ = ["SeenBursts", "seen_bursts"]

Array = npt.NDArray[np.float64]
_BURST_MS = 20.0


@dataclass(frozen=True)
class SeenBursts:
    """Where bursts show.

    Attributes:
        at_ms: (n,) centre, in time of the timestamps, of the change that each makes; NaN where it changes nothing.
        times_ms: (T,) the timestamps.
    """

    at_ms: Array
    times_ms: Array

    @property
    def hop_ms(self) -> float | None:
        """Mean distance of timestamps; None for a single one."""
        return float(np.diff(self.times_ms).mean()) if len(self.times_ms) > 1 else None


def seen_bursts(
    encoder: Encoder, clip_ms: float, bursts_ms: Sequence[Sequence[float]], power: float = 2.0
) -> SeenBursts:
    """Embed quiet noise, and the same with bursts of 20 ms, and find where the embeddings change.

    Args:
        encoder: whose times may be of any unit.
        clip_ms: length of the clips.
        bursts_ms: for each clip, when its bursts are; the i-th of n in a clip is looked for in the i-th of n equal
            parts of the timestamps.
        power: by which the change of a frame counts; high ones find the peak. (Default: 2.0)

    Returns:
        Of all bursts, clip after clip.
    """
    quiet = 0.01 * noise(encoder, clip_ms / 1000.0, 1)
    (before, times) = encoder.timestamps(quiet)
    found = []
    for of_clip in bursts_ms:
        after, _ = encoder.timestamps(_with_bursts(encoder, quiet, of_clip))
        if after.shape != before.shape:
            return SeenBursts(np.full(sum(map(len, bursts_ms)), np.nan), times[0])
        change = np.linalg.norm(after[0].astype(np.float64) - before[0], axis=1)  # (T,)
        parts = np.array_split(np.arange(len(change)), len(of_clip))
        found += [_centre(times[0][part], change[part], power) for part in parts]
    return SeenBursts(np.array(found), times[0])


def _with_bursts(encoder: Encoder, quiet: Tensor, at_ms: Sequence[float]) -> Tensor:
    loud = quiet.clone()
    burst = 5.0 * noise(encoder, _BURST_MS / 1000.0, 1, seed=2)
    for one in at_ms:
        start = int((one - _BURST_MS / 2) * encoder.sample_rate / 1000)
        loud[:, start : start + burst.shape[1]] += burst
    return loud


def _centre(times: Array, change: Array, power: float) -> float:
    largest = change.max(initial=0.0)
    if not largest > 0.0:  # nor where it is not a number
        return float("nan")
    weight = (change / largest) ** power
    return float((times * weight).sum() / weight.sum())
