"""Sine-cosine position tables (Vaswani et al., arXiv 1706.03762, section 3.5; MAE, arXiv 2111.06377)."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["sincos_1d", "sincos_2d", "sincos_interleaved"]


def sincos_1d(positions: Tensor, dim: int) -> Tensor:
    """[sin(p w_k) | cos(p w_k)] with w_k = 10000^(-k / (dim / 2)), k = 0 .. dim / 2 - 1.

    Args:
        positions: any shape (...), in units of one grid step.
        dim: width of the code, even.

    Returns:
        float32, shape (..., dim), range [-1, 1].

    Raises:
        ValueError: ``dim`` is odd.
    """
    if dim % 2:
        raise ValueError(f"A sine-cosine code needs an even width; got {dim}.")
    half = dim // 2
    omega = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = positions.to(torch.float64)[..., None] * omega
    return torch.cat([angles.sin(), angles.cos()], dim=-1).float()


def sincos_2d(first: Tensor, second: Tensor, dim: int) -> Tensor:
    """Code of a pair of coordinates: the first half of the width codes ``first``, the second half ``second``.

    Args:
        first: shape (...), the coordinate that comes first in the code.
        second: shape (...).
        dim: width of the code, a multiple of 4.

    Returns:
        float32, shape (..., dim).
    """
    return torch.cat([sincos_1d(first, dim // 2), sincos_1d(second, dim // 2)], dim=-1)


def sincos_interleaved(positions: Tensor, dim: int) -> Tensor:
    """The order of "Attention is all you need": channel 2i is sin(p w_i), channel 2i + 1 is cos(p w_i).

    Arguments, result and error as of :func:`sincos_1d`, whose channels these are, in another order.
    """
    halves: Tensor = torch.unflatten(sincos_1d(positions, dim), -1, (2, dim // 2))
    return halves.transpose(-1, -2).flatten(-2)
