"""What every kind of probe offers to :mod:`hear_audiomosaic.probing.run`; one class each.

There are :class:`~hear_audiomosaic.probing.mlp.MlpProbe` and :class:`~hear_audiomosaic.probing.logistic.LogisticProbe`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.grid import Value
from hear_audiomosaic.probing.monitor import Monitor
from hear_audiomosaic.probing.postprocessing import Setting
from hear_audiomosaic.probing.unfinished import Unit
from hear_audiomosaic.tasks import TaskCard

__all__ = ["Job", "Probe", "RunSettings", "TrainedProbe", "TrainingData"]


@dataclass(frozen=True)
class RunSettings:
    """How a run computes; none of it is part of a protocol but ``strict``."""

    device: str = "cpu"
    """``cpu`` or a CUDA device."""
    precision: str = "fp32"
    """``fp32``, or ``bf16`` for bfloat16 matrix products in the hidden layers."""
    strict: bool = False
    """Replicate where heareval crashes or stops early."""
    trainer: str = "fused"
    """``fused``, or ``reference`` (:mod:`hear_audiomosaic.probing.reference`)."""
    unit: Unit = field(default_factory=Unit.unsaved, compare=False, repr=False)
    """Where the jobs at hand go on, and whom to tell their state; a probe that does not look at it begins anew."""


@dataclass(frozen=True)
class TrainingData:
    """The rows that probes train on, and the monitor of those they are validated on."""

    values: npt.NDArray[np.float32]
    """(n, D) float32."""
    targets: npt.NDArray[np.float32]
    """(n, C) float32 multi-hot."""
    monitor: Monitor


@dataclass(frozen=True)
class Job:
    """A probe to be trained: one grid point, on one fold, with one seed."""

    seed: int
    fold: int
    """Index in the task's folds."""
    point: int
    """Index in the task's grid points."""
    data: TrainingData


class TrainedProbe(Protocol):
    """A probe that has been trained, at its best."""

    @property
    def score(self) -> float:
        """The monitored value on the validation split, by which grid points are compared."""

    @property
    def epoch(self) -> int | None:
        """0-based epoch of that value; None for probes that have no epochs."""

    @property
    def setting(self) -> Setting:
        """The post-processing that was chosen; () for scenes."""

    @property
    def unconverged(self) -> str | None:
        """Why it is not trained to convergence, in words; None where it is."""

    @property
    def seconds(self) -> float:
        """What the training took."""

    def predict(self, rows: SplitRows) -> tuple[float, npt.NDArray[np.float32]]:
        """Mean loss on a split, and its (n, C) probabilities."""


class Probe(Protocol):
    """A kind of probe with its hyper-parameters, as a protocol holds it."""

    @property
    def n_grid_points(self) -> int:
        """Grid points that are tried, at most."""

    @property
    def is_random(self) -> bool:
        """Whether training draws anything with the seed; if not, every seed has the same result."""

    @property
    def standardise(self) -> bool:
        """Whether it is to be given features of mean 0 and deviation 1 over a fold's training rows."""

    def content(self) -> dict[str, Any]:
        """Every value that can change a score, for the protocol's fingerprint."""

    def monitored_score(self, card: TaskCard) -> str | None:
        """Name of the score by which grid points are compared; None: the validation loss."""

    def resolve(self, settings: RunSettings) -> RunSettings:
        """The settings as this kind of probe can follow them.

        Raises:
            ProtocolError: it cannot.
        """

    def hparams(self, card: TaskCard) -> tuple[dict[str, Value], ...]:
        """Hyper-parameters of a task's grid points, in the order in which they win ties.

        Raises:
            ProtocolError: this kind of probe does not apply to the task.
        """

    def train(
        self, card: TaskCard, jobs: Sequence[Job], settings: RunSettings, progress: Callable[[str], None]
    ) -> Sequence[TrainedProbe]:
        """Train probes, one for each job in their order.

        Args:
            card: the task.
            jobs: what to train.
            settings: how.
            progress: called now and then with a few words on the state.
        """
