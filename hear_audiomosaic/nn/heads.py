"""Projection heads that pre-training objectives put on top of an encoder."""

from __future__ import annotations

from torch import nn

__all__ = ["contrastive_projector"]


def contrastive_projector(dim: int, hidden_dim: int = 512, out_dim: int = 128) -> nn.Sequential:
    """Linear - BatchNorm - ReLU - Linear - BatchNorm, linear maps without bias, the last norm's bias frozen at 0.

    Shape: (B, dim) -> (B, out_dim). Source: AudioMosaic (arXiv 2605.14231) and its released model.
    """
    last_norm = nn.BatchNorm1d(out_dim)
    last_norm.bias.requires_grad_(False)
    return nn.Sequential(
        nn.Linear(dim, hidden_dim, bias=False),
        nn.BatchNorm1d(hidden_dim),
        nn.ReLU(),
        nn.Linear(hidden_dim, out_dim, bias=False),
        last_norm,
    )
