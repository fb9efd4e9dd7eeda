"""The parameters of any model, and what its parts state."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

__all__ = ["n_parameters", "stated_rates"]

_RATES = ("sample_rate", "sampling_rate", "sr")


def n_parameters(model: Any) -> int:
    """Number of parameters of a model; a lazy layer that has none yet counts none.

    Of a model that is no ``torch.nn.Module``: those of the modules that are its attributes, or, of a ``tf.Module``,
    those of its ``variables``.
    """
    if isinstance(model, nn.Module):
        return sum(one.numel() for one in model.parameters() if not nn.parameter.is_lazy(one))
    variables = getattr(model, "variables", None)
    if isinstance(variables, list | tuple):
        return sum(math.prod(getattr(one, "shape", ())) for one in variables)
    inner = {id(one): one for one in getattr(model, "__dict__", {}).values() if isinstance(one, nn.Module)}
    return sum(map(n_parameters, inner.values()))


def stated_rates(model: Any) -> dict[str, int]:
    """Sample rates, in Hz, that the parts of a model state by an attribute: part -> rate; empty where one resamples."""
    parts = list(model.named_modules()) if isinstance(model, nn.Module) else []
    if any("resampl" in type(part).__name__.lower() for _, part in parts):
        return {}
    return {
        f"{prefix} ({type(part).__name__})": round(value)
        for prefix, part in parts[1:]
        for name, value in vars(part).items()
        if name in _RATES and isinstance(value, int | float) and 4000 <= value <= 200_000
    }
