"""MSM-MAE (arXiv 2204.12260), a masked autoencoder of spectrograms: the three functions of a HEAR module.

Written from the papers and a description of the published interfaces. The authors' weights carry an evaluation-only
licence: this package ships none, and reads a user's own copy of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import get_size
from hear_audiomosaic.nn.checkpoints import shipped_weights
from hear_msm_mae.checkpoint import load_encoder
from hear_msm_mae.encoder import MsmMae, parse_size
from hear_msm_mae.model import MsmMaeModel

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(
    model_file_path: str = "",
    *,
    input_size: str | None = None,
    patch_size: str | None = None,
    hop_ms: int | None = None,
    norm: str = "fixed",
    timestamps: str = "centred",
    pad: str = "patch",
    seed: int = 0,
) -> MsmMaeModel:
    """Load MSM-MAE.

    Parity with the published HEAR runs is ``norm="batch"``, ``timestamps="drifting"``, ``pad="window"``.

    Args:
        model_file_path: a ``.pth``, ``.pt`` or ``.safetensors`` file with the published tensor names, of the original
            release or of the re-training with the M2D recipe; or ``random:SIZE`` (base, small, tiny or micro) for an
            untrained encoder, which every table marks as such; or empty for the small encoder of the controlled
            comparison, which is not the paper's model.
        input_size: of an untrained encoder, mel bins x frames: 80x208 (the default), 80x512, 80x608 or any 80xU. A file
            tells its own.
        patch_size: of an untrained encoder: 16x16 (the default), 16x8, 16x4, 8x16 or 80x4, or any that divides the
            input. A file tells its own.
        hop_ms: time between timestamp embeddings; see :class:`MsmMaeModel`.
        norm: "fixed" or "batch"; see :class:`MsmMaeModel`.
        timestamps: "centred" or "drifting"; see :class:`MsmMaeModel`.
        pad: "patch" or "window"; see :class:`MsmMaeModel`.
        seed: of the weights of an untrained encoder.

    Returns:
        A model in eval mode with ``sample_rate`` (16000 Hz), ``scene_embedding_size`` and ``timestamp_embedding_size``.

    Raises:
        CheckpointError: no such file, or one that does not fit; or no path and no default weights.
        EncoderError: no such size or option, or a size given for a file.
    """
    kind, _, size = model_file_path.partition(":")
    untrained = kind == "random"
    if untrained:
        network = _untrained(size, parse_size(input_size or "80x208"), parse_size(patch_size or "16x16"), seed)
    elif input_size or patch_size:
        raise EncoderError("input_size and patch_size are for random:SIZE; a weights file tells its own.")
    else:
        network = load_encoder(model_file_path or shipped_weights(__file__, "MSM-MAE", "msm-mae"))
    model = MsmMaeModel(network, hop_ms, norm, timestamps, pad, untrained)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: MsmMaeModel) -> Tensor:
    """One embedding per clip.

    Args:
        audio: float32, shape (B, S), mono at 16 kHz, range [-1, 1]; any S from 25 ms to 20 minutes.
        model: from :func:`load_model`.

    Returns:
        float32, shape (B, F * D).
    """
    return model.scene(audio)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: MsmMaeModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip, with their centre times.

    Args:
        audio: as for :func:`get_scene_embeddings`.
        model: from :func:`load_model`.

    Returns:
        ``(embeddings, timestamps)``: float32 (B, T, F * D) and (B, T) in milliseconds.
    """
    return model.timestamps(audio)


def _untrained(size: str, input_size: tuple[int, int], patch_size: tuple[int, int], seed: int) -> MsmMae:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MsmMae(get_size(size), input_size, patch_size)
