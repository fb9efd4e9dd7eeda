"""The logistic protocol against scikit-learn's own pipeline."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_tasks import task_of as probe_task

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import ProbeTask, SplitRows, run_protocol
from hear_audiomosaic.probing.protocol import get_protocol


def rows(n: int, targets: np.ndarray, seed: int, start: int = 0) -> SplitRows:
    rng = np.random.default_rng(seed)
    direction = np.random.default_rng(7).normal(size=(targets.shape[1], 12))
    values = (5.0 + 3.0 * (targets @ direction + 1.5 * rng.normal(size=(n, 12)))).astype(np.float32)
    values[:, 3] = 2.0  # never changes
    files = tuple(f"{start + i}.wav" for i in range(n))
    return SplitRows(values, targets.astype(np.float32), files, np.arange(n), None, None)


def task_of(prediction_type: str = "multiclass", split_mode: str = "trainvaltest") -> ProbeTask:
    rng = np.random.default_rng(0)
    names = ("train", "valid", "test") if split_mode == "trainvaltest" else ("fold00", "fold01", "fold02")
    splits = {}
    for i, name in enumerate(names):
        if prediction_type == "multiclass":
            targets = np.eye(4)[rng.integers(4, size=60)]
        else:
            targets = (rng.random((60, 4)) < 0.4).astype(float)
        splits[name] = rows(60, targets, i, 100 * i)
    score = "top1_acc" if prediction_type == "multiclass" else "mAP"
    return probe_task("tones", splits, tuple("abcd"), (score,), split_mode, prediction_type)


def reference(train: list[SplitRows], test: SplitRows, c: float) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))
    model.fit(np.concatenate([r.values for r in train]), np.concatenate([r.targets.argmax(1) for r in train]))
    return np.asarray(model.predict_proba(test.values))


def test_choice_on_valid_then_both_for_the_test() -> None:
    task, protocol = task_of(), get_protocol("logistic")
    result = run_protocol(task, protocol)
    train, valid, test = (task.splits[name] for name in ("train", "valid", "test"))
    found = [
        (reference([train], valid, c).argmax(1) == valid.targets.argmax(1)).mean()
        for c in protocol.probe.inverse_penalties
    ]
    assert [point.validation_score for point in result.grid_points] == pytest.approx(found)
    best = protocol.probe.inverse_penalties[int(np.argmax(found))]
    assert result.hparams == {"C": best}
    expected = reference([train, valid], test, best)
    np.testing.assert_allclose(result.folds[0].probabilities, expected, atol=2e-3)
    assert result.score == pytest.approx((expected.argmax(1) == test.targets.argmax(1)).mean())
    assert result.score > 0.5


def test_tags_are_binary_regressions() -> None:
    task = task_of("multilabel")
    result = run_protocol(task, get_protocol("logistic"))
    train = [task.splits["train"], task.splits["valid"]]
    x, y = (np.concatenate([getattr(r, name) for r in train]) for name in ("values", "targets"))
    scaler, test = StandardScaler().fit(x), task.splits["test"]
    columns = [
        LogisticRegression(C=result.hparams["C"], max_iter=2000)
        .fit(scaler.transform(x), y[:, k])
        .predict_proba(scaler.transform(test.values))[:, 1]
        for k in range(4)
    ]
    assert result.score == pytest.approx(average_precision_score(test.targets, np.stack(columns, axis=1)), abs=5e-3)


def test_folds_share_the_first_ones_choice() -> None:
    result = run_protocol(task_of(split_mode="new_split_kfold"), get_protocol("logistic"))
    assert len(result.folds) == 3
    assert result.score == pytest.approx(np.mean([fold.scores["test_score"] for fold in result.folds]))


def test_a_label_that_never_or_always_trains() -> None:
    task = task_of("multilabel")
    for name in ("train", "valid"):
        task.splits[name].targets[:, 0] = 0.0
        task.splits[name].targets[:, 1] = 1.0
    found = run_protocol(task, get_protocol("logistic")).folds[0].probabilities
    assert (found[:, 0] == 0).all()
    assert (found[:, 1] == 1).all()


def test_it_is_for_scenes() -> None:
    task = task_of("multilabel")
    splits = {
        name: dataclasses.replace(
            part, timestamps_ms=np.arange(60.0), reference=Events.from_lists({}, part.files, task.vocabulary)
        )
        for name, part in task.splits.items()
    }
    with pytest.raises(ProtocolError, match=r"labels frames.*use linear or hear-2021"):
        run_protocol(
            probe_task("tones", splits, task.vocabulary, ("segment_1s_er",), embedding_type="event"),
            get_protocol("logistic"),
        )
