"""An encoder that could not be loaded: what is known of it all the same, so that its results can be recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType

import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.hear.objects import EncoderLike, Labelled

__all__ = ["UnloadedEncoder", "unloaded"]


@dataclass(frozen=True)
class UnloadedEncoder:
    """The facts of an :class:`~hear_audiomosaic.hear.Encoder`, as far as they are known without loading it."""

    ref: EncoderRef
    label: str
    device: torch.device = field(default=torch.device("cpu"))
    untrained: bool = False
    fingerprint: str = ""
    sample_rate: None = None
    scene_embedding_size: None = None
    timestamp_embedding_size: None = None
    n_parameters: None = None
    card: None = None
    batch: None = None
    inventory: None = None


def unloaded(encoder: EncoderLike | Labelled) -> UnloadedEncoder | None:
    """What is known of an encoder without loading it.

    Args:
        encoder: as it stands in a plan.

    Returns:
        None where not even its reference is known: a text that is none, or a model, whose reference has its digest.
    """
    label = encoder.label if isinstance(encoder, Labelled) else None
    encoder = encoder.encoder if isinstance(encoder, Labelled) else encoder
    try:
        if isinstance(encoder, ModuleType):
            ref = EncoderRef(encoder.__name__)
        elif isinstance(encoder, str):
            ref = EncoderRef.parse(encoder)
        elif isinstance(encoder, EncoderRef):
            ref = encoder
        else:
            return None
    except EncoderError:
        return None
    return UnloadedEncoder(ref, label or ref.text)
