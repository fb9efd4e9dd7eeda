"""AudioMosaic's weights: the published checkpoint, a training run's, or those of this project's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from hear_audiomosaic.audiomosaic.encoder import N_MELS, PATCH, AudioMosaicEncoder, EncoderSize
from hear_audiomosaic.errors import CheckpointError
from hear_audiomosaic.nn.checkpoints import check_names_and_shapes, read_state, write_state
from hear_audiomosaic.nn.sizes import heads_of_width

__all__ = ["build_from_state", "load_encoder", "save_encoder"]

_log = logging.getLogger(__name__)


def build_from_state(
    state: Mapping[str, Tensor], *, num_heads: int | None = None, source: str = "the checkpoint"
) -> AudioMosaicEncoder:
    """Build the encoder that the tensors describe and load them.

    Width, depth and window are read from the shapes. The projector is optional, as a whole. A fine-tuned release's
    classifier (``head.*``) is left out, with a log line.

    Args:
        state: tensors by their published names.
        num_heads: attention heads, which no shape tells; None: those of the known size of that width.
        source: what to call the state in errors.

    Returns:
        The encoder, in eval mode.

    Raises:
        CheckpointError: unknown, missing or misshapen tensors, each named; or a width of no known size.
    """
    for name in ("cls_token", "pos_embed"):
        if name not in state:
            raise CheckpointError(f"{source} is no AudioMosaic checkpoint: it has no tensor '{name}'.")
    head = sorted(name for name in state if name.startswith("head."))
    if head:
        _log.warning("%s is a fine-tuned classifier; its %s are left out.", source, ", ".join(head))
    state = {name: tensor for name, tensor in state.items() if name not in head}

    width = state["cls_token"].shape[-1]
    heads = num_heads or heads_of_width(width)
    if heads is None:
        raise CheckpointError(f"{source} is {width} wide, the width of no known size; pass num_heads for it.")
    depth = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
    n_rows = state["pos_embed"].shape[1] - 1  # without the class token
    model = AudioMosaicEncoder(
        EncoderSize(width, depth, heads),
        window_frames=n_rows // (N_MELS // PATCH) * PATCH,
        projector=any(name.startswith("projector.") for name in state),
    )
    check_names_and_shapes(model.state_dict(), state, source, "AudioMosaic")
    model.load_state_dict(dict(state))
    return model.eval()


def load_encoder(path: str | Path, *, num_heads: int | None = None) -> AudioMosaicEncoder:
    """Read a ``.safetensors``, ``.pt`` or ``.pth`` file and build its encoder; see :func:`build_from_state`.

    Raises:
        CheckpointError: no such file, or one that does not fit.
    """
    return build_from_state(read_state(path), num_heads=num_heads, source=str(path))


def save_encoder(path: Path, encoder: AudioMosaicEncoder) -> None:
    """Write the encoder's tensors by their published names, without the projector."""
    write_state(path, {n: t for n, t in encoder.state_dict().items() if not n.startswith("projector.")})
