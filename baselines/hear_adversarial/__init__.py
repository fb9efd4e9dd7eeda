"""Adversarial (positional) negatives for a CNN (arXiv 2303.08561): the three functions of a HEAR module.

The paper's abstract is all that could be read of it; README.md says of every part whether it is confirmed, derived or a
choice.
"""

from __future__ import annotations

from pathlib import Path

from hear_adversarial.checkpoint import load_encoder
from hear_adversarial.encoder import ConvEncoder, get_size
from hear_adversarial.model import AdversarialModel
from hear_audiomosaic.hear.card import CARD_FILE, read_card
from hear_audiomosaic.hear.model import get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.hear.weights import resolve_encoder

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

encoder_card = read_card(Path(__file__).with_name(CARD_FILE))


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
    resolved = resolve_encoder(
        model_file_path,
        package_file=__file__,
        method="adversarial negatives",
        load=load_encoder,
        build=lambda size: ConvEncoder(get_size(size), variant=variant or "V0"),
        seed=seed,
        untrained_only={"variant": variant},
    )
    return resolved.into(AdversarialModel(resolved.encoder, hop_ms=hop_ms, bands=bands))
