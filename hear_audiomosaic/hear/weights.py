"""Which weights a method's ``load_model`` takes: a file's, those its package ships, or random ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from hear_audiomosaic.errors import CheckpointError, EncoderError
from hear_audiomosaic.hear.model import HearModel
from hear_audiomosaic.nn.sizes import SIZES

__all__ = ["ResolvedEncoder", "resolve_encoder"]

EncoderT = TypeVar("EncoderT", bound=nn.Module)
ModelT = TypeVar("ModelT", bound=HearModel)


@dataclass(frozen=True)
class ResolvedEncoder(Generic[EncoderT]):
    """An encoder with its weights.

    Attributes:
        encoder: the network.
        path: the file its weights were read from; None for random weights.
    """

    encoder: EncoderT
    path: Path | None

    def into(self, model: ModelT) -> ModelT:
        """The HEAR model around this encoder, told where its weights come from, in eval mode and frozen."""
        model.weights_path, model.untrained = self.path, self.path is None
        return model.eval().requires_grad_(False)


def resolve_encoder(
    model_file_path: str,
    *,
    package_file: str,
    method: str,
    load: Callable[[Path], EncoderT],
    build: Callable[[str], EncoderT],
    seed: int = 0,
    untrained_only: Mapping[str, object] | None = None,
) -> ResolvedEncoder[EncoderT]:
    """Load or build what ``load_model`` was asked for.

    Args:
        model_file_path: a weights file; ``random:SIZE`` for random weights; or empty for the small weights that the
            method's package ships, ``weights/micro.safetensors`` beside ``package_file``.
        package_file: ``__file__`` of the method's package.
        method: its name in errors.
        load: reads a weights file.
        build: makes an untrained encoder of a named size; the global random state is left as it was.
        seed: of the random weights.
        untrained_only: options that only an untrained encoder takes, and what was given for each (None: nothing).

    Raises:
        CheckpointError: no such file, or one that does not fit; or no path and no shipped weights.
        EncoderError: no such size, or an option of an untrained encoder given for a file.
    """
    kind, _, size = model_file_path.partition(":")
    if kind == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return ResolvedEncoder(build(size), None)
    options = untrained_only or {}
    if any(value is not None for value in options.values()):
        names = " and ".join(options) + (" are" if len(options) > 1 else " is")
        raise EncoderError(f"{names} for random:SIZE; a weights file tells its own.")
    path = Path(model_file_path) if model_file_path else _shipped_weights(package_file, method)
    return ResolvedEncoder(load(path), path)


def _shipped_weights(package_file: str, method: str) -> Path:
    package = Path(package_file).parent
    path = package / "weights" / "micro.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"This installation has no default weights of {method}. Choose some: load_model('PATH') with a checkpoint, "
            f"or load_model('random:SIZE') for an untrained encoder ({', '.join(SIZES)}). On the command line: "
            f"{package.name}:PATH or {package.name}:random:tiny."
        )
    return path
