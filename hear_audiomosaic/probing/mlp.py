"""HEAR's probe: a small multilayer perceptron, trained by Adam, its hyper-parameters drawn from a grid.

Origin: heareval 2021.1.3. With no hidden layers it is a linear probe.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing import reference
from hear_audiomosaic.probing.fused import trainer as fused
from hear_audiomosaic.probing.grid import Grid, GridPoint, Value, check_grid, draw_points
from hear_audiomosaic.probing.heads import HeadConstants, initial_parameters
from hear_audiomosaic.probing.probe import Job, RunSettings
from hear_audiomosaic.probing.training import Candidate, Trained, Trainer
from hear_audiomosaic.tasks import TaskCard
from hear_audiomosaic.tasks.card import HEAREVAL_TASK_GRIDS

__all__ = ["TRAINERS", "MlpProbe"]

TRAINERS: Mapping[str, Trainer] = MappingProxyType({"fused": fused.train, "reference": reference.train})

STATE_BYTES = 4 << 30
"""Weights, moments and best weights of heads that train together; more heads go in several rounds."""

_METHOD = {
    "layer": "linear, batch norm, dropout, relu",
    "rows": "never shuffled; last batch kept",
    "loss": "cross-entropy (multiclass), binary cross-entropy (multilabel)",
    "monitor": "first score, or validation loss; earliest best epoch; strict improvement",
    "selection": "all points on the first split; first best point; its hyper-parameters on the other splits",
    "postprocessing": "largest (score, setting) at each check, whatever the score's direction",
    "aggregation": "mean and sample standard deviation over folds",
}
"""What is always done, in words, so that a change of it changes the fingerprint."""


@dataclass(frozen=True)
class MlpProbe:
    """Heads that are trained epoch by epoch, one per grid point.

    Raises:
        ProtocolError: the grid is not heareval's, or a value is impossible.
    """

    grid: Grid
    """Grid entry -> its values, in heareval's words."""
    n_grid_points: int = 8
    grid_seed: int = 42
    """Seed of the draw of grid points; heareval's own seed whatever the seed of a run."""
    task_grids: Mapping[str, Grid] = field(default_factory=lambda: HEAREVAL_TASK_GRIDS)
    """Grid entries that a task overrides, by task name; a task's own metadata override these again."""
    constants: HeadConstants = field(default_factory=HeadConstants)
    standardise: bool = False
    """Bring every feature to mean 0 and deviation 1 over a fold's training rows."""

    def __post_init__(self) -> None:
        check_grid("the probe", self.grid)
        if self.n_grid_points < 1:
            raise ProtocolError(f"the probe: n_grid_points is {self.n_grid_points}; expected at least 1.")

    @property
    def is_random(self) -> bool:
        """True: weights and dropout are drawn."""
        return True

    def content(self) -> dict[str, Any]:
        """Every value that can change a score."""
        content: dict[str, Any] = {
            "grid": self.grid,
            "n_grid_points": self.n_grid_points,
            "grid_seed": self.grid_seed,
            "task_grids": self.task_grids,
            **dataclasses.asdict(self.constants),
            "method": _METHOD,
        }
        return content | ({"standardise": True} if self.standardise else {})  # a fingerprint names what is done

    def monitored_score(self, card: TaskCard) -> str | None:
        """The task's first score, or None (the validation loss) where the task says so."""
        return card.evaluation[0] if card.use_scoring_for_early_stopping else None

    def resolve(self, settings: RunSettings) -> RunSettings:
        """The same settings.

        Raises:
            ProtocolError: there is no such trainer.
        """
        if settings.trainer not in TRAINERS:
            raise ProtocolError(f"no trainer is called {settings.trainer!r}; there are {', '.join(TRAINERS)}.")
        return settings

    def grid_points(self, task: str, task_grid: Mapping[str, Sequence[Any]] | None = None) -> tuple[GridPoint, ...]:
        """Draw the grid points of a task (:func:`hear_audiomosaic.probing.grid.draw_points`).

        Args:
            task: the task's name, with or without ``-<version>-<mode>``, for ``task_grids``.
            task_grid: overrides from the task's metadata (``task_specific_param_grid``).

        Returns:
            The points; fewer than ``n_grid_points`` where the grid has no more.

        Raises:
            ProtocolError: an override names no entry of the grid, or has an impossible value.
        """
        builtin = next((grid for name, grid in self.task_grids.items() if (task + "-").startswith(name + "-")), {})
        overrides = {**builtin, **(task_grid or {})}
        unknown = sorted(set(overrides) - set(self.grid))
        if unknown:
            raise ProtocolError(f"task {task!r} overrides {unknown[0]!r}, which the probe's grid does not have.")
        grid = {key: tuple(overrides.get(key, values)) for key, values in self.grid.items()}
        check_grid(f"the probe for task {task}", grid)
        return draw_points(grid, self.n_grid_points, self.grid_seed)

    def hparams(self, card: TaskCard) -> tuple[dict[str, Value], ...]:
        """Hyper-parameters of the task's grid points."""
        return tuple(point.hparams() for point in self._points(card))

    def train(
        self, card: TaskCard, jobs: Sequence[Job], settings: RunSettings, progress: Callable[[str], None]
    ) -> list[Trained]:
        """Train heads, as many together as memory allows."""
        points = self._points(card)
        trained: list[Trained] = []
        if not jobs:
            return trained
        n_features, n_classes = jobs[0].data.values.shape[1], jobs[0].data.targets.shape[1]
        together = max(1, STATE_BYTES // max(_head_bytes(point, n_features, n_classes) for point in points))
        for start in range(0, len(jobs), together):
            candidates = []
            for job in jobs[start : start + together]:
                generator = torch.Generator().manual_seed(_derived_seed(job.seed, job.fold, job.point))
                point = points[job.point]
                parameters = initial_parameters(point, self.constants, n_features, n_classes, generator)
                candidates.append(Candidate(point, job.data, parameters))
            trained += TRAINERS[settings.trainer](
                candidates,
                self.constants,
                seed=_derived_seed(jobs[start].seed, jobs[start].fold, -1),
                device=settings.device,
                precision=settings.precision,
                strict=settings.strict,
                on_check=lambda heads: progress(f"{heads} training"),
                unit=settings.unit.part(start),
            )
        return trained

    def _points(self, card: TaskCard) -> tuple[GridPoint, ...]:
        return self.grid_points(card.name, card.task_specific_param_grid)


def _derived_seed(seed: int, fold: int, point: int) -> int:
    """A generator's seed of its own for each head (and, with point -1, for the masks of heads that train together)."""
    state = np.random.SeedSequence([seed, fold, point + 1]).generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1]) >> 1


def _head_bytes(point: GridPoint, n_features: int, n_classes: int) -> int:
    """Memory of one head's weights, moments and best weights."""
    sizes = [n_features, *[point.hidden_dim] * point.hidden_layers, n_classes]
    return 4 * 5 * sum(a * b for a, b in itertools.pairwise(sizes))
