"""AudioMosaic (arXiv 2605.14231), a contrastive masked audio encoder: the three functions of a HEAR module."""

from __future__ import annotations

from pathlib import Path

from hear_audiomosaic.audiomosaic.checkpoint import load_encoder
from hear_audiomosaic.audiomosaic.encoder import WINDOW_FRAMES, AudioMosaicEncoder, get_size
from hear_audiomosaic.audiomosaic.model import AudioMosaicModel
from hear_audiomosaic.hear.card import CARD_FILE, read_card
from hear_audiomosaic.hear.model import get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.hear.weights import resolve_encoder

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

encoder_card = read_card(Path(__file__).with_name(CARD_FILE))


def load_model(
    model_file_path: str = "",
    *,
    hop_ms: int = 40,
    frequency: str = "mean",
    window_frames: int | None = None,
    seed: int = 0,
    layer: int | None = None,
    pad: str = "patch",
) -> AudioMosaicModel:
    """Load AudioMosaic.

    Args:
        model_file_path: a ``.safetensors`` or ``.pt`` file of the published layout; ``random:SIZE`` (base, small, tiny
            or micro) for an untrained encoder, which every table marks as such; or empty for the small encoder of the
            controlled comparison, which is not the paper's model.
        hop_ms: time between timestamp embeddings: 160, 80, 40 or 20.
        frequency: how the frequency tokens of a time step become one vector: "mean" or "concat".
        window_frames: of an untrained encoder, T of its longest input, a multiple of 16; 1024 by default. A file tells
            its own.
        seed: of the weights of an untrained encoder.
        layer: embeddings of the tokens after this block, 1 to the depth, pooled and normed (fc_norm) like the last
            layer's; None is the last.
        pad: scenes of clips shorter than the window: "patch" at their own length, "window" with silence up to the
            window's, as in pre-training.

    Returns:
        A model in eval mode with ``sample_rate`` (16000 Hz), ``scene_embedding_size`` and ``timestamp_embedding_size``.

    Raises:
        CheckpointError: no such file, or one that does not fit; or no path and no default weights.
        EncoderError: no such size or option.
    """
    resolved = resolve_encoder(
        model_file_path,
        package_file=__file__,
        method="AudioMosaic",
        load=load_encoder,
        build=lambda size: AudioMosaicEncoder(get_size(size), window_frames=window_frames or WINDOW_FRAMES),
        seed=seed,
        untrained_only={"window_frames": window_frames},
    )
    return resolved.into(AudioMosaicModel(resolved.encoder, hop_ms=hop_ms, frequency=frequency, layer=layer, pad=pad))
