"""What the HEAR models of this project share, and the two HEAR functions that embed with them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["HearModel", "get_scene_embeddings", "get_timestamp_embeddings"]


class HearModel(nn.Module):
    """A model of the HEAR API that knows how to embed; a method's ``model.py`` has its subclass.

    Attributes:
        sample_rate: Hz.
        scene_embedding_size: D of a scene embedding.
        timestamp_embedding_size: D of a timestamp embedding.
        weights_path: the file its weights were read from; None for random weights.
        untrained: whether the weights are random; tables mark such a model.
    """

    sample_rate: int = 16000
    scene_embedding_size: int
    timestamp_embedding_size: int
    weights_path: Path | None = None
    untrained: bool = False

    def scene(self, audio: Tensor) -> Tensor:
        """One embedding per clip: (B, S) -> (B, D)."""
        raise NotImplementedError

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings along the clip: (B, S) -> (B, T, D) and centre times (B, T) in ms."""
        raise NotImplementedError


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """One embedding per clip.

    Args:
        audio: float32, shape (B, S), mono at ``model.sample_rate``, range [-1, 1]; any S from 25 ms to 20 minutes.
        model: from the ``load_model`` beside this function.

    Returns:
        float32, shape (B, D).

    Raises:
        EncoderError: audio of another shape, without a sample, or with values that are not finite.
    """
    return model.scene(audio)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: HearModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip, with their centre times.

    Args:
        audio: as for :func:`get_scene_embeddings`.
        model: from the ``load_model`` beside this function.

    Returns:
        ``(embeddings, timestamps)``: float32 (B, T, D) and (B, T) in milliseconds.

    Raises:
        EncoderError: as for :func:`get_scene_embeddings`.
    """
    return model.timestamps(audio)
