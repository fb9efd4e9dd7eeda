"""Inverse block masking: a few square blocks of a token grid stay visible (data2vec 2.0, arXiv 2212.07525)."""

from __future__ import annotations

import torch
from torch import Tensor

from hear_audiomosaic.nn.masking import masked_tokens

__all__ = ["inverse_block_keep_ids", "masked_ids"]


def inverse_block_keep_ids(
    n_clips: int,
    grid: tuple[int, int],
    ratio: float = 0.8,
    block: int = 5,
    adjust: float = 0.07,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw square blocks that stay visible, then add or drop single tokens until all clips keep equally many.

    Args:
        n_clips: B (times the masks per clip).
        grid: (rows, columns) of the grid; token index = row * columns + column.
        ratio: share of tokens that is dropped, in (0, 1); floor(N * (1 - ratio)) stay, at least one.
        block: side of a block in tokens. Blocks are centred anywhere on the grid, cut at its edges, and may overlap.
        adjust: added to the share 1 - ratio that the blocks would cover side by side, to make up for overlaps.
        generator: source of randomness; None takes the global one.

    Returns:
        int64, shape (B, K): indices of the tokens that stay, ascending.

    Raises:
        ValueError: nothing would be masked.
    """
    rows, columns = grid
    n_tokens = rows * columns
    n_keep = max(1, int(n_tokens * (1.0 - ratio) + 1e-9))
    if n_keep >= n_tokens:
        raise ValueError(f"A mask ratio of {ratio} masks none of {n_tokens} tokens; expected a ratio in (0, 1).")
    n_blocks = max(1, int(n_tokens * (1.0 - ratio + adjust) / block**2))
    centres = torch.randint(n_tokens, (n_clips, n_blocks, 1), generator=generator)
    token = torch.arange(n_tokens)
    row_offset = token // columns - centres // columns + block // 2  # (B, blocks, N)
    column_offset = token % columns - centres % columns + block // 2
    inside = (row_offset >= 0) & (row_offset < block) & (column_offset >= 0) & (column_offset < block)
    covered = inside.any(dim=1)  # (B, N)
    # Covered tokens come first, in random order among themselves; so do the others after them.
    order = torch.rand(n_clips, n_tokens, generator=generator) + covered
    return order.topk(n_keep, dim=1).indices.sort(dim=1).values


def masked_ids(keep_ids: Tensor, n_tokens: int) -> Tensor:
    """The tokens that do not stay: (B, K) -> (B, N - K), ascending."""
    return masked_tokens(keep_ids, n_tokens).nonzero()[:, 1].reshape(keep_ids.shape[0], -1)
