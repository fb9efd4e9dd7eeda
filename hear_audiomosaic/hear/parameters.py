"""The parameters of any model."""

from __future__ import annotations

from torch import nn

__all__ = ["n_parameters"]


def n_parameters(model: nn.Module) -> int:
    """Number of parameters of a model; a lazy layer that has none yet counts none."""
    return sum(one.numel() for one in model.parameters() if not nn.parameter.is_lazy(one))
