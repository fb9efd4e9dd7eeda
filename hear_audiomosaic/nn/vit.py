"""Vision-transformer parts (Dosovitskiy et al., arXiv 2010.11929), pre-norm, with the tensor names of timm.

One implementation for all methods of this project, so that a comparison of methods compares methods.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hear_audiomosaic.nn.attention import attend
from hear_audiomosaic.nn.sizes import EncoderSize

__all__ = ["LAYER_NORM_EPS", "Attention", "Block", "DropPath", "Mlp", "PatchEmbed", "PatchEncoder", "drop_path_rates"]

LAYER_NORM_EPS = 1e-6


class PatchEncoder(nn.Module):
    """What a transformer over patches of a spectrogram has, whatever the method.

    Attributes:
        size: width, depth and heads.
        grid: tokens along the two axes of its longest input, in the order of their index.
        blocks: one :class:`Block` per layer.
    """

    size: EncoderSize
    grid: tuple[int, int]
    blocks: nn.ModuleList

    def forward_layers(self, spectrogram: Tensor, keep_ids: Tensor | None = None) -> list[Tensor]:
        """Tokens after every block, before any norm that follows the last.

        Args:
            spectrogram: as for ``embed_patches``.
            keep_ids: int64, shape (B, K), patch tokens that stay; a class token is not counted and never masked. None
                keeps all.

        Returns:
            L tensors of shape (B, N, D) or (B, K, D), with a class token (B, 1 + N, D) or (B, 1 + K, D).
        """
        return list(self._layers(spectrogram, keep_ids))

    def _layers(self, spectrogram: Tensor, keep_ids: Tensor | None) -> Iterator[Tensor]:
        """Yield the tokens after every block."""
        raise NotImplementedError


class PatchEmbed(nn.Module):
    """Cut a spectrogram into patches and map each one linearly to a token.

    Args:
        dim: D, width of a token.
        patch_size: patch height and width, in the order of the input's two axes.
        norm: whether a LayerNorm follows the map.
    """

    def __init__(self, dim: int, patch_size: tuple[int, int] = (16, 16), norm: bool = False) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(1, dim, kernel_size=patch_size, stride=patch_size)
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS) if norm else nn.Identity()

    def forward(self, spectrogram: Tensor) -> Tensor:
        """(B, H, W) -> (B, N, D), patches in row-major order of (H / patch, W / patch)."""
        tokens = self.proj(spectrogram.unsqueeze(1))  # (B, D, H / ph, W / pw)
        normed: Tensor = self.norm(tokens.flatten(2).transpose(1, 2))
        return normed


class Attention(nn.Module):
    """Multi-head self-attention; rows of ``qkv`` are q | k | v, each ``num_heads`` x head width.

    Args:
        dim: D, width of a token.
        num_heads: attention heads.
        key_bias: whether keys have a bias, as in ViT (one ``qkv.bias``). Without one (BEiT, arXiv 2106.08254) queries
            and values have theirs as ``q_bias`` and ``v_bias``. A key's bias adds the same to all logits of a query,
            so softmax does not see it.
    """

    def __init__(self, dim: int, num_heads: int, key_bias: bool = True) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"A width of {dim} cannot be split into {num_heads} heads of equal width.")
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=key_bias)
        if not key_bias:
            self.q_bias = nn.Parameter(torch.zeros(dim))
            self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        b, n, d = x.shape
        qkv = self._project(x).reshape(b, n, 3, self.num_heads, d // self.num_heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)  # (B, heads, N, D / heads) each
        mixed = attend(query, key, value)
        output: Tensor = self.proj(mixed.transpose(1, 2).reshape(b, n, d))
        return output

    def _project(self, x: Tensor) -> Tensor:
        if self.qkv.bias is not None:
            projected: Tensor = self.qkv(x)
            return projected
        return F.linear(x, self.qkv.weight, torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias]))


class Mlp(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        output: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return output


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., arXiv 1603.09382): drop a residual branch of a clip with probability ``rate``."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Same shape; the identity in eval mode, unbiased in training."""
        if self.rate == 0.0 or not self.training:
            return x
        kept = torch.rand(x.shape[0], *([1] * (x.ndim - 1)), device=x.device) >= self.rate
        return x * kept / (1.0 - self.rate)


class Block(nn.Module):
    """Pre-norm transformer block: x + Attention(LN(x)), then x + MLP(LN(x)).

    Attributes:
        checkpointed: whether training computes the block twice instead of keeping what lies inside it in memory.
    """

    checkpointed = False

    def __init__(
        self, dim: int, num_heads: int, mlp_ratio: float = 4.0, drop_path: float = 0.0, key_bias: bool = True
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.attn = Attention(dim, num_heads, key_bias)
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        if self.checkpointed and self.training and torch.is_grad_enabled():
            recomputed: Tensor = checkpoint(self._forward, x, use_reentrant=False)
            return recomputed
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        output: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return output


def drop_path_rates(highest: float, depth: int) -> list[float]:
    """Rates that rise linearly from 0 in the first block to ``highest`` in the last."""
    return [highest * i / max(depth - 1, 1) for i in range(depth)]
