"""The smallest HEAR module: rows that tell one clip from another, at next to no cost."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor


class Model(torch.nn.Module):
    """Fixed moments of the signal."""

    sample_rate = 16000
    scene_embedding_size = 8
    timestamp_embedding_size = 8


def load_model(model_file_path: str = "") -> Model:
    return Model()


def get_timestamp_embeddings(audio: Tensor, model: Model) -> tuple[Tensor, Tensor]:
    frames = audio.unfold(1, 400, 400)  # (B, T, 400): 25 ms
    rows = torch.stack([frames.abs().pow(k).mean(-1) for k in range(1, 9)], dim=-1)
    times = (torch.arange(rows.shape[1]) * 25.0 + 12.5).expand(len(audio), -1)
    return rows, times


def get_scene_embeddings(audio: Tensor, model: Model) -> Tensor:
    return get_timestamp_embeddings(audio, model)[0].mean(1)


def module() -> ModuleType:
    import toy_encoder

    return toy_encoder


def spoilt(scene: Callable[[Tensor, torch.nn.Module], Tensor]) -> ModuleType:
    """This module, but for its scene embeddings."""
    made = ModuleType("spoilt_encoder")
    made.load_model, made.get_scene_embeddings = load_model, scene  # type: ignore[attr-defined]
    made.get_timestamp_embeddings = get_timestamp_embeddings  # type: ignore[attr-defined]
    return made
