"""AudioMosaic (arXiv 2605.14231), a contrastive masked audio encoder: the three functions of a HEAR module."""

from __future__ import annotations

import torch
from torch import Tensor

from hear_audiomosaic.audiomosaic.checkpoint import load_encoder
from hear_audiomosaic.audiomosaic.encoder import WINDOW_FRAMES, AudioMosaicEncoder, get_size
from hear_audiomosaic.audiomosaic.model import AudioMosaicModel
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn.checkpoints import shipped_weights

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


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
    kind, _, size = model_file_path.partition(":")
    untrained = kind == "random"
    if untrained:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = AudioMosaicEncoder(get_size(size), window_frames or WINDOW_FRAMES)
    elif window_frames is not None:
        raise EncoderError("window_frames is for random:SIZE; a weights file tells its own.")
    else:
        encoder = load_encoder(model_file_path or shipped_weights(__file__, "AudioMosaic", "hear_audiomosaic"))
    model = AudioMosaicModel(encoder, hop_ms=hop_ms, frequency=frequency, untrained=untrained, layer=layer, pad=pad)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: AudioMosaicModel) -> Tensor:
    """One embedding per clip.

    Args:
        audio: float32, shape (B, S), mono at 16 kHz, range [-1, 1]; any S from 25 ms to 20 minutes.
        model: from :func:`load_model`.

    Returns:
        float32, shape (B, D).
    """
    return model.scene(audio)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: AudioMosaicModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip, with their centre times.

    Args:
        audio: as for :func:`get_scene_embeddings`.
        model: from :func:`load_model`.

    Returns:
        ``(embeddings, timestamps)``: float32 (B, T, D) and (B, T) in milliseconds.
    """
    return model.timestamps(audio)
