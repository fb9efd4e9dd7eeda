"""What every method needs to read and write weights: tensors of a file, and errors that name what does not fit."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hear_audiomosaic.errors import CheckpointError
from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.nn.sizes import SIZES
from hear_audiomosaic.printable import listed, shortened

__all__ = ["check_names_and_shapes", "read_state", "write_state"]

_PREFIXES = ("module.", "_orig_mod.")
# Plain records that training scripts put beside the tensors (their command-line arguments); no code runs for them.
_HARMLESS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *(argparse.Namespace, pathlib.PosixPath, pathlib.PurePosixPath)
]


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` or a torch ``.pt`` / ``.pth`` file; nothing that could run is unpickled.

    A torch file may hold the tensors themselves or have them under ``model`` or ``state_dict``, beside the state of a
    training run. The prefixes ``module.`` (DDP) and ``_orig_mod.`` (``torch.compile``) are stripped, in any order and
    number.

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
            with torch.serialization.safe_globals(_HARMLESS):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read as a file of tensors: {shortened(error, 600)}") from error
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds no table of named tensors (a state_dict).")
    return {_strip(name): tensor for name, tensor in content.items()}


def write_state(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors as a ``.safetensors`` file; one that is there is replaced, never left half-written."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(path, save(tensors, None if metadata is None else dict(metadata)))


def check_names_and_shapes(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str, method: str
) -> None:
    """Compare two tables of tensors by name and shape.

    Args:
        expected: what the model has.
        found: what the file holds.
        source: what to call the file in errors.
        method: what to call the model.

    Raises:
        CheckpointError: naming unknown, missing and misshapen tensors, the first of each kind.
    """
    problems = []
    if unknown := sorted(set(found) - set(expected)):
        problems.append(f"unknown tensors: {listed(unknown, most=40)}")
    if missing := sorted(set(expected) - set(found)):
        problems.append(f"missing tensors: {listed(missing, most=40)}")
    problems += [
        f"'{name}' has shape {tuple(found[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in sorted(set(expected) & set(found))
        if found[name].shape != expected[name].shape
    ]
    if problems:
        raise CheckpointError(f"{source} does not fit {method}: " + "; ".join(problems[:12]) + ".")


def _strip(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name
