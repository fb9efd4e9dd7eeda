"""Upstreams of s3prl as HEAR modules: ``s3prl:NAME?layer=K``, for example ``s3prl:hubert`` or ``s3prl:fbank``.

A scene is the mean over the frames. Frame t is centred on sample ``t * rate + rate / 2``, where ``rate`` is the
upstream's downsampling rate. The name says which weights s3prl downloads. This file needs torch and s3prl alone.

s3prl 0.4.18 calls a function that torchaudio no longer has (``set_audio_backend``): it is for an interpreter
of its own, with an older torchaudio.

Source: https://github.com/s3prl/s3prl, ``s3prl.nn.S3PRLUpstream`` (Apache-2.0).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_RATE = 16000  # Hz, of all upstreams
_LEAST = 1600  # samples: shorter clips are padded with silence

encoder_card = {"title": "An upstream of s3prl", "note": "Licence and paper are those of the model that was named."}


class S3prlModel(nn.Module):
    """One upstream.

    Args:
        upstream: a ``S3PRLUpstream``.
        layer: ``last``, ``mean`` of all or a number; -1 is the last one.
    """

    sample_rate = _RATE

    def __init__(self, upstream: Any, layer: Any) -> None:
        super().__init__()
        self.upstream, self.layer = upstream, layer
        sizes, rates = list(upstream.hidden_sizes), list(upstream.downsample_rates)
        if layer == "mean" and (len(set(sizes)) > 1 or len(set(rates)) > 1):
            raise ValueError("layer=mean: the layers of this upstream have different sizes or rates; name one.")
        self.index = -1 if layer in ("last", "mean") else layer
        if not -len(sizes) <= self.index < len(sizes):
            raise ValueError(f"layer={layer}: this upstream has the layers 0 to {len(sizes) - 1}; or last or mean.")
        self.scene_embedding_size = self.timestamp_embedding_size = int(sizes[self.index])
        self.hop_ms = 1000.0 * rates[self.index] / _RATE

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (B, S) -> float32 (B, T, D) and centre times (B, T) in ms: frames whose centre is in the clip."""
        duration_ms = 1000.0 * audio.shape[1] / _RATE
        padded = nn.functional.pad(audio, (0, max(0, _LEAST - audio.shape[1])))
        lengths = torch.full((len(audio),), padded.shape[1], dtype=torch.long, device=audio.device)
        states, _ = self.upstream(padded, lengths)
        frames = torch.stack(list(states)).mean(dim=0) if self.layer == "mean" else states[self.index]
        times = self.hop_ms * (torch.arange(frames.shape[1], dtype=torch.float64) + 0.5)
        n_inside = max(1, int((times <= duration_ms).sum()))
        return frames[:, :n_inside].float(), times[:n_inside].clamp(max=duration_ms).expand(len(audio), -1)


def load_model(model_file_path: str = "", layer: Any = "last") -> nn.Module:
    """The upstream of a name.

    Args:
        model_file_path: its name in s3prl's hub.
        layer: as of :class:`S3prlModel`.

    Raises:
        ImportError: s3prl is not installed, or does not go with this torchaudio.
        ValueError: no upstream is named, or a bad option.
    """
    if not model_file_path:
        raise ValueError("s3prl needs the name of an upstream: s3prl:NAME, for example s3prl:hubert.")
    if layer not in ("last", "mean") and not (isinstance(layer, int) and not isinstance(layer, bool)):
        raise ValueError(f"layer={layer}; expected last, mean or a number.")
    try:
        from s3prl.nn import S3PRLUpstream
    except (ImportError, AttributeError) as error:  # AttributeError: what a newer torchaudio no longer has
        raise ImportError(
            f"s3prl cannot be imported here ({error}): python -m pip install s3prl, in an environment of its own with "
            "a torchaudio that has set_audio_backend."
        ) from error
    return S3prlModel(S3PRLUpstream(model_file_path), layer).eval()


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.frames(audio)[0].mean(dim=1)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.frames(audio)
