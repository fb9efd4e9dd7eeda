"""The usual linear probe: logistic regression by scikit-learn, its penalty chosen on the validation rows.

Features are standardised by the rows that train. After the choice the head is fitted again on training and validation
rows together, as in most published linear probes (Radford et al., arXiv 2103.00020, appendix A.3). Scene tasks only.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import evaluate_clips, get_score
from hear_audiomosaic.probing.data import Fold, ProbeTask, fold_rotation
from hear_audiomosaic.probing.monitor import recorded, stable_best
from hear_audiomosaic.probing.probe_result import FoldResult, ProbeResult, aggregate, named_scores
from hear_audiomosaic.probing.protocol import Protocol

__all__ = ["LogisticHead", "run_logistic"]

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
        x, found = self._standardised(values), np.zeros((len(values), self._n_labels), dtype=np.float32)
        for label, model in enumerate(self._models):
            if isinstance(model, float):
                if self._multilabel:
                    found[:, label] = model
                else:
                    found[:, int(model)] = 1.0
            elif self._multilabel:
                found[:, label] = model.predict_proba(x)[:, 1]
            else:
                found[:, model.classes_] = model.predict_proba(x)
        return found

    def _standardised(self, values: Floats) -> npt.NDArray[np.float64]:
        return np.asarray((values - self._mean) * self._scale)


def run_logistic(task: ProbeTask, protocol: Protocol, seed: int, told: Callable[[str], None]) -> ProbeResult:
    """Choose C on the first fold; on every fold fit training and validation rows with it, and test.

    Args:
        task: of scenes.
        protocol: with ``inverse_penalties``.
        seed: recorded; nothing here is random.
        told: hears what goes on.

    Raises:
        ProtocolError: a task of events.
    """
    if task.embedding_type == "event":
        raise ProtocolError(
            f"task {task.name!r} labels frames; {protocol.name} is for scenes: use linear or hear-2021."
        )
    started = time.perf_counter()
    folds = fold_rotation(task.split_mode, tuple(task.splits))
    score = get_score(task.evaluation[0])
    found = []
    for c in protocol.inverse_penalties:
        told(f"C = {c:g}")
        found.append(_validation(task, folds[0], c))
    winner = stable_best(found, score.higher_is_better)
    c = protocol.inverse_penalties[winner]
    tested = []
    for i, fold in enumerate(folds):
        told(f"test on {fold.test}")
        tested.append(_test(task, fold, c, found[winner] if i == 0 else _validation(task, fold, c)))
    return ProbeResult(
        task=task.name,
        folds=tuple(tested),
        aggregated=aggregate([one.scores for one in tested]) if len(tested) > 1 else {},
        hparams={"C": c},
        postprocessing=(),
        score_name=score.name,
        score_mode=score.mode,
        grid_points=[
            {"validation_score": value, "hparams": {"C": c}, "postprocessing": []}
            for c, value in zip(protocol.inverse_penalties, found, strict=True)
        ],
        protocol=protocol.name,
        fingerprint=protocol.fingerprint,
        strict=protocol.strict,
        seed=seed,
        device="cpu",
        precision="fp32",
        seconds=time.perf_counter() - started,
    )


def _validation(task: ProbeTask, fold: Fold, inverse_penalty: float) -> float:
    valid, name = task.splits[fold.valid], task.evaluation[0]
    head = _fitted(task, fold.train, inverse_penalty)
    return recorded(name, evaluate_clips([name], valid.targets, head.probabilities(valid.values))[name])


def _test(task: ProbeTask, fold: Fold, inverse_penalty: float, validation_score: float) -> FoldResult:
    started, rows = time.perf_counter(), task.splits[fold.test]
    probabilities = _fitted(task, (*fold.train, fold.valid), inverse_penalty).probabilities(rows.values)
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
    hit = rows.targets * np.log(p)
    multilabel = task.prediction_type == "multilabel"
    loss = -(hit + (1.0 - rows.targets) * np.log1p(-p)).mean() if multilabel else -hit.sum(axis=1).mean()
    scores = evaluate_clips(task.evaluation, rows.targets, probabilities)
    return FoldResult(
        split=fold.test,
        scores=named_scores(
            float(loss),
            {name: recorded(name, value) for name, value in scores.items()},
            task.evaluation[0],
            validation_score=validation_score,
            time_in_min=(time.perf_counter() - started) / 60,
        ),
        probabilities=probabilities,
        targets=rows.targets,
        files=rows.files,
        row_file=rows.row_file,
        timestamps_ms=None,
        predicted_events=None,
        reference_events=None,
    )


def _fitted(task: ProbeTask, splits: Sequence[str], inverse_penalty: float) -> LogisticHead:
    values = np.concatenate([task.splits[name].values for name in splits])
    targets = np.concatenate([task.splits[name].targets for name in splits])
    return LogisticHead(values, targets, inverse_penalty, task.prediction_type == "multilabel")
