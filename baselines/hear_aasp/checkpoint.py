"""AaSP's weights: this project's own, as the authors have released none.

A ``.safetensors`` file with the encoder's tensors and, in its metadata, ``format`` and ``sizes`` (JSON).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from hear_aasp.encoder import PATCH, AaspEncoder
from hear_aasp.stem import PHASES
from hear_audiomosaic.errors import CheckpointError
from hear_audiomosaic.nn import EncoderSize
from hear_audiomosaic.nn.checkpoints import check_names_and_shapes, read_state, write_state

__all__ = ["FORMAT", "build_from_state", "load_encoder", "save_encoder"]

FORMAT = "hear_aasp/1"
_NUMBERS = ("embed_dim", "depth", "num_heads", "n_states", "window_frames")


def save_encoder(path: Path, encoder: AaspEncoder) -> None:
    """Write the encoder's tensors and sizes."""
    sizes = asdict(encoder.size) | {
        "n_states": encoder.n_states,
        "window_frames": encoder.grid[0] * PATCH,
        "phase": encoder.phase,
    }
    metadata = {"format": FORMAT, "sizes": json.dumps(sizes, sort_keys=True)}
    write_state(path, encoder.state_dict(), metadata)


def load_encoder(path: str | Path) -> AaspEncoder:
    """Read a file of :func:`save_encoder` and build its encoder.

    Returns:
        The encoder, in eval mode.

    Raises:
        CheckpointError: no such file, not of this format, or tensors that do not fit; each named.
    """
    state = read_state(path)
    return build_from_state(state, sizes=_sizes(Path(path)), source=str(path))


def build_from_state(
    state: Mapping[str, Tensor], *, sizes: Mapping[str, Any], source: str = "the checkpoint"
) -> AaspEncoder:
    """Build the encoder of these sizes and load the tensors.

    Args:
        state: tensors by name.
        sizes: ``embed_dim``, ``depth``, ``num_heads``, ``n_states``, ``window_frames`` and ``phase``.
        source: what to call the state in errors.

    Returns:
        The encoder, in eval mode.

    Raises:
        CheckpointError: unknown, missing or misshapen tensors, each named; or sizes that make no encoder.
    """
    size = EncoderSize(embed_dim=sizes["embed_dim"], depth=sizes["depth"], num_heads=sizes["num_heads"])
    try:
        encoder = AaspEncoder(
            size, phase=sizes["phase"], n_states=sizes["n_states"], window_frames=sizes["window_frames"]
        )
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{source}: its sizes {dict(sizes)} do not make an encoder: {error}") from error
    check_names_and_shapes(encoder.state_dict(), state, source, "AaSP")
    encoder.load_state_dict(dict(state))
    return encoder.eval()


def _sizes(path: Path) -> dict[str, Any]:
    metadata: dict[str, str] = {}
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is no AaSP checkpoint of this project: expected a .safetensors file whose metadata say format "
            f"'{FORMAT}', found {metadata.get('format')!r}. hear_aasp.checkpoint.save_encoder writes such files."
        )
    try:
        sizes = json.loads(metadata.get("sizes", ""))
    except json.JSONDecodeError:
        sizes = None
    if (
        not isinstance(sizes, dict)
        or sizes.get("phase") not in PHASES
        or any(type(sizes.get(name)) is not int or not 0 < sizes[name] < 1 << 16 for name in _NUMBERS)
    ):
        raise CheckpointError(
            f"{path}: the metadata 'sizes' are {metadata.get('sizes')!r}; expected JSON with positive integers "
            f"{', '.join(_NUMBERS)} and a phase ({' or '.join(PHASES)})."
        )
    return sizes
