"""Cross-attention, pre-norm: queries look at a context, never at each other (Vaswani et al., arXiv 1706.03762)."""

from __future__ import annotations

from torch import Tensor, nn

from hear_audiomosaic.nn.attention import attend
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS, Mlp

__all__ = ["CrossAttention", "CrossBlock"]


class CrossAttention(nn.Module):
    """Multi-head attention of queries over a context; rows of ``kv`` are k | v.

    Args:
        dim: D, width of queries and of the context.
        num_heads: attention heads.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"A width of {dim} cannot be split into {num_heads} heads of equal width.")
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Queries (B, Q, D) and context (B, K, D) -> (B, Q, D)."""
        query: Tensor = self.q(queries).unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # (B, heads, Q, D / heads)
        key, value = self.kv(context).unflatten(2, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(query, key, value)
        output: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return output


class CrossBlock(nn.Module):
    """q + CrossAttention(LN(q), context), then q + MLP(LN(q)); the context is taken as it is."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.attn = CrossAttention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Queries (B, Q, D) and context (B, K, D) -> (B, Q, D)."""
        queries = queries + self.attn(self.norm1(queries), context)
        updated: Tensor = queries + self.mlp(self.norm2(queries))
        return updated
