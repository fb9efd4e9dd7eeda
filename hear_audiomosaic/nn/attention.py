"""Scaled dot-product attention, by the kernel that is quickest where it runs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["attend"]

_PLAIN_TOKENS = 256  # up to here all logits of a layer are small beside its other activations


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax(q k' / sqrt(d)) v (Vaswani et al., arXiv 1706.03762, equation 1).

    torch's fused attention, but for short sequences in bfloat16 on a CPU: there its backward pass takes four times as
    long as three products written out (53 tokens, torch 2.11), which is a quarter of a pre-training step.

    Args:
        query: shape (B, heads, N, d).
        key: shape (B, heads, M, d).
        value: shape (B, heads, M, d).

    Returns:
        Shape (B, heads, N, d).
    """
    short = max(query.shape[-2], key.shape[-2]) <= _PLAIN_TOKENS
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and short:
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        mixed: Tensor = logits.softmax(dim=-1) @ value
        return mixed
    return F.scaled_dot_product_attention(query, key, value)
