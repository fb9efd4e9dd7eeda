"""Which tokens a masked encoder sees: index tables that drop tokens before the first block."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["axis_keep_ids", "gather_tokens", "masked_tokens", "random_keep_ids", "scatter_tokens"]


def axis_keep_ids(
    n_clips: int, grid: tuple[int, int], axis: int, ratio: float, generator: torch.Generator | None = None
) -> Tensor:
    """Mask whole rows or whole columns of a token grid, drawn per clip.

    Args:
        n_clips: B.
        grid: (rows, columns) of the grid; token index = row * columns + column.
        axis: 0 masks rows, 1 masks columns.
        ratio: share of rows or columns that is dropped, in [0, 1); floor(n * (1 - ratio)) stay.
        generator: source of randomness; None takes the global one.

    Returns:
        int64, shape (B, K): indices of the tokens that stay, ascending.

    Raises:
        ValueError: nothing would stay.
    """
    n_lines = grid[axis]
    n_keep = _n_kept(n_lines, ratio, "lines")
    order = torch.rand(n_clips, n_lines, generator=generator).argsort(dim=1)
    lines = order[:, :n_keep].sort(dim=1).values  # (B, n_keep)
    tokens = torch.arange(grid[0] * grid[1]).reshape(grid)  # (rows, columns)
    if axis == 0:
        return tokens[lines].flatten(1)
    return tokens[:, lines].permute(1, 0, 2).flatten(1)


def random_keep_ids(n_clips: int, n_tokens: int, ratio: float, generator: torch.Generator | None = None) -> Tensor:
    """Mask single tokens, drawn per clip without regard to the grid (MAE, arXiv 2111.06377).

    Args:
        n_clips: B.
        n_tokens: N.
        ratio: share of tokens that is dropped, in [0, 1); floor(N * (1 - ratio)) stay.
        generator: source of randomness; None takes the global one.

    Returns:
        int64, shape (B, K): indices of the tokens that stay, ascending (attention does not mind the order).

    Raises:
        ValueError: nothing would stay.
    """
    n_keep = _n_kept(n_tokens, ratio, "tokens")
    order = torch.rand(n_clips, n_tokens, generator=generator).argsort(dim=1)
    return order[:, :n_keep].sort(dim=1).values


def masked_tokens(keep_ids: Tensor, n_tokens: int) -> Tensor:
    """Which tokens are dropped: indices (B, K) that stay -> bool (B, N), True where masked."""
    mask = torch.ones(keep_ids.shape[0], n_tokens, dtype=torch.bool, device=keep_ids.device)
    return mask.scatter_(1, keep_ids, False)


def gather_tokens(tokens: Tensor, keep_ids: Tensor) -> Tensor:
    """Select tokens: (B, N, D) and indices (B, K) -> (B, K, D)."""
    return tokens.gather(1, keep_ids[..., None].expand(-1, -1, tokens.shape[-1]))


def scatter_tokens(kept: Tensor, keep_ids: Tensor, filler: Tensor, n_tokens: int) -> Tensor:
    """Put kept tokens back in their places: (B, K, D), indices (B, K) -> (B, N, D), ``filler`` (1, 1, D) elsewhere."""
    full = filler.to(kept.dtype).expand(kept.shape[0], n_tokens, -1)
    return full.scatter(1, keep_ids[..., None].expand_as(kept), kept)


def _n_kept(n: int, ratio: float, what: str) -> int:
    n_keep = int(n * (1.0 - ratio) + 1e-9)  # 5 * (1 - 0.4) is 3, not 2.9999...
    if not 0 < n_keep <= n:
        raise ValueError(f"A mask ratio of {ratio} leaves {n_keep} of {n} {what}; expected a ratio in [0, 1).")
    return n_keep
