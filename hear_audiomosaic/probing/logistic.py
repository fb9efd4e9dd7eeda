"""The usual linear probe: logistic regression by scikit-learn, its penalty chosen on the validation rows.

Features are standardised by the rows that train. After the choice the head is fitted again on training and validation
rows together, as in most published linear probes (Radford et al., arXiv 2103.00020, appendix A.3). Scene tasks only.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import evaluate_clips
from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.grid import HEAR_GRID, Value
from hear_audiomosaic.probing.mlp import MlpProbe
from hear_audiomosaic.probing.monitor import recorded
from hear_audiomosaic.probing.postprocessing import Setting
from hear_audiomosaic.probing.probe import Job, RunSettings, TrainingData
from hear_audiomosaic.tasks import TaskCard

__all__ = ["LogisticHead", "LogisticProbe"]

Floats = npt.NDArray[np.float32]
_MAX_ITERATIONS = 2000


class LogisticHead:
    """Standardisation and coefficients of one fit.

    Args:
        values: (n, D) embeddings.
        targets: (n, K) multi-hot; one label a row unless ``multilabel``.
        inverse_penalty: scikit-learn's C.
        multilabel: one binary regression per label in place of one multinomial regression.
    """

    def __init__(self, values: Floats, targets: Floats, inverse_penalty: float, multilabel: bool) -> None:
        from sklearn.linear_model import LogisticRegression

        mean, deviation = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
        self._mean = mean
        self._scale = np.where(deviation > 0, 1.0 / np.maximum(deviation, 1e-12), 0.0)
        self._multilabel, self._n_labels = multilabel, targets.shape[1]
        x = self._standardised(values)
        columns = targets.T if multilabel else targets.argmax(axis=1)[None]
        self._models = []
        for column in columns:
            if len(np.unique(column)) < 2:  # a label that always or never is there
                self._models.append(float(column[0]))
                continue
            model = LogisticRegression(C=inverse_penalty, max_iter=_MAX_ITERATIONS)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says when it has not converged; the validation score decides
                self._models.append(model.fit(x, column))

    def probabilities(self, values: Floats) -> Floats:
        """(n, D) -> (n, K); labels that no row had are 0."""
        x, predicted = self._standardised(values), np.zeros((len(values), self._n_labels), dtype=np.float32)
        for label, model in enumerate(self._models):
            if isinstance(model, float):
                if self._multilabel:
                    predicted[:, label] = model
                else:
                    predicted[:, int(model)] = 1.0
            elif self._multilabel:
                predicted[:, label] = model.predict_proba(x)[:, 1]
            else:
                predicted[:, model.classes_] = model.predict_proba(x)
        return predicted

    def _standardised(self, values: Floats) -> npt.NDArray[np.float64]:
        return np.asarray((values - self._mean) * self._scale)


@dataclass(frozen=True)
class LogisticProbe:
    """Logistic regression, one penalty per grid point.

    Raises:
        ProtocolError: there is no penalty, or one that is not positive.
    """

    inverse_penalties: tuple[float, ...]
    """scikit-learn's C."""

    def __post_init__(self) -> None:
        if not self.inverse_penalties or min(self.inverse_penalties) <= 0:
            raise ProtocolError(
                f"logistic regression: inverse_penalties is {self.inverse_penalties}; expected positive numbers."
            )

    @property
    def n_grid_points(self) -> int:
        """Penalties that are tried."""
        return len(self.inverse_penalties)

    @property
    def is_random(self) -> bool:
        """False: the minimum does not depend on the seed."""
        return False

    @property
    def standardise(self) -> bool:
        """False: a head standardises by the rows of each fit itself."""
        return False

    def content(self) -> dict[str, Any]:
        """Every value that can change a score.

        The published fingerprint was made over those of a linear layer trained as HEAR does, too; they stay in it.
        """
        linear = MlpProbe({**HEAR_GRID, "hidden_layers": (0,)}, self.n_grid_points, standardise=True)
        return linear.content() | {"inverse_penalties": self.inverse_penalties}

    def monitored_score(self, card: TaskCard) -> str:
        """The task's first score."""
        return card.evaluation[0]

    def resolve(self, settings: RunSettings) -> RunSettings:
        """The same on the CPU in single precision: scikit-learn has no other, and one way to fit."""
        return replace(settings, device="cpu", precision="fp32")

    def hparams(self, card: TaskCard) -> tuple[dict[str, Value], ...]:
        """C of each grid point.

        Raises:
            ProtocolError: a task of events.
        """
        if card.embedding_type == "event":
            raise ProtocolError(
                f"task {card.name!r} labels frames; logistic regression is for scenes: use linear or hear-2021."
            )
        return tuple({"C": c} for c in self.inverse_penalties)

    def train(
        self, card: TaskCard, jobs: Sequence[Job], settings: RunSettings, progress: Callable[[str], None]
    ) -> list[TrainedLogistic]:
        """Fit the training rows of each job and score its validation rows; nothing here is random."""
        trained = []
        for job in jobs:
            progress(f"C = {self.inverse_penalties[job.point]:g}")
            trained.append(_trained(card, job.data, self.inverse_penalties[job.point]))
        return trained


@dataclass(frozen=True)
class TrainedLogistic:
    """A penalty that has been validated on a fold."""

    data: TrainingData
    inverse_penalty: float
    score: float
    """On the validation rows, fitted to the training rows."""
    seconds: float
    epoch: None = None
    setting: Setting = ()

    def predict(self, rows: SplitRows) -> tuple[float, Floats]:
        """Fit training and validation rows; mean loss on a split, and its (n, C) probabilities."""
        train, valid, multilabel = self.data, self.data.monitor.rows, self.data.monitor.multilabel
        values, targets = np.concatenate([train.values, valid.values]), np.concatenate([train.targets, valid.targets])
        probabilities = LogisticHead(values, targets, self.inverse_penalty, multilabel).probabilities(rows.values)
        p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
        hit = rows.targets * np.log(p)
        loss = -(hit + (1.0 - rows.targets) * np.log1p(-p)).mean() if multilabel else -hit.sum(axis=1).mean()
        return float(loss), probabilities


def _trained(card: TaskCard, data: TrainingData, inverse_penalty: float) -> TrainedLogistic:
    started, valid, name = time.perf_counter(), data.monitor.rows, card.evaluation[0]
    head = LogisticHead(data.values, data.targets, inverse_penalty, data.monitor.multilabel)
    score = recorded(name, evaluate_clips([name], valid.targets, head.probabilities(valid.values))[name])
    return TrainedLogistic(data, inverse_penalty, score, time.perf_counter() - started)
