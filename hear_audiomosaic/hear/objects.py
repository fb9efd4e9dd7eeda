"""An encoder that is not named but handed over: a module, a HEAR model with its module, or a loaded encoder."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.contract import check_module
from hear_audiomosaic.hear.encoder import Encoder, load_encoder
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["EncoderLike", "Labelled", "as_encoder", "name_of"]

EncoderLike = str | EncoderRef | ModuleType | tuple[Any, ModuleType] | Encoder


@dataclass(frozen=True)
class Labelled:
    """An encoder and the label that tables show."""

    label: str
    encoder: EncoderLike


def as_encoder(encoder: EncoderLike | Labelled, *, device: str = "cpu", label: str | None = None) -> Encoder:
    """Load or wrap an encoder.

    Args:
        encoder: a reference; a module with HEAR's functions, whose ``load_model()`` is called without arguments; a pair
            of a HEAR model and the module whose functions take it; or a loaded encoder, which stays where it is.
        device: "cpu" or "cuda".
        label: what tables call it. (Default: its reference; of a model object, its module's name and the first digits
            of its fingerprint, so that two models of one module stay apart)

    Raises:
        EncoderError: none of these, no such encoder, or one that breaks the contract.
    """
    if isinstance(encoder, Labelled):
        return as_encoder(encoder.encoder, device=device, label=encoder.label)
    if isinstance(encoder, str | EncoderRef):
        loaded = load_encoder(encoder, device)
    elif isinstance(encoder, ModuleType):
        loaded = load_encoder(EncoderRef(encoder.__name__), device, module=encoder)
    elif isinstance(encoder, Encoder):
        loaded = encoder
    else:
        loaded = _of_objects(encoder, device)
    return loaded if label is None else loaded.with_label(label)


def name_of(encoder: EncoderLike | Labelled) -> str:
    """What an encoder is called before it is loaded."""
    if isinstance(encoder, Labelled):
        return encoder.label
    if isinstance(encoder, tuple):
        return f"a model of {getattr(encoder[-1], '__name__', encoder[-1])}" if encoder else "()"
    return str(getattr(encoder, "text", None) or getattr(encoder, "__name__", None) or encoder)


def _of_objects(pair: Any, device: str) -> Encoder:
    try:
        model, module = pair
    except (TypeError, ValueError):
        raise EncoderError(
            f"A {type(pair).__name__} is not an encoder; expected a reference such as 'logmel', a module with HEAR's "
            "functions, a pair (model, module), or a loaded Encoder."
        ) from None
    if not isinstance(module, ModuleType):
        raise EncoderError(f"The second of a pair (model, module) is a {type(module).__name__}; expected a module.")
    check_module(module)
    bare = Encoder(EncoderRef(module.__name__), module, model, torch.device(device))
    return bare.with_ref(EncoderRef(module.__name__, bare.fingerprint[:8]))
