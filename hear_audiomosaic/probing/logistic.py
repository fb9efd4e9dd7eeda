"""The usual linear probe: logistic regression, its penalty chosen on the validation rows.

Features are standardised by the rows that train. After the choice the head is fitted again on training and validation
rows together, as in most published linear probes (Radford et al., arXiv 2103.00020, appendix A.3).

Events: every frame is a row, every label one binary regression, and the post-processing is chosen on the validation
clips as for HEAR's heads. It is chosen with the head that was fitted to the training rows alone, and then used with the
probabilities of the refitted one.

Scenes of one label are fitted by scikit-learn; tags and events, one binary regression a label, by
:mod:`hear_audiomosaic.probing.binary_regressions`, which finds what scikit-learn finds in a tenth of its time. A fit is
some ten to a hundred passes over the rows, one fit for each penalty and one at the end. No row is left out, however
many there are.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import evaluate_clips
from hear_audiomosaic.probing import binary_regressions
from hear_audiomosaic.probing.binary_regressions import BinaryRegressions
from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.grid import Value
from hear_audiomosaic.probing.monitor import recorded, worst
from hear_audiomosaic.probing.postprocessing import Setting
from hear_audiomosaic.probing.probe import Job, RunSettings, TrainingData
from hear_audiomosaic.probing.standardise import Standardiser
from hear_audiomosaic.probing.unfinished import State, Unit
from hear_audiomosaic.tasks import TaskCard

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

__all__ = ["LogisticHead", "LogisticProbe"]

Floats = npt.NDArray[np.float32]
_MAX_ITERATIONS = 2000
_ALONE = 2**22
"""Rows x features below which one thread fits: several wait for one another longer than they work."""
_METHOD = {
    "rows": "standardised by those that train; float32",
    "solver": "scikit-learn's lbfgs, its own tolerance (multiclass); scaled lbfgs of all labels (multilabel)",
    "loss": "cross-entropy (multiclass), binary cross-entropy for each label (multilabel)",
    "selection": "first score on validation, NaN the worst, first best penalty; its value on the other splits",
    "postprocessing": "largest (score, setting) on validation, whatever the score's direction",
    "test": "fitted again to training and validation rows",
    "aggregation": "mean and sample standard deviation over folds",
}
"""What is always done, in words, so that a change of it changes the fingerprint."""


class LogisticHead:
    """Standardisation and coefficients of one fit.

    Args:
        values: (n, D) embeddings.
        targets: (n, K) multi-hot; one label a row unless ``multilabel``.
        inverse_penalty: scikit-learn's C.
        multilabel: one binary regression per label in place of one multinomial regression.
    """

    def __init__(self, values: Floats, targets: Floats, inverse_penalty: float, multilabel: bool) -> None:
        self._standardised = Standardiser(values)
        self._multilabel, self._n_labels = multilabel, targets.shape[1]
        x = self._standardised(values)
        present = targets.max(axis=0) > 0
        self._constant = targets[0] if multilabel else present.astype(np.float32)  # where nothing is to be fitted
        self._fitted = np.flatnonzero(present & (targets.min(axis=0) < 1) if multilabel else present)
        self._model: LogisticRegression | BinaryRegressions | None = None
        converged = True
        with threadpool_limits(1 if x.size < _ALONE else None):
            if multilabel and len(self._fitted):
                self._model = binary_regressions.fit(x, targets[:, self._fitted], inverse_penalty)
                converged = self._model.converged
            elif not multilabel and len(self._fitted) > 1:
                self._model, converged = _multinomial(x, targets.argmax(axis=1), inverse_penalty)
        self.unconverged = None if converged else f"its solver did not converge at C = {inverse_penalty:g}"
        """Why the fit is not to be trusted, in words; None where it is."""

    def probabilities(self, values: Floats) -> Floats:
        """(n, D) -> (n, K); labels that no row had are 0."""
        x, predicted = self._standardised(values), np.tile(self._constant, (len(values), 1))
        if isinstance(self._model, BinaryRegressions):
            predicted[:, self._fitted] = self._model.probabilities(x)
        elif self._model is not None:
            predicted[:, self._fitted] = self._model.predict_proba(x)
        return predicted


def _multinomial(x: Floats, labels: npt.NDArray[np.int64], inverse_penalty: float) -> tuple[LogisticRegression, bool]:
    """A regression of two labels or more, and whether the solver converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = LogisticRegression(C=inverse_penalty, max_iter=_MAX_ITERATIONS).fit(x, labels)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return model, not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)


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
        """Every value that can change a score."""
        return {"inverse_penalties": self.inverse_penalties, "method": _METHOD}

    def monitored_score(self, card: TaskCard) -> str:
        """The task's first score."""
        return card.evaluation[0]

    def resolve(self, settings: RunSettings) -> RunSettings:
        """The same on the CPU in single precision: scikit-learn has no other, and one way to fit."""
        return replace(settings, device="cpu", precision="fp32")

    def hparams(self, card: TaskCard) -> tuple[dict[str, Value], ...]:
        """C of each grid point."""
        return tuple({"C": c} for c in self.inverse_penalties)

    def train(
        self, card: TaskCard, jobs: Sequence[Job], settings: RunSettings, progress: Callable[[str], None]
    ) -> list[TrainedLogistic]:
        """Fit the training rows of each job and score its validation rows; nothing here is random.

        Jobs that differ in the seed alone are one fit.
        """
        fitted: dict[tuple[int, int], TrainedLogistic] = {}
        for job in jobs:
            if (id(job.data), job.point) not in fitted:
                progress(f"C = {self.inverse_penalties[job.point]:g}")
                one = _resumed(card, job.data, self.inverse_penalties[job.point], settings.unit.part(len(fitted)))
                fitted[id(job.data), job.point] = one
        return [fitted[id(job.data), job.point] for job in jobs]


@dataclass(frozen=True)
class TrainedLogistic:
    """A penalty that has been validated on a fold."""

    data: TrainingData
    inverse_penalty: float
    score: float
    """On the validation rows, fitted to the training rows."""
    setting: Setting
    """Chosen there, too; () for scenes."""
    seconds: float
    epoch: None = None

    @cached_property
    def head(self) -> LogisticHead:
        """Fitted to training and validation rows; what is tested."""
        train, valid = self.data, self.data.monitor.rows
        values, targets = np.concatenate([train.values, valid.values]), np.concatenate([train.targets, valid.targets])
        return LogisticHead(values, targets, self.inverse_penalty, self.data.monitor.multilabel)

    @property
    def unconverged(self) -> str | None:
        """Why :attr:`head` is not to be trusted; None where the solver converged."""
        return self.head.unconverged

    def predict(self, rows: SplitRows) -> tuple[float, Floats]:
        """Mean loss of :attr:`head` on a split, and its (n, C) probabilities."""
        probabilities = self.head.probabilities(rows.values)
        p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
        hit = rows.targets * np.log(p)
        losses = -(hit + (1.0 - rows.targets) * np.log1p(-p)) if self.data.monitor.multilabel else -hit.sum(axis=1)
        return float(losses.mean()), probabilities


def _resumed(card: TaskCard, data: TrainingData, inverse_penalty: float, unit: Unit) -> TrainedLogistic:
    """As it was saved, or made now."""
    if (state := unit.saved()) is not None:
        facts = state.facts
        setting = tuple((str(name), value) for name, value in facts["setting"])
        return TrainedLogistic(data, inverse_penalty, facts["score"], setting, facts["seconds"])
    one = _trained(card, data, inverse_penalty)
    unit.offer(lambda: State({}, {"score": one.score, "setting": one.setting, "seconds": one.seconds}))
    return one


def _trained(card: TaskCard, data: TrainingData, inverse_penalty: float) -> TrainedLogistic:
    started, monitor, name = time.perf_counter(), data.monitor, card.evaluation[0]
    head = LogisticHead(data.values, data.targets, inverse_penalty, monitor.multilabel)
    probabilities = head.probabilities(monitor.rows.values)
    setting: Setting = ()
    if monitor.frames is None:
        score = recorded(name, evaluate_clips([name], monitor.rows.targets, probabilities)[name])
    else:
        [score], [setting] = monitor.events(probabilities[None])
    if np.isnan(score):  # a strong penalty predicts no event at all
        score = worst(monitor.higher_is_better)
    return TrainedLogistic(data, inverse_penalty, score, setting, time.perf_counter() - started)
