"""Dropout masks at the price of reading them."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from hear_audiomosaic.probing.unfinished import State

__all__ = ["Masks"]

POOL = 1 << 23
ALIGNMENT = 32


class Masks:
    """Draws dropout masks of zeros and ones.

    On a GPU every mask is drawn afresh. On a CPU the generator would cost as much as the GEMMs of small batches, so
    masks are cut at a random offset from a pool of independent draws: within a mask all draws are independent, and two
    masks share draws only at shifted positions.

    Args:
        dropout: chance of a zero.
        seed: of all draws.
        dtype: of the activations.
        device: of the activations.
    """

    def __init__(self, dropout: float, seed: int, dtype: torch.dtype, device: str) -> None:
        self._dropout, self._dtype = dropout, dtype
        self._generator = torch.Generator(device).manual_seed(seed)
        self._offsets = random.Random(seed)  # noqa: S311 - not a secret
        self._pool: Tensor | None = None
        self._before_pool: Tensor | None = None

    def apply_(self, x: Tensor) -> None:
        """Set elements of a contiguous tensor to zero, each with the chance of dropout; no scaling."""
        if self._dropout == 0:
            return
        if x.is_cuda:
            x.mul_(torch.empty_like(x).bernoulli_(1.0 - self._dropout, generator=self._generator))
            return
        size = x.numel()
        if self._pool is None or self._pool.numel() < 4 * size:
            self._pool = self._draw_pool(max(POOL, 4 * size))
        start = ALIGNMENT * self._offsets.randrange((self._pool.numel() - size) // ALIGNMENT + 1)
        x.view(self._pool.dtype).bitwise_and_(self._pool[start : start + size].view_as(x))

    def _draw_pool(self, size: int) -> Tensor:
        """Independent draws as integers of the activations' width, no bit or all bits set.

        The chance of a zero is the dropout to within 2^-17 (draws of 16 bits, four at a time).
        """
        self._before_pool = self._generator.get_state()
        words = torch.empty(size // 4 + 1, dtype=torch.int64).random_(-(2**63), None, generator=self._generator)
        threshold = round(self._dropout * 2**16) - 2**15
        kept = words.view(torch.int16)[:size] >= threshold
        return kept.to(torch.int16 if self._dtype == torch.bfloat16 else torch.int32).neg_()

    def state(self) -> State:
        """Where the draws are; the pool as what it was drawn from."""
        drawn_from = self._generator.get_state() if self._before_pool is None else self._before_pool
        n_pool = 0 if self._pool is None else self._pool.numel()
        return State({"generator": drawn_from}, {"offsets": self._offsets.getstate(), "pool": n_pool})

    def restore(self, state: State) -> None:
        """Go on where :meth:`state` was asked."""
        version, words, gauss = state.facts["offsets"]
        self._offsets.setstate((version, tuple(words), gauss))
        self._generator.set_state(state.tensors["generator"])
        self._pool = self._draw_pool(state.facts["pool"]) if state.facts["pool"] else None
