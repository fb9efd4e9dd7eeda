"""The logistic protocol against scikit-learn's own pipeline."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_tasks import event_rows, with_card
from small_tasks import task_of as probe_task

from hear_audiomosaic.metrics import Events, evaluate_events
from hear_audiomosaic.probing import (
    ProbeTask,
    SplitRows,
    binary_regressions,
    logistic,
    run_protocol,
    run_seeds,
    standardise,
)
from hear_audiomosaic.probing.postprocessing import Frames, Setting, settings_of
from hear_audiomosaic.probing.protocol import get_protocol

TITLE = "event_onset_200ms_fms"


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


def columns_by_sklearn(train: list[SplitRows], test: SplitRows, c: float) -> np.ndarray:
    """One binary regression per label, in double precision."""
    x, y = (np.concatenate([getattr(r, name) for r in train]) for name in ("values", "targets"))
    scaler = StandardScaler().fit(x.astype(np.float64))
    models = [LogisticRegression(C=c, max_iter=2000).fit(scaler.transform(x), y[:, k]) for k in range(y.shape[1])]
    return np.stack([model.predict_proba(scaler.transform(test.values))[:, 1] for model in models], axis=1)


def test_events_are_a_regression_per_label_with_post_processing_from_validation() -> None:
    rng = np.random.default_rng(3)
    splits = {
        name: dataclasses.replace(part, values=part.values + 0.8 * rng.normal(size=part.values.shape).astype("f"))
        for name, part in ((name, event_rows(rng, 6, 60, 2, 8)) for name in ("train", "valid", "test"))
    }
    task = with_card(
        probe_task("events", splits, ("a", "b"), ("event_onset_200ms_fms", "segment_1s_er"), embedding_type="event"),
        event_postprocessing_grid={"median_filter_ms": [50, 250], "min_duration": [50, 150]},
    )
    protocol = get_protocol("logistic")
    result = run_protocol(task, protocol)
    train, valid, test = (splits[name] for name in ("train", "valid", "test"))
    settings = settings_of(task.card.event_postprocessing_grid)

    def scored(rows: SplitRows, probabilities: np.ndarray, one: Setting) -> tuple[float, Events]:
        frames = Frames(rows.row_file, rows.timestamps_ms)
        events = frames.events(probabilities[None].astype(np.float32), [one])[0][one]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # strong penalties predict nothing
            score = evaluate_events(task.card.evaluation, rows.reference, events)[TITLE]
        return (-np.inf if np.isnan(score) else score), events

    tried = []
    for c in protocol.probe.inverse_penalties:
        probabilities = columns_by_sklearn([train], valid, c)
        tried.append(max((scored(valid, probabilities, one)[0], one) for one in settings))
    found = [(point.validation_score, point.postprocessing) for point in result.grid_points]
    assert [one for one, _ in found] == pytest.approx([one for one, _ in tried], abs=1e-6)
    assert [setting for _, setting in found] == [setting for _, setting in tried]
    winner = int(np.argmax([score for score, _ in tried]))
    assert result.hparams == {"C": protocol.probe.inverse_penalties[winner]}
    assert result.postprocessing == tried[winner][1]
    expected = columns_by_sklearn([train, valid], test, result.hparams["C"])
    np.testing.assert_allclose(result.folds[0].probabilities, expected, atol=2e-3)
    score, events = scored(test, expected, tried[winner][1])
    assert result.score == pytest.approx(score, abs=1e-6)
    assert result.score > 0.5
    assert len(result.folds[0].predicted_events) == len(events)


@pytest.mark.parametrize("c", [1e-5, 1e-2, 1.0, 100.0])
def test_all_labels_at_once_are_scikit_learn_s_one_by_one(c: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 20)) @ (rng.normal(size=(20, 20)) * np.logspace(0, -3, 20))  # hardly of full rank
    x = standardise.Standardiser(x.astype(np.float32))(x.astype(np.float32))
    y = (x[:, :3] + rng.normal(size=(300, 3)) > (0.0, 1.0, 2.5)).astype(np.float32)  # the last one is rare
    found = binary_regressions.fit(x, y, c)
    models = [LogisticRegression(C=c, max_iter=10000, tol=1e-8).fit(x.astype(np.float64), column) for column in y.T]
    exact = np.stack([model.predict_proba(x.astype(np.float64))[:, 1] for model in models], axis=1)
    assert found.converged
    assert found.n_iterations < 60
    np.testing.assert_allclose(found.probabilities(x), exact, atol=1e-3)


def test_a_solver_that_gives_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_regressions, "MAX_ITERATIONS", 2)
    monkeypatch.setattr(logistic, "_MAX_ITERATIONS", 2)
    for task in (task_of(), task_of("multilabel")):
        train = task.splits["train"]
        head = logistic.LogisticHead(train.values, train.targets, 1.0, task.card.prediction_type == "multilabel")
        assert head.unconverged == "its solver did not converge at C = 1"


def test_folds_of_events(event_task: ProbeTask) -> None:
    result = run_protocol(event_task, get_protocol("logistic"))
    assert [fold.split for fold in result.folds] == ["fold00", "fold01", "fold02"]
    assert result.score > 0.8


def test_seeds_are_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    head = logistic.LogisticHead
    monkeypatch.setattr(logistic, "LogisticHead", lambda *given: fits.append(given[2]) or head(*given))
    protocol = get_protocol("logistic")
    first, second = run_seeds(task_of(), protocol, [42, 43])
    assert len(fits) == protocol.n_grid_points + 1
    assert (first.seed, second.seed, first.score) == (42, 43, second.score)


def test_standardising_by_blocks_is_standardising_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (1e3 + np.random.default_rng(0).normal(size=(50, 3)) * (1.0, 1e-3, 0.0)).astype(np.float32)
    monkeypatch.setattr(standardise, "ROWS_AT_ONCE", 7)
    found = standardise.Standardiser(values)(values)
    exact = values.astype(np.float64)[:, :2]
    np.testing.assert_allclose(found[:, :2], (exact - exact.mean(0)) / exact.std(0), rtol=1e-6)
    assert (found[:, 2] == 0).all()
