"""Cutting long clips into windows, and putting the centre times of tokens on one regular grid.

A transformer over spectrograms sees a window of fixed length and gives one time step every so many milliseconds. The
functions here are what every such method needs besides: consecutive windows in bounded memory, and a finer grid of time
steps by running shifted copies of the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError

__all__ = ["check_audio", "shifted_passes", "windows"]


def check_audio(audio: Tensor, min_samples: int) -> Tensor:
    """Check what a HEAR function was handed and pad a clip shorter than one frame with zeros.

    Args:
        audio: float32, shape (B, S), S >= 1.
        min_samples: fewest samples that the front end takes.

    Returns:
        shape (B, max(S, min_samples)).

    Raises:
        EncoderError: not (B, S), no sample, or values that are not finite.
    """
    if audio.ndim != 2 or audio.shape[1] == 0:
        raise EncoderError(f"Expected audio (clips, samples) with at least one sample; got shape {tuple(audio.shape)}.")
    if not torch.isfinite(audio).all():
        raise EncoderError("The audio holds NaN or infinite samples; expected finite values in [-1, 1].")
    return torch.nn.functional.pad(audio, (0, max(0, min_samples - audio.shape[1])))


def windows(n_frames: int, window_frames: int) -> Iterator[tuple[int, int]]:
    """Yield (first frame, number of frames) of consecutive windows; the last one may be shorter."""
    for start in range(0, n_frames, window_frames):
        yield start, min(window_frames, n_frames - start)


def shifted_passes(
    audio: Tensor,
    rate_hz: int,
    natural_hop_ms: float,
    hop_ms: float,
    centre_ms: float,
    encode: Callable[[Tensor], Tensor],
    duration_ms: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Time steps on a grid finer than the encoder's own, from shifted copies of the clip.

    The clip is encoded ``natural_hop_ms / hop_ms`` times, each time ``hop_ms`` later; the steps are interleaved. The
    first pass starts as many hops before the clip (zeros in front) as leave its first centre inside the clip, so that
    the beginning is covered as densely as the rest. Steps whose centre lies after the clip's end are left out.

    Args:
        audio: shape (B, S), or the frames of a spectrogram (B, F, S).
        rate_hz: samples or frames per second.
        natural_hop_ms: time between steps of one pass.
        hop_ms: wanted time between steps; divides ``natural_hop_ms``.
        centre_ms: centre of the first step, counted from the start of the samples that ``encode`` is given.
        encode: maps (B, S') or (B, F, S') to (B, T', D), one step per natural hop.
        duration_ms: length of the clip, where it is not S / ``rate_hz`` (a spectrogram has frames at both edges).

    Returns:
        ``(embeddings, timestamps_ms)``: (B, T, D) and float32 (B, T); the one step of a clip too short for any
        centre lies at the clip's middle.
    """
    n_passes = round(natural_hop_ms / hop_ms)
    if duration_ms is None:
        duration_ms = 1000.0 * audio.shape[-1] / rate_hz
    lead_ms = centre_ms // hop_ms * hop_ms
    padded = torch.nn.functional.pad(audio, (round(lead_ms * rate_hz / 1000), 0))
    first_ms = centre_ms - lead_ms
    n_steps = max(1, int((duration_ms - first_ms) // hop_ms) + 1)
    embeddings: Tensor | None = None
    for i in range(min(n_passes, n_steps)):
        steps = encode(padded[..., round(i * hop_ms * rate_hz / 1000) :])  # (B, T', D)
        if embeddings is None:
            embeddings = steps.new_zeros(steps.shape[0], n_steps, steps.shape[2])
        embeddings[:, i::n_passes] = steps[:, : len(range(i, n_steps, n_passes))]
    assert embeddings is not None  # noqa: S101 - there is always a first pass
    timestamps = first_ms + hop_ms * torch.arange(n_steps, dtype=torch.float32, device=audio.device)
    if timestamps[0] > duration_ms:
        timestamps = timestamps.new_full((1,), duration_ms / 2)
    return embeddings, timestamps.expand(audio.shape[0], -1)
