"""MSM-MAE (arXiv 2204.12260), a masked autoencoder of spectrograms: the three functions of a HEAR module.

Written from the papers and a description of the published interfaces. The authors' weights carry an evaluation-only
licence: this package ships none, and reads a user's own copy of them.
"""

from __future__ import annotations

from pathlib import Path

from hear_audiomosaic.hear.card import CARD_FILE, read_card
from hear_audiomosaic.hear.model import get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.hear.weights import resolve_encoder
from hear_audiomosaic.nn import get_size
from hear_msm_mae.checkpoint import load_encoder
from hear_msm_mae.encoder import MsmMae, parse_size
from hear_msm_mae.model import MsmMaeModel

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

encoder_card = read_card(Path(__file__).with_name(CARD_FILE))


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
    resolved = resolve_encoder(
        model_file_path,
        package_file=__file__,
        method="MSM-MAE",
        load=load_encoder,
        build=lambda size: MsmMae(
            get_size(size), parse_size(input_size or "80x208"), parse_size(patch_size or "16x16")
        ),
        seed=seed,
        untrained_only={"input_size": input_size, "patch_size": patch_size},
    )
    return resolved.into(MsmMaeModel(resolved.encoder, hop_ms=hop_ms, norm=norm, timestamps=timestamps, pad=pad))
