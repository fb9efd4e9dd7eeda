"""Reading AudioMosaic weights: the published checkpoint, a training run's, or one of this project's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hear_audiomosaic.audiomosaic.encoder import N_MELS, PATCH, SIZES, AudioMosaicEncoder, EncoderSize
from hear_audiomosaic.errors import CheckpointError

__all__ = ["build_from_state", "load_encoder", "read_state"]

_log = logging.getLogger(__name__)
_PREFIXES = ("module.", "_orig_mod.")
_HEADS_BY_WIDTH = {size.embed_dim: size.num_heads for size in SIZES.values()}


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` or a torch ``.pt`` / ``.pth`` file; nothing is unpickled but tensors.

    A torch file may hold the tensors themselves or have them under ``model`` or ``state_dict``. The prefixes
    ``module.`` (DDP) and ``_orig_mod.`` (``torch.compile``) are stripped, in any order and number.

    Raises:
        CheckpointError: no such file, or not a file of tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"There is no weights file at '{path}'; give the path of a .safetensors or .pt file, "
            f"or 'random:SIZE' ({', '.join(SIZES)}) for an untrained encoder."
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read as a file of tensors: {error}") from error
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds no table of named tensors (a state_dict).")
    return {_strip(name): tensor for name, tensor in content.items()}


def build_from_state(
    state: Mapping[str, Tensor], num_heads: int | None = None, source: str = "the checkpoint"
) -> AudioMosaicEncoder:
    """Build the encoder that the tensors describe and load them.

    Width, depth and window are read from the shapes. The projector is optional, as a whole. A fine-tuned release's
    classifier (``head.*``) is left out, with a log line.

    Args:
        state: tensors by their published names.
        num_heads: attention heads, which no shape tells; by default those of the known size of that width.
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
    heads = num_heads or _HEADS_BY_WIDTH.get(width)
    if heads is None:
        raise CheckpointError(f"{source} is {width} wide, the width of no known size; pass num_heads for it.")
    depth = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
    n_rows = state["pos_embed"].shape[1] - 1  # without the class token
    model = AudioMosaicEncoder(
        EncoderSize(width, depth, heads),
        window_frames=n_rows // (N_MELS // PATCH) * PATCH,
        projector=any(name.startswith("projector.") for name in state),
    )
    _check_names_and_shapes(model.state_dict(), state, source)
    model.load_state_dict(dict(state))
    return model.eval()


def load_encoder(path: str | Path, num_heads: int | None = None) -> AudioMosaicEncoder:
    """Read a weights file and build its encoder; see :func:`read_state` and :func:`build_from_state`."""
    return build_from_state(read_state(path), num_heads, str(path))


def _strip(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name


def _check_names_and_shapes(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str) -> None:
    problems = []
    if unknown := sorted(set(found) - set(expected)):
        problems.append(f"unknown tensors: {', '.join(unknown)}")
    if missing := sorted(set(expected) - set(found)):
        problems.append(f"missing tensors: {', '.join(missing)}")
    problems += [
        f"'{name}' has shape {tuple(found[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in sorted(set(expected) & set(found))
        if found[name].shape != expected[name].shape
    ]
    if problems:
        raise CheckpointError(f"{source} does not fit AudioMosaic: " + "; ".join(problems) + ".")
