"""The fused trainer: many heads of one shape trained as one computation.

What heareval trains one after another - grid points, folds, seeds - lies here in one stack. Heads that share their
training rows share the first layer's GEMM, every step is a handful of kernels for all of them, and heads that stop
leave the stack.

On a GPU a chunk (what runs at once) is all heads of a data set. On a CPU chunks are cut so that their activations stay
in the cache, and each chunk trains from one validation to the next before the next one follows: the heads are
independent, so the result is the same, and weights and moments are read from memory once instead of once per batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.probing.batches import batch_slices
from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.fused.kernels import Chunk
from hear_audiomosaic.probing.fused.masks import Masks
from hear_audiomosaic.probing.fused.stack import Layout, Scratch, Stack
from hear_audiomosaic.probing.heads import HeadConstants
from hear_audiomosaic.probing.monitor import improves
from hear_audiomosaic.probing.probe import TrainingData
from hear_audiomosaic.probing.training import Candidate, Trained

__all__ = ["train"]

CACHED_ELEMENTS = 1 << 18
"""Hidden activations (n * g * H) of a chunk on a CPU, where there is more than one head in it."""
ROWS_AT_ONCE = 2048
"""Rows of one evaluation forward."""


def train(
    candidates: Sequence[Candidate],
    constants: HeadConstants,
    *,
    seed: int,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    record_losses: bool = False,
    on_check: Callable[[int], None] | None = None,
) -> list[Trained]:
    """Train heads, those of one shape together, as :class:`hear_audiomosaic.probing.training.Trainer` says.

    ``precision`` is ``fp32``, or ``bf16`` for bfloat16 matrix products in the hidden layers.
    """
    results = [Trained.begin(candidate, constants, device) for candidate in candidates]
    for members in _same_shape(candidates):
        run = _Run(
            [candidates[i] for i in members], [results[i] for i in members], constants, device, precision, strict
        )
        run.train(seed, record_losses, on_check or (lambda heads: None))
    return results


def _same_shape(candidates: Sequence[Candidate]) -> list[list[int]]:
    """Group heads by shape and interval of validation; heads of one data set stay neighbours."""

    def shape(index: int) -> tuple[float, ...]:
        point = candidates[index].point
        return (point.hidden_layers, point.hidden_dim, point.dropout, point.batch_size, point.check_val_every_n_epoch)

    seen: dict[int, int] = {}  # data sets in the order of their first head
    data_set = [seen.setdefault(id(candidate.data), len(seen)) for candidate in candidates]
    order = sorted(range(len(candidates)), key=lambda i: (shape(i), data_set[i], i))
    return [list(group) for _, group in groupby(order, key=shape)]


class _Rows:
    """A data set on the device."""

    def __init__(self, data: TrainingData, layout: Layout, slices: list[slice]) -> None:
        device = layout.device
        x = _on(device, data.values)
        valid: SplitRows = data.monitor.rows
        x_valid = _on(device, valid.values)
        self.centre = x.mean(0) if layout.low and layout.hidden_layers else None
        if self.centre is not None:
            x, x_valid = (x - self.centre).bfloat16(), (x_valid - self.centre).bfloat16()
        y = _on(device, data.targets)
        self.batches = [(x[rows], y[rows]) for rows in slices]
        self.n = len(x)
        self.x_valid, self.y_valid = x_valid, _on(device, valid.targets)


class _Run:
    """The training of heads of one shape."""

    def __init__(
        self,
        candidates: list[Candidate],
        results: list[Trained],
        constants: HeadConstants,
        device: str,
        precision: str,
        strict: bool,
    ) -> None:
        point, data = candidates[0].point, candidates[0].data
        self._candidates, self._results, self._point = candidates, results, point
        self._strict = strict
        self._layout = Layout(
            n_features=data.values.shape[1],
            n_classes=data.targets.shape[1],
            hidden_layers=point.hidden_layers,
            hidden_dim=point.hidden_dim,
            dropout=point.dropout,
            multilabel=data.monitor.multilabel,
            device=device,
            low=precision == "bf16" and point.hidden_layers > 0,
            adam_betas=constants.adam_betas,
            adam_eps=constants.adam_eps,
            norm_momentum=constants.norm_momentum,
            norm_eps=constants.norm_eps,
        )
        self._stack = Stack(self._layout, [candidate.parameters for candidate in candidates])
        different = {id(candidate.data): candidate.data for candidate in candidates}
        self._rows = {key: _Rows(one, self._layout, self._slices(one)) for key, one in different.items()}
        self._scratch = Scratch(device)

    def _slices(self, data: TrainingData) -> list[slice]:
        normalised = self._layout.hidden_layers > 0
        return batch_slices(len(data.values), self._point.batch_size, normalised=normalised, strict=self._strict)

    @torch.inference_mode()
    def train(self, seed: int, record_losses: bool, on_check: Callable[[int], None]) -> None:
        masks = Masks(self._layout.dropout, seed, self._layout.dtype, self._layout.device)
        alive = list(range(len(self._candidates)))
        every, check = self._point.check_val_every_n_epoch, 0
        chunks = self._cut(alive, masks)
        while alive:
            check += 1
            for chunk, members in chunks:
                started = time.perf_counter()
                self._epochs(chunk, members, every, record_losses)
                self._check(chunk, members, check * every - 1)
                for index in members:
                    self._results[index].seconds += (time.perf_counter() - started) / len(members)
            on_check(len(alive))
            remaining = [position for position, index in enumerate(alive) if not self._is_done(index, check)]
            if len(remaining) < len(alive):
                self._stack.keep(remaining)
                alive = [alive[position] for position in remaining]
                chunks = self._cut(alive, masks)

    def _cut(self, alive: list[int], masks: Masks) -> list[tuple[Chunk, list[int]]]:
        """Cut the stack into chunks of heads with common rows."""
        chunks = []
        start = 0
        for key, group in groupby(alive, key=lambda index: id(self._candidates[index].data)):
            members, rows = list(group), self._rows[key]
            size = len(members)
            if self._layout.device == "cpu":
                longest = max(len(x) for x, _ in rows.batches)
                size = max(1, CACHED_ELEMENTS // (longest * self._layout.hidden_dim))
            for first in range(0, len(members), size):
                part = members[first : first + size]
                state = self._stack.rows(start + first, start + first + len(part))
                lrs = [self._candidates[index].point.lr for index in part]
                chunks.append((Chunk(self._layout, state, lrs, masks, self._scratch, rows.centre), part))
            start += len(members)
        return chunks

    def _epochs(self, chunk: Chunk, members: list[int], epochs: int, record_losses: bool) -> None:
        rows = self._rows[id(self._candidates[members[0]].data)]
        for _ in range(epochs):
            losses = torch.zeros(len(members), device=self._layout.device) if record_losses else None
            for x, y in rows.batches:
                chunk.step(x, y, losses)
            if losses is not None:
                for index, loss in zip(members, (losses / rows.n).tolist(), strict=True):
                    self._results[index].train_losses.append(loss)

    def _check(self, chunk: Chunk, members: list[int], epoch: int) -> None:
        """Validate a chunk, and keep the weights of heads that improved."""
        data = self._candidates[members[0]].data
        rows = self._rows[id(data)]
        parts = [chunk.logits(x) for x in torch.split(rows.x_valid, ROWS_AT_ONCE)]
        logits = parts[0] if len(parts) == 1 else torch.cat(parts, 1)  # (g, n, C)
        check = data.monitor.check(logits, chunk.loss(logits, rows.y_valid), rows.y_valid)
        for position, index in enumerate(members):
            result, value = self._results[index], float(check.values[position])
            result.checks.append((epoch, value, float(check.losses[position])))
            better = improves(value, result.score, data.monitor.higher_is_better)
            result.waited = 0 if better else result.waited + 1
            if better or result.epoch < 0:  # the first check is kept whatever its value
                result.score = value if better else result.score
                result.epoch, result.setting = epoch, check.settings[position]
                for name, tensor in chunk.parameters(position).items():
                    result.head.parameters[name].copy_(tensor)

    def _is_done(self, index: int, check: int) -> bool:
        result, point = self._results[index], self._candidates[index].point
        stopped_by_nan = self._strict and not np.isfinite(result.checks[-1][1])
        return stopped_by_nan or result.waited >= point.patience or check >= point.n_checks


def _on(device: str, array: npt.NDArray[np.float32]) -> Tensor:
    """A copy of an array on a device."""
    return torch.from_numpy(np.array(array, dtype=np.float32)).to(device)
