"""The HEAR contract: load any module by a reference, check what it returns, cut long clips into windows.

What needs torch is imported when it is asked for, so that cards and references can be read without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hear_audiomosaic.hear.card import EncoderCard, Paper
    from hear_audiomosaic.hear.encoder import Encoder, load_encoder
    from hear_audiomosaic.hear.reference import EncoderRef
    from hear_audiomosaic.hear.registry import registered_encoders

__all__ = ["Encoder", "EncoderCard", "EncoderRef", "Paper", "load_encoder", "registered_encoders"]

_MODULES = {
    "Encoder": "encoder",
    "EncoderCard": "card",
    "EncoderRef": "reference",
    "Paper": "card",
    "load_encoder": "encoder",
    "registered_encoders": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
