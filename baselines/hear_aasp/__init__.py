"""AaSP (arXiv 2512.03637), aliasing-aware pre-training of a spectrogram transformer: the functions of a HEAR module.

Written from the paper's abstract and public reviews of it; its body, code and weights were not available. What is
confirmed, derived or our own choice stands in this package's README.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hear_aasp.checkpoint import load_encoder
from hear_aasp.encoder import WINDOW_FRAMES, AaspEncoder
from hear_aasp.model import AaspModel
from hear_aasp.stem import PHASES
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import get_size
from hear_audiomosaic.nn.checkpoints import shipped_weights

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(
    model_file_path: str = "",
    *,
    hop_ms: int = 40,
    frequency: str = "mean",
    phase: str | None = None,
    window_frames: int | None = None,
    seed: int = 0,
    layer: int | None = None,
    pad: str = "patch",
) -> AaspModel:
    """Load AaSP.

    Args:
        model_file_path: a ``.safetensors`` file of :func:`hear_aasp.checkpoint.save_encoder`; ``random:SIZE`` (base,
            small, tiny or micro) for an untrained encoder, which every table marks as such; or empty for the small
            encoder of the controlled comparison.
        hop_ms: time between timestamp embeddings: 160, 80, 40 or 20.
        frequency: how the frequency tokens of a time step become one vector: "mean" or "concat".
        phase: of an untrained encoder's kernels, "even" (the default) or "odd". A file tells its own.
        window_frames: of an untrained encoder, T of its longest input, a multiple of 16; 1024 by default. A file tells
            its own.
        seed: of the weights of an untrained encoder.
        layer: embeddings of the tokens after this block, 1 to the depth, normed and pooled like the last layer's; None
            is the last.
        pad: scenes of clips shorter than the window: "patch" at their own length, "window" with silence up to the
            window's, as in pre-training.

    Returns:
        A model in eval mode with ``sample_rate`` (16000 Hz), ``scene_embedding_size`` and ``timestamp_embedding_size``.

    Raises:
        CheckpointError: no such file, or one that does not fit; or no path and no default weights.
        EncoderError: no such size or option, or a phase given for a file.
    """
    kind, _, size = model_file_path.partition(":")
    untrained = kind == "random"
    if untrained:
        if phase not in (None, *PHASES):
            raise EncoderError(f"There is no kernel phase '{phase}'; expected {' or '.join(PHASES)}.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = AaspEncoder(get_size(size), phase or "even", window_frames=window_frames or WINDOW_FRAMES)
    elif phase is not None or window_frames is not None:
        raise EncoderError("phase and window_frames are for random:SIZE; a weights file tells its own.")
    else:
        encoder = load_encoder(model_file_path or shipped_weights(__file__, "AaSP", "aasp"))
    model = AaspModel(encoder, hop_ms, frequency, untrained, layer, pad)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: AaspModel) -> Tensor:
    """One embedding per clip.

    Args:
        audio: float32, shape (B, S), mono at 16 kHz, range [-1, 1]; any S from 25 ms to 20 minutes.
        model: from :func:`load_model`.

    Returns:
        float32, shape (B, D).
    """
    return model.scene(audio)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: AaspModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip, with their centre times.

    Args:
        audio: as for :func:`get_scene_embeddings`.
        model: from :func:`load_model`.

    Returns:
        ``(embeddings, timestamps)``: float32 (B, T, D) and (B, T) in milliseconds.
    """
    return model.timestamps(audio)
