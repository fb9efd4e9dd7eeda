"""Adversarial (positional) negatives for a CNN (arXiv 2303.08561): the three functions of a HEAR module.

The paper's abstract is all that could be confirmed of it; README.md says of every choice where it comes from.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hear_adversarial.checkpoint import load_encoder
from hear_adversarial.encoder import ConvEncoder, get_size
from hear_adversarial.model import AdversarialModel
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn.checkpoints import shipped_weights

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(
    model_file_path: str = "",
    *,
    variant: str | None = None,
    hop_ms: int = 50,
    bands: str = "both",
    seed: int = 0,
) -> AdversarialModel:
    """Load the encoder.

    Args:
        model_file_path: a ``.safetensors`` or ``.pt`` file of a training run; ``random:SIZE`` (base, small, tiny or
            micro) for an untrained encoder, which every table marks as such; empty for the small encoder of the
            controlled comparison. "base" needs timm.
        variant: position cue of an untrained encoder: "V0" (the default), "V1" or "V2". A file tells its own.
        hop_ms: time between timestamp embeddings, a multiple of 10.
        bands: "both" or "centre"; see :class:`AdversarialModel`.
        seed: of the weights of an untrained encoder.

    Returns:
        A model in eval mode with ``sample_rate`` (16000 Hz), ``scene_embedding_size`` and ``timestamp_embedding_size``.

    Raises:
        CheckpointError: no such file, or one that does not fit; or no path and no default weights.
        EncoderError: no such size or option, timm is missing, or a variant given for a file.
    """
    kind, _, size = model_file_path.partition(":")
    untrained = kind == "random"
    if untrained:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = ConvEncoder(get_size(size), variant or "V0")
    elif variant is not None:
        raise EncoderError("variant is for random:SIZE; a weights file tells its own.")
    else:
        encoder = load_encoder(
            model_file_path or shipped_weights(__file__, "adversarial negatives", "adversarial-negatives")
        )
    return AdversarialModel(encoder, hop_ms, bands, untrained).eval().requires_grad_(False)


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: AdversarialModel) -> Tensor:
    """One embedding per clip.

    Args:
        audio: float32, shape (B, S), mono at 16 kHz, range [-1, 1]; any S from 25 ms to 20 minutes.
        model: from :func:`load_model`.

    Returns:
        float32, shape (B, D).
    """
    return model.scene(audio)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: AdversarialModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip, with their centre times.

    Args:
        audio: as for :func:`get_scene_embeddings`.
        model: from :func:`load_model`.

    Returns:
        ``(embeddings, timestamps)``: float32 (B, T, D) and (B, T) in milliseconds.
    """
    return model.timestamps(audio)
