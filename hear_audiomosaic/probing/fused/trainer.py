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
from dataclasses import asdict, dataclass
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
from hear_audiomosaic.probing.training import Candidate, Trained, restore_heads, state_of_heads
from hear_audiomosaic.probing.unfinished import State, Unit

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
    unit: Unit | None = None,
) -> list[Trained]:
    """Train heads, those of one shape together, as :class:`hear_audiomosaic.probing.training.Trainer` says.

    ``precision`` is ``fp32``, or ``bf16`` for bfloat16 matrix products in the hidden layers.
    """
    results = [Trained.begin(candidate, constants, device) for candidate in candidates]
    unit = unit or Unit.unsaved()
    for number, members in enumerate(_same_shape(candidates)):
        run = _Run(
            [candidates[i] for i in members], [results[i] for i in members], constants, device, precision, strict
        )
        run.train(seed, record_losses, on_check or (lambda heads: None), unit.part(number))
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


@dataclass
class _Position:
    """How far the training is."""

    alive: list[int]
    """Candidates that train in this round, in the order of the stack."""
    rounds: int = 0
    """Rounds, each from one validation to the next, that are over."""
    chunks: int = 0
    """Chunks of this round that are through."""
    epochs: int = 0
    """Epochs of the next chunk in this round; after all of them it has been validated, too."""


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
    def train(self, seed: int, record_losses: bool, on_check: Callable[[int], None], unit: Unit) -> None:
        masks = Masks(self._layout.dropout, seed, self._layout.dtype, self._layout.device)
        at = self._restored(unit.saved(), masks)
        if not at.alive:
            return
        chunks = self._cut(at.alive, masks)
        while at.alive:
            for chunk, members in chunks[at.chunks :]:
                self._to_validation(
                    chunk, members, at, record_losses, lambda: unit.offer(lambda: self._state(at, masks))
                )
                at.chunks, at.epochs = at.chunks + 1, 0
            at.rounds, at.chunks = at.rounds + 1, 0
            on_check(len(at.alive))
            remaining = [place for place, index in enumerate(at.alive) if not self._is_done(index, at.rounds)]
            if len(remaining) < len(at.alive):
                self._stack.keep(remaining)
                at.alive = [at.alive[place] for place in remaining]
                chunks = self._cut(at.alive, masks)
        unit.offer(lambda: self._state(at, masks))

    def _to_validation(
        self, chunk: Chunk, members: list[int], at: _Position, record_losses: bool, on_epoch: Callable[[], None]
    ) -> None:
        """Train a chunk until its next validation, and validate it."""
        every = self._point.check_val_every_n_epoch
        while at.epochs < every:
            started = time.perf_counter()
            self._epoch(chunk, members, record_losses)
            at.epochs += 1
            if at.epochs == every:
                self._check(chunk, members, (at.rounds + 1) * every - 1)
            for index in members:
                self._results[index].seconds += (time.perf_counter() - started) / len(members)
            on_epoch()

    def _state(self, at: _Position, masks: Masks) -> State:
        """All that training goes on from; of heads that are done, the results alone."""
        heads, drawn = state_of_heads(self._results), masks.state()
        stack = {f"stack.{name}": tensor for name, tensor in self._stack.state.items()} if at.alive else {}
        tensors = {**heads.tensors, **stack, **{f"masks.{name}": tensor for name, tensor in drawn.tensors.items()}}
        return State(tensors, {**heads.facts, "masks": drawn.facts, "position": asdict(at)})

    def _restored(self, state: State | None, masks: Masks) -> _Position:
        if state is None:
            return _Position(list(range(len(self._candidates))))
        restore_heads(self._results, state)
        masks.restore(State({"generator": state.tensors["masks.generator"]}, state.facts["masks"]))
        for name in self._stack.state if state.facts["position"]["alive"] else ():
            self._stack.state[name] = state.tensors[f"stack.{name}"].to(self._layout.device)
        return _Position(**state.facts["position"])

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

    def _epoch(self, chunk: Chunk, members: list[int], record_losses: bool) -> None:
        rows = self._rows[id(self._candidates[members[0]].data)]
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
