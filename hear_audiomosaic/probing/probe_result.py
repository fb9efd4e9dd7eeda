"""The result of a protocol on a task: scores and predictions of each fold, and how the probe was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing.grid import Value
from hear_audiomosaic.probing.postprocessing import Setting
from hear_audiomosaic.results.scores import aggregate

__all__ = ["FoldResult", "GridPointResult", "ProbeResult", "aggregate", "named_scores"]


@dataclass(frozen=True)
class FoldResult:
    """The test of one fold."""

    split: str
    """Name of the test split."""
    scores: dict[str, float]
    """test_loss, test_score, test_<score>, test_<score>_<sub score>, validation_score, epoch, time_in_min."""
    probabilities: npt.NDArray[np.float32]
    """(n, C)."""
    targets: npt.NDArray[np.float32]
    """(n, C) multi-hot."""
    files: tuple[str, ...]
    row_file: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.float64] | None
    predicted_events: Events | None
    reference_events: Events | None
    unconverged: str | None = None
    """Why the probe is not trained to convergence, in words; None where it is."""


def named_scores(loss: float, scores: Mapping[str, float], primary: str, **others: float) -> dict[str, float]:
    """The scores of a fold by the names of heareval's result files, in their order.

    Args:
        loss: on the test split.
        scores: on the test split, by name.
        primary: name of the one that counts.
        others: what stands behind them, such as ``validation_score``.
    """
    named = {f"test_{name}": value for name, value in scores.items()}
    return {"test_loss": loss, "test_score": named[f"test_{primary}"], **named, **others}


@dataclass(frozen=True)
class GridPointResult:
    """One grid point on the first split."""

    validation_score: float
    """The monitored value of its best check."""
    epoch: int | None
    """0-based epoch of that check; None for probes that have no epochs."""
    hparams: Mapping[str, Value]
    postprocessing: Setting
    """() for scenes."""


@dataclass(frozen=True)
class ProbeResult:
    """The result of a protocol on a task."""

    task: str
    folds: tuple[FoldResult, ...]
    aggregated: dict[str, float]
    """<key>_mean and <key>_std (sample) over folds; empty for a single fold."""
    hparams: Mapping[str, Value]
    """Of the winner."""
    postprocessing: Setting
    """Of the winner on the first split; () for scenes."""
    score_name: str
    score_mode: str
    """``max`` or ``min``: direction of what was monitored."""
    grid_points: tuple[GridPointResult, ...]
    """In the order of the draw."""
    protocol: str
    fingerprint: str
    strict: bool
    seed: int
    device: str
    precision: str
    seconds: float

    @property
    def score(self) -> float:
        """The task's value: the first score, for k-fold its mean."""
        return self.aggregated["test_score_mean"] if self.aggregated else self.folds[0].scores["test_score"]
