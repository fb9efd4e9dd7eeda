"""A kind of probe that the library does not have runs through the same door, from one class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hear_audiomosaic.metrics import evaluate_clips
from hear_audiomosaic.probing import ProbeTask, Protocol, SplitRows, run_protocol, run_seeds
from hear_audiomosaic.probing.probe import Job, RunSettings
from hear_audiomosaic.tasks import TaskCard


@dataclass(frozen=True)
class NearestMeanProbe:
    """Probabilities from the distance to each class's mean, one scale per grid point."""

    scales: tuple[float, ...] = (0.0, 1.0)
    standardise: bool = True

    @property
    def n_grid_points(self) -> int:
        return len(self.scales)

    def content(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"method": "nearest mean"}

    def monitored_score(self, card: TaskCard) -> str:
        return card.evaluation[0]

    def resolve(self, settings: RunSettings) -> RunSettings:
        return settings

    def hparams(self, card: TaskCard) -> tuple[dict[str, Any], ...]:
        return tuple({"scale": scale} for scale in self.scales)

    def train(
        self, card: TaskCard, jobs: Sequence[Job], settings: RunSettings, progress: Callable[[str], None]
    ) -> list[TrainedMeans]:
        return [TrainedMeans.of(card, job, self.scales[job.point]) for job in jobs]


@dataclass
class TrainedMeans:
    means: np.ndarray
    scale: float
    score: float = 0.0
    epoch: None = None
    setting: tuple = ()
    unconverged: None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, card: TaskCard, job: Job, scale: float) -> TrainedMeans:
        data, name = job.data, card.evaluation[0]
        trained = cls((data.targets.T @ data.values) / data.targets.sum(0)[:, None], scale)
        valid = data.monitor.rows
        trained.score = evaluate_clips([name], valid.targets, trained.predict(valid)[1])[name]
        return trained

    def predict(self, rows: SplitRows) -> tuple[float, np.ndarray]:
        distances = ((rows.values[:, None] - self.means) ** 2).sum(-1)
        weights = np.exp(-self.scale * distances)
        probabilities = weights / weights.sum(1, keepdims=True)
        return -float(np.log(probabilities[rows.targets > 0]).mean()), probabilities.astype(np.float32)


def test_a_probe_of_one_s_own(scene_task: ProbeTask) -> None:
    protocol = Protocol("nearest-mean", NearestMeanProbe())
    result = run_protocol(scene_task, protocol)
    assert (result.hparams, result.protocol, protocol.n_grid_points) == ({"scale": 1.0}, "nearest-mean", 2)
    assert [point.hparams for point in result.grid_points] == [{"scale": 0.0}, {"scale": 1.0}]
    assert "epoch" not in result.folds[0].scores
    assert result.score > 0.8
    assert protocol.fingerprint != dataclasses.replace(protocol, probe=NearestMeanProbe((1.0,))).fingerprint
    assert protocol.fingerprint != dataclasses.replace(protocol, event_threshold=0.4).fingerprint


def test_it_takes_shots_and_seeds(scene_task: ProbeTask) -> None:
    protocol = Protocol("nearest-mean-2", NearestMeanProbe(), shots=2)
    first, second = run_seeds(scene_task, protocol, [1, 2])
    assert (first.seed, second.seed) == (1, 2)
    assert first.folds[0].scores["test_loss"] != pytest.approx(second.folds[0].scores["test_loss"])
