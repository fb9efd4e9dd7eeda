"""Which tokens a masked encoder sees: index tables that drop tokens before the first block."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["axis_keep_ids", "gather_tokens"]


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
    n_keep = int(n_lines * (1.0 - ratio) + 1e-9)  # 5 * (1 - 0.4) is 3, not 2.9999...
    if not 0 < n_keep <= n_lines:
        raise ValueError(f"A mask ratio of {ratio} leaves {n_keep} of {n_lines} lines; expected a ratio in [0, 1).")
    order = torch.rand(n_clips, n_lines, generator=generator).argsort(dim=1)
    lines = order[:, :n_keep].sort(dim=1).values  # (B, n_keep)
    tokens = torch.arange(grid[0] * grid[1]).reshape(grid)  # (rows, columns)
    if axis == 0:
        return tokens[lines].flatten(1)
    return tokens[:, lines].permute(1, 0, 2).flatten(1)


def gather_tokens(tokens: Tensor, keep_ids: Tensor) -> Tensor:
    """Select tokens: (B, N, D) and indices (B, K) -> (B, K, D)."""
    return tokens.gather(1, keep_ids[..., None].expand(-1, -1, tokens.shape[-1]))
