"""The state of a run on disk: tensors as safetensors, the rest as JSON; nothing half-written, nothing unpickled.

``checkpoint-STEP.safetensors`` is written first, then ``checkpoint.json``, which names it; both in one go each. So
whenever a run is killed, ``checkpoint.json`` names a whole file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import read_json, write_bytes, write_json

__all__ = ["read_checkpoint", "write_checkpoint"]

_INDEX = "checkpoint.json"


def write_checkpoint(
    folder: Path, step: int, model: nn.Module, optimiser: torch.optim.Optimizer, names: list[str], facts: dict[str, Any]
) -> None:
    """Write a checkpoint and remove the one before it.

    Args:
        folder: of the run.
        step: steps that are done.
        model: all its tensors are kept.
        optimiser: all its tensors are kept.
        names: of the optimiser's parameters, in its order.
        facts: JSON to keep beside.
    """
    tensors = {f"model.{name}": _plain(tensor) for name, tensor in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{names[index]}:{key}": _plain(torch.as_tensor(v)) for key, v in values.items()}
    path = folder / f"checkpoint-{step:08d}.safetensors"
    write_bytes(path, save(tensors))
    write_json(folder / _INDEX, {"step": step, "file": path.name, **facts})
    for other in (*folder.glob("checkpoint-*.safetensors"), *folder.glob(".checkpoint-*.part")):  # .part: of a kill
        if other != path:
            with file_errors("removed", other):
                other.unlink()


def read_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, names: list[str]
) -> dict[str, Any] | None:
    """Load the last checkpoint into model and optimiser.

    Returns:
        Its JSON, with ``step``; None if there is none.

    Raises:
        PretrainingError: it cannot be read or does not fit.
    """
    if not (folder / _INDEX).is_file():
        return None
    try:
        facts: dict[str, Any] = read_json(folder / _INDEX)
        tensors = load_file(folder / facts["file"])
        own = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        model.load_state_dict(own)
        state: dict[int, dict[str, Tensor]] = {}
        index = {name: i for i, name in enumerate(names)}
        for full, tensor in tensors.items():
            if full.startswith("optimiser."):
                name, key = full.removeprefix("optimiser.").rsplit(":", 1)
                state.setdefault(index[name], {})[key] = tensor
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except Exception as error:
        raise PretrainingError(
            f"The checkpoint in {folder} cannot be used: {error}. Remove the folder to start again."
        ) from error
    return facts


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
