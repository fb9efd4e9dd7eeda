"""The state of a run on disk: tensors as safetensors, the rest as JSON; nothing half-written, nothing unpickled.

``checkpoint-STEP.safetensors`` is written first, then ``checkpoint.json``, which names it; both in one go each. So
whenever a run is killed, ``checkpoint.json`` names a whole file. It also holds that file's SHA-256 and, over all else
that it says, one of its own: a state that is not the one that was written is not resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, NonNegativeInt, StrictStr
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import sha256_of_json, write_bytes, write_json
from hear_audiomosaic.parsing import UnreadableError, parse_json
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.pretraining.data import OddLog
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.reading import read_file

__all__ = ["Checkpoint", "read_checkpoint", "read_facts", "write_checkpoint"]

_INDEX = "checkpoint.json"
_SEAL = "checksum"
_CURE = "remove the folder to start again, or put back a copy of its files"


class Checkpoint(BaseModel):
    """What ``checkpoint.json`` says.

    Attributes:
        format: 2; 1 had no digests.
        step: steps that are done.
        file: name of the tensors' file.
        sha256: of that file; empty in format 1.
        skipped: names of the corrupt clips so far.
        odd_crops: kind -> how many crops were odd so far.
        odd_clips: kind -> the first clips of such.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal[1, 2] = 1
    step: NonNegativeInt
    file: StrictStr
    sha256: str = ""
    skipped: list[str] = []
    odd_crops: dict[str, NonNegativeInt] = {}
    odd_clips: dict[str, list[str]] = {}


def write_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    names: list[str],
    skipped: Sequence[str],
    odd: OddLog,
) -> None:
    """Write a checkpoint and remove the one before it.

    Args:
        folder: of the run.
        step: steps that are done.
        model: all its tensors are kept.
        optimiser: all its tensors are kept.
        names: of the optimiser's parameters, in its order.
        skipped: names of the corrupt clips so far.
        odd: odd crops so far.
    """
    tensors = {f"model.{name}": _plain(tensor) for name, tensor in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{names[index]}:{key}": _plain(torch.as_tensor(v)) for key, v in values.items()}
    path = folder / f"checkpoint-{step:08d}.safetensors"
    content = save(tensors)
    write_bytes(path, content)
    digest = hashlib.sha256(content).hexdigest()
    checkpoint = Checkpoint(
        format=2,
        step=step,
        file=path.name,
        sha256=digest,
        skipped=list(skipped),
        odd_crops=odd.crops,
        odd_clips=odd.names,
    ).model_dump()
    write_json(folder / _INDEX, {**checkpoint, _SEAL: sha256_of_json(checkpoint)})
    for other in (*folder.glob("checkpoint-*.safetensors"), *folder.glob(".checkpoint-*.part")):  # .part: of a kill
        if other != path:
            with file_errors("removed", other):
                other.unlink()


def read_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, names: list[str]
) -> Checkpoint | None:
    """Load the last checkpoint into model and optimiser.

    Returns:
        What it says; None if there is none.

    Raises:
        PretrainingError: it cannot be read, is not what was written, or does not fit; the file is named.
    """
    index = folder / _INDEX
    if not index.is_file():
        return None
    checkpoint = read_file(index, _checkpoint, PretrainingError, "the state of a run", _CURE)
    path = folder / checkpoint.file

    def tensors_of(content: bytes) -> dict[str, Tensor]:
        if checkpoint.sha256 and hashlib.sha256(content).hexdigest() != checkpoint.sha256:
            raise UnreadableError(f"its bytes are not those that {_INDEX} was written for")
        try:
            return load(content)
        except (SafetensorError, KeyError) as error:  # KeyError: a type that torch does not have
            raise UnreadableError(f"it is no file of tensors: {shortened(error, 300)}") from error

    tensors = read_file(path, tensors_of, PretrainingError, "the tensors of a run", _CURE)
    try:
        _load_into(model, optimiser, names, tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        raise PretrainingError(
            f"{path} does not fit this run's network and optimiser: {shortened(error, 400)}; {_CURE}."
        ) from error
    return checkpoint


def read_facts(path: Path) -> dict[str, Any]:
    """Read ``run.json``, the settings that a folder's run was begun with.

    Raises:
        PretrainingError: it cannot be read.
    """

    def mapping(content: bytes) -> dict[str, Any]:
        facts = parse_json(content)
        if not isinstance(facts, dict):
            raise UnreadableError("it is no object")
        return facts

    return read_file(path, mapping, PretrainingError, "the settings of a run", _CURE)


def _checkpoint(content: bytes) -> Checkpoint:
    facts = parse_json(content)
    if not isinstance(facts, dict):
        raise UnreadableError("it is no object")
    seal = facts.pop(_SEAL, None)
    checkpoint = Checkpoint.model_validate(facts)
    if checkpoint.format == 2 and (not checkpoint.sha256 or seal != sha256_of_json(facts)):
        raise UnreadableError("it is not what was written: its checksum differs")
    if checkpoint.format == 1 and (seal is not None or checkpoint.sha256):
        raise UnreadableError("it is not what was written: a checksum without its format")
    if fault := plain_name_fault(checkpoint.file, "tensors' file"):
        raise UnreadableError(fault)
    return checkpoint


def _load_into(
    model: nn.Module, optimiser: torch.optim.Optimizer, names: Sequence[str], tensors: Mapping[str, Tensor]
) -> None:
    """Load all tensors; raises what torch raises, or KeyError, where they do not fit."""
    model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    state: dict[int, dict[str, Tensor]] = {}
    index = {name: i for i, name in enumerate(names)}
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for full, tensor in tensors.items():
        if full.startswith("optimiser."):
            name, _, key = full.removeprefix("optimiser.").rpartition(":")
            of_parameter = index[name]
            if tensor.ndim and tensor.shape != parameters[of_parameter].shape:
                raise ValueError(f"{full} has shape {tuple(tensor.shape)}")
            state.setdefault(of_parameter, {})[key] = tensor
    if state and len({frozenset(values) for values in state.values()}) != 1:
        raise ValueError("the optimiser's parameters have different tensors")
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
