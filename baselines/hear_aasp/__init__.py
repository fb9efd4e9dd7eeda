"""AaSP (arXiv 2512.03637), aliasing-aware pre-training of a spectrogram transformer: the functions of a HEAR module.

Written from the paper's abstract and public reviews of it; its body, code and weights were not available. README.md
says of every part whether it is confirmed, derived or a choice.
"""

from __future__ import annotations

from pathlib import Path

from hear_aasp.checkpoint import load_encoder
from hear_aasp.encoder import WINDOW_FRAMES, AaspEncoder
from hear_aasp.model import AaspModel
from hear_aasp.stem import KernelPhase
from hear_audiomosaic.hear.card import CARD_FILE, read_card
from hear_audiomosaic.hear.model import get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.hear.weights import resolve_encoder
from hear_audiomosaic.nn import get_size

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

encoder_card = read_card(Path(__file__).with_name(CARD_FILE))


def load_model(
    model_file_path: str = "",
    *,
    hop_ms: int = 40,
    frequency: str = "mean",
    phase: KernelPhase | None = None,
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
        EncoderError: no such size or option, or one of an untrained encoder given for a file.
    """
    resolved = resolve_encoder(
        model_file_path,
        package_file=__file__,
        method="AaSP",
        load=load_encoder,
        build=lambda size: AaspEncoder(
            get_size(size), phase=phase or "even", window_frames=window_frames or WINDOW_FRAMES
        ),
        seed=seed,
        untrained_only={"phase": phase, "window_frames": window_frames},
    )
    return resolved.into(AaspModel(resolved.encoder, hop_ms=hop_ms, frequency=frequency, layer=layer, pad=pad))
