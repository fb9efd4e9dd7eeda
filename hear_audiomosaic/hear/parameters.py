"""The parameters of any model."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

__all__ = ["n_parameters"]


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
