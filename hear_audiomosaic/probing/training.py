"""What a trainer of heads takes and gives, whether it is the fused one or the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from hear_audiomosaic.probing.batches import batch_slices
from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.grid import GridPoint
from hear_audiomosaic.probing.heads import Head, HeadConstants
from hear_audiomosaic.probing.monitor import worst
from hear_audiomosaic.probing.postprocessing import Setting
from hear_audiomosaic.probing.probe import TrainingData
from hear_audiomosaic.probing.unfinished import State, Unit

__all__ = ["FEWEST_STEPS", "Candidate", "Trained", "Trainer", "restore_heads", "state_of_heads"]

FEWEST_STEPS = 30
"""Optimiser steps below which a head has hardly left its initial weights; ``docs/protocol.md`` has the runs."""


@dataclass(frozen=True)
class Candidate:
    """A head to be trained."""

    point: GridPoint
    data: TrainingData
    parameters: dict[str, Tensor]
    """As :func:`hear_audiomosaic.probing.heads.initial_parameters` draws them."""


@dataclass
class Trained:
    """A head at its best epoch, and the way there."""

    score: float
    """Monitored value of the best check; -inf (or inf) if every one was NaN."""
    head: Head
    epoch: int = -1
    """0-based epoch of the best check."""
    setting: Setting = ()
    checks: list[tuple[int, float, float]] = field(default_factory=list)
    """(epoch, monitored value, validation loss)."""
    train_losses: list[float] = field(default_factory=list)
    """Mean loss of each epoch, if asked for."""
    seconds: float = 0.0
    waited: int = 0
    """Checks since the last improvement."""
    n_checks: int = 0
    """Checks that the grid point allows."""
    steps_per_epoch: int = 1

    @property
    def n_steps(self) -> int:
        """Optimiser steps up to the best check."""
        return (self.epoch + 1) * self.steps_per_epoch

    @property
    def unconverged(self) -> str | None:
        """Why the head is not trained to convergence, in words; None where it is."""
        last = len(self.checks) == self.n_checks and self.waited == 0
        if last and len(self.checks) > 1:
            return f"its best check is the last that was allowed, after {self.n_steps} optimiser steps"
        if self.n_steps < FEWEST_STEPS:
            return f"its best check came after {self.n_steps} optimiser steps"
        return None

    @classmethod
    def begin(cls, candidate: Candidate, constants: HeadConstants, device: str) -> Trained:
        """Before the first check: a copy of the initial parameters."""
        monitor = candidate.data.monitor
        parameters = {name: tensor.to(device, copy=True) for name, tensor in candidate.parameters.items()}
        head = Head(parameters, candidate.point.hidden_layers, monitor.multilabel, constants.norm_eps)
        point, n = candidate.point, len(candidate.data.values)
        steps = len(batch_slices(n, point.batch_size, normalised=point.hidden_layers > 0, strict=False))
        return cls(worst(monitor.higher_is_better), head, n_checks=point.n_checks, steps_per_epoch=steps)

    def predict(self, rows: SplitRows) -> tuple[float, npt.NDArray[np.float32]]:
        """Mean loss on a split, and its (n, C) probabilities."""
        return self.head.predict(rows)

    def _restore(self, state: State, number: int) -> None:
        facts: dict[str, Any] = state.facts["heads"][number]
        self.score, self.epoch, self.waited, self.seconds = (facts[key] for key in _NUMBERS)
        self.setting = tuple((str(name), value) for name, value in facts["setting"])
        self.checks = [(epoch, value, loss) for epoch, value, loss in facts["checks"]]
        self.train_losses = list(facts["train_losses"])
        for name, tensor in self.head.parameters.items():
            tensor.copy_(state.tensors[f"best.{number}.{name}"])


_NUMBERS = ("score", "epoch", "waited", "seconds")
_LISTS = ("setting", "checks", "train_losses")


def state_of_heads(heads: Sequence[Trained]) -> State:
    """What :func:`restore_heads` takes."""
    tensors = {
        f"best.{i}.{name}": tensor for i, one in enumerate(heads) for name, tensor in one.head.parameters.items()
    }
    return State(tensors, {"heads": [{key: getattr(one, key) for key in (*_NUMBERS, *_LISTS)} for one in heads]})


def restore_heads(heads: Sequence[Trained], state: State) -> None:
    """Bring heads that have just begun (:meth:`Trained.begin`) to where they were."""
    for number, one in enumerate(heads):
        one._restore(state, number)


class Trainer(Protocol):
    """Trains heads, each to its own early stop."""

    def __call__(
        self,
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
        """Train heads.

        Args:
            candidates: the heads.
            constants: what is the same for all heads.
            seed: of the dropout masks.
            device: ``cpu`` or a CUDA device.
            precision: of the arithmetic.
            strict: replicate where heareval crashes or stops early.
            record_losses: keep each epoch's mean training loss.
            on_check: called with the number of heads that a validation covered.
            unit: where to go on, and whom to tell each epoch's state.

        Returns:
            One per candidate, in their order.

        Raises:
            ProtocolError: too few rows for batch normalisation; a precision that the trainer does not have; ``strict``,
                and heareval would crash.
        """
