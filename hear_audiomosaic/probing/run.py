"""Run a protocol on a task: train all grid points, choose one, train it on every fold, test.

Origin: heareval 2021.1.3. All grid points train on the first split; the first of the best wins; its trained model is
tested there, and its hyper-parameters alone are trained on the other folds.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import evaluate_clips, evaluate_events, get_score
from hear_audiomosaic.probing.data import Fold, ProbeTask, fold_rotation
from hear_audiomosaic.probing.fold_rows import frames_of, monitored, of_fold, training_data
from hear_audiomosaic.probing.fused.trainer import Candidate, Trained, TrainingData, train
from hear_audiomosaic.probing.heads import initial_parameters, predict
from hear_audiomosaic.probing.logistic import run_logistic
from hear_audiomosaic.probing.monitor import recorded, stable_best
from hear_audiomosaic.probing.probe_result import FoldResult, ProbeResult, aggregate, named_scores
from hear_audiomosaic.probing.protocol import GridPoint, Protocol
from hear_audiomosaic.probing.shots import few_shots

__all__ = ["FoldResult", "ProbeResult", "run_protocol", "run_seeds", "training_data"]

STATE_BYTES = 4 << 30
"""Weights, moments and best weights of heads that train together; more heads go in several rounds."""


def run_protocol(
    task: ProbeTask,
    protocol: Protocol,
    *,
    seed: int = 42,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    progress: Callable[[str], None] | None = None,
) -> ProbeResult:
    """Run a protocol on a task with one seed.

    Args:
        task: embeddings and labels.
        protocol: for example ``get_protocol("hear-2021")``.
        seed: of weights, dropout and the draw of shots; the draw of grid points has its own.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32`` or ``bf16``.
        strict: replicate where heareval crashes or stops early; see :mod:`hear_audiomosaic.probing.protocol`.
        progress: told in a few words what goes on, once per round of validations.

    Returns:
        The result.

    Raises:
        ProtocolError: the protocol does not apply to the task.
        TaskError: splits or labels do not fit.
    """
    return run_seeds(task, protocol, [seed], device=device, precision=precision, strict=strict, progress=progress)[0]


def run_seeds(
    task: ProbeTask,
    protocol: Protocol,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[ProbeResult]:
    """Run a protocol on a task with several seeds, whose heads train together.

    Arguments and errors as in :func:`run_protocol`; one result per seed. Seeds that run together draw their dropout
    masks from one generator, so their results differ in the last digits (and in close calls) from those of each seed
    alone.
    """
    if precision not in ("fp32", "bf16"):
        raise ProtocolError(f"no precision is called {precision!r}; there are fp32 and bf16.")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ProtocolError("no CUDA device is here; use device cpu.")
    if strict:
        protocol = dataclasses.replace(protocol, strict=True)
    told = progress or (lambda text: None)
    if protocol.inverse_penalties:
        return [run_logistic(task, protocol, seed, told) for seed in seeds]
    return _Bench(task, protocol, device, precision, told).run(seeds)


class _Bench:
    """A protocol on a task."""

    def __init__(
        self, task: ProbeTask, protocol: Protocol, device: str, precision: str, progress: Callable[[str], None]
    ) -> None:
        self._task, self._protocol, self._device, self._precision = task, protocol, device, precision
        self._progress = progress
        self._folds = fold_rotation(task.split_mode, tuple(task.splits))
        self._points = protocol.grid_points(task.name, task.task_specific_param_grid)
        self._score, self._settings = monitored(task, protocol)
        for name in task.evaluation:
            kind = "event" if task.embedding_type == "event" else "clip"
            if get_score(name).kind != kind:
                raise ProtocolError(f"task {task.name!r}: {name} does not score {kind} predictions.")

    def run(self, seeds: Sequence[int]) -> list[ProbeResult]:
        started = time.perf_counter()
        first = self._data(self._folds[0], seeds)
        drawn = [(seed, 0, p, first[seed]) for seed in seeds for p in range(len(self._points))]
        trained = self._train(drawn, "all grid points on the first split")
        n = len(self._points)
        by_seed = [trained[i * n : (i + 1) * n] for i in range(len(seeds))]
        higher = first[seeds[0]].monitor.higher_is_better
        winners = [stable_best([one.score for one in points], higher) for points in by_seed]
        others = [(i, self._data(fold, seeds)) for i, fold in enumerate(self._folds) if i]
        drawn = [(seed, i, p, data[seed]) for seed, p in zip(seeds, winners, strict=True) for i, data in others]
        rest = self._train(drawn, "the winner on the other folds")
        share = (time.perf_counter() - started) / len(seeds)
        results = []
        for s, seed in enumerate(seeds):
            before = time.perf_counter()
            by_fold = [by_seed[s][winners[s]], *rest[s * len(others) :][: len(others)]]
            folds = tuple(self._test(fold, one) for fold, one in zip(self._folds, by_fold, strict=True))
            seconds = share + time.perf_counter() - before
            results.append(self._result(seed, by_seed[s], winners[s], folds, seconds))
        return results

    def _data(self, fold: Fold, seeds: Sequence[int]) -> dict[int, TrainingData]:
        """What the heads of each seed train on: one for all, unless each seed draws its shots."""
        data = training_data(of_fold(self._task, self._protocol, fold), self._protocol, fold)
        shots = self._protocol.shots
        return {seed: data if shots is None else few_shots(data, shots, seed) for seed in seeds}

    def _train(self, drawn: Sequence[tuple[int, int, int, TrainingData]], what: str) -> list[Trained]:
        """Train heads (seed, fold, grid point, data), as many together as memory allows."""
        trained: list[Trained] = []
        n_features, n_classes = self._task.embedding_size, len(self._task.vocabulary)
        largest = max((_head_bytes(point, n_features, n_classes) for point in self._points), default=1)
        together = max(1, STATE_BYTES // largest)
        for start in range(0, len(drawn), together):
            candidates = []
            for seed, fold, p, data in drawn[start : start + together]:
                generator = torch.Generator().manual_seed(_derived_seed(seed, fold, p))
                parameters = initial_parameters(self._points[p], self._protocol, n_features, n_classes, generator)
                candidates.append(Candidate(self._points[p], data, parameters))
            trained += train(
                candidates,
                self._protocol,
                seed=_derived_seed(drawn[start][0], drawn[start][1], -1),
                device=self._device,
                precision=self._precision,
                on_check=lambda heads: self._progress(f"{what}: {heads} training"),
            )
        return trained

    def _test(self, fold: Fold, trained: Trained) -> FoldResult:
        task, rows = self._task, of_fold(self._task, self._protocol, fold).splits[fold.test]
        logits, probabilities = predict(trained.head, rows.values, self._device)
        target = torch.as_tensor(rows.targets, device=self._device)
        if trained.head.multilabel:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        else:
            loss = torch.nn.functional.cross_entropy(logits, target.argmax(-1))
        events = None
        if self._settings and rows.reference is not None:
            events = frames_of(rows, self._protocol).events(probabilities[None], [trained.setting])[0][trained.setting]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a NaN score says it
                scores = evaluate_events(task.evaluation, rows.reference, events)
        else:
            scores = evaluate_clips(task.evaluation, rows.targets, probabilities)
        return FoldResult(
            split=fold.test,
            scores=named_scores(
                float(loss),
                {name: recorded(name, value) for name, value in scores.items()},
                task.evaluation[0],
                validation_score=trained.score,
                epoch=trained.epoch,
                time_in_min=trained.seconds / 60,
            ),
            probabilities=probabilities,
            targets=rows.targets,
            files=rows.files,
            row_file=rows.row_file,
            timestamps_ms=rows.timestamps_ms,
            predicted_events=events,
            reference_events=rows.reference,
        )

    def _result(
        self, seed: int, points: Sequence[Trained], winner: int, folds: tuple[FoldResult, ...], seconds: float
    ) -> ProbeResult:
        mode = get_score(self._score).mode if self._score else "min"
        listed = [
            {
                "validation_score": one.score,
                "epoch": one.epoch,
                "hparams": point.hparams(),
                "postprocessing": [list(pair) for pair in one.setting],
            }
            for point, one in zip(self._points, points, strict=True)
        ]
        return ProbeResult(
            task=self._task.name,
            folds=folds,
            aggregated=aggregate([fold.scores for fold in folds]) if len(folds) > 1 else {},
            hparams=self._points[winner].hparams(),
            postprocessing=points[winner].setting,
            score_name=self._task.evaluation[0],
            score_mode=mode,
            grid_points=listed,
            protocol=self._protocol.name,
            fingerprint=self._protocol.fingerprint,
            strict=self._protocol.strict,
            seed=seed,
            device=self._device,
            precision=self._precision,
            seconds=seconds,
        )


def _derived_seed(seed: int, fold: int, point: int) -> int:
    """A generator's seed of its own for each head (and, with point -1, for the masks of a stage)."""
    state = np.random.SeedSequence([seed, fold, point + 1]).generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1]) >> 1


def _head_bytes(point: GridPoint, n_features: int, n_classes: int) -> int:
    """Memory of one head's weights, moments and best weights."""
    sizes = [n_features, *[point.hidden_dim] * point.hidden_layers, n_classes]
    return 4 * 5 * sum(a * b for a, b in itertools.pairwise(sizes))
