"""AudioMosaic's pre-training objective (arXiv 2605.14231, section 3): masked views and NT-Xent."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.nn import axis_keep_ids

__all__ = ["FREQUENCY_RATIO", "TEMPERATURE", "TIME_RATIO", "keep_ids", "nt_xent"]

TIME_RATIO, FREQUENCY_RATIO, TEMPERATURE = 0.6, 0.4, 0.1
Branch = Literal["time", "frequency"]
Layout = Literal["grid", "released"]


def keep_ids(
    n_clips: int,
    grid: tuple[int, int],
    branch: Branch,
    ratio: float,
    layout: Layout = "grid",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Tokens that one branch keeps; the class token is not counted and never masked.

    Args:
        n_clips: B.
        grid: (time steps, frequency bands) of the token grid, (64, 8) for 10.24 s.
        branch: "time" drops time steps, "frequency" drops bands.
        ratio: share that is dropped; 0.6 and 0.4 in the paper.
        layout: "grid" masks the true grid as the paper words it; "released" masks the swapped view of the token index
            that the released code uses (contiguous chunks of time for "time", a pattern that repeats in every
            chunk for "frequency").
        generator: source of randomness.

    Returns:
        int64, shape (B, K): 200 (time) or 256 (frequency) of 512 tokens on the true grid, 192 or 304 with "released".
    """
    shape = grid if layout == "grid" else (grid[1], grid[0])
    return axis_keep_ids(n_clips, shape, 0 if branch == "time" else 1, ratio, generator)


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Normalised temperature-scaled cross-entropy (SimCLR, arXiv 2002.05709, equation 1), mean over both views.

    Args:
        first: projections of one view, shape (B, D); normalised here.
        second: projections of the other view, same shape; row i is the positive of row i of ``first``.
        temperature: tau; 0.1 in AudioMosaic.

    Returns:
        float32 scalar. The denominator of each of the 2B rows has 2B - 1 terms. Computed in float32 whatever the
        autocast state. Deviation: the released code lets bf16 autocast round the logits.
    """
    with torch.autocast(first.device.type, enabled=False):
        z = F.normalize(torch.cat([first, second]).float(), dim=1)  # (2B, D)
        logits = z @ z.T / temperature  # (2B, 2B)
        logits = logits.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float("-inf"))
        n = first.shape[0]
        positives = torch.arange(2 * n, device=z.device).roll(n)
        return F.cross_entropy(logits, positives)
