"""Run a protocol on a task: train all grid points, choose one, train it on every fold, test.

Origin: heareval 2021.1.3. All grid points train on the first split; the first of the best wins; its trained model is
tested there, and its hyper-parameters alone are trained on the other folds.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import evaluate_clips, evaluate_events, get_score
from hear_audiomosaic.probing.data import ProbeTask, SplitRows
from hear_audiomosaic.probing.folds import FoldRows, fold_rows, frames_of, monitored
from hear_audiomosaic.probing.identity import identity_of
from hear_audiomosaic.probing.monitor import recorded, stable_best
from hear_audiomosaic.probing.probe import Job, RunSettings, TrainedProbe, TrainingData
from hear_audiomosaic.probing.probe_result import FoldResult, GridPointResult, ProbeResult, aggregate, named_scores
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.probing.shots import few_shots
from hear_audiomosaic.probing.unfinished import State, Unfinished, Unit

__all__ = ["run_protocol", "run_seeds"]


def run_protocol(
    task: ProbeTask,
    protocol: Protocol,
    *,
    seed: int = 42,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    trainer: str = "fused",
    progress: Callable[[str], None] | None = None,
    unfinished: Unfinished | None = None,
) -> ProbeResult:
    """Run a protocol on a task with one seed.

    Args:
        task: embeddings and labels.
        protocol: for example ``get_protocol("hear-2021")``.
        seed: of weights, dropout and the draw of shots; the draw of grid points has its own.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32`` or ``bf16``.
        strict: replicate where heareval crashes or stops early; see :mod:`hear_audiomosaic.probing.protocol`.
        trainer: ``fused``, or ``reference``, the plain one (:mod:`hear_audiomosaic.probing.reference`).
        progress: called with a few words on the state, once per round of validations.
        unfinished: where states are kept, so that a run that was killed goes on where it was
            (:mod:`hear_audiomosaic.probing.unfinished`); None keeps none. Whoever keeps the result removes it then.

    Returns:
        The result.

    Raises:
        ProtocolError: the protocol does not apply to the task, or there is no such precision, device or trainer.
        TaskError: splits or labels do not fit.
    """
    [result] = run_seeds(
        task,
        protocol,
        [seed],
        device=device,
        precision=precision,
        strict=strict,
        trainer=trainer,
        progress=progress,
        unfinished=unfinished,
    )
    return result


def run_seeds(
    task: ProbeTask,
    protocol: Protocol,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    trainer: str = "fused",
    progress: Callable[[str], None] | None = None,
    unfinished: Unfinished | None = None,
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
    settings = protocol.probe.resolve(RunSettings(device, precision, protocol.strict, trainer))
    unfinished = unfinished or Unfinished(None)
    unfinished.begin(lambda: identity_of(task, protocol, settings, seeds))
    return _Run(task, protocol, settings, progress or (lambda text: None), unfinished).run(seeds)


class _Run:
    """A protocol on a task."""

    def __init__(
        self,
        task: ProbeTask,
        protocol: Protocol,
        settings: RunSettings,
        progress: Callable[[str], None],
        unfinished: Unfinished,
    ) -> None:
        self._unfinished = unfinished
        self._task, self._protocol, self._settings, self._progress = task, protocol, settings, progress
        self._folds = task.card.folds
        self._hparams = protocol.probe.hparams(task.card)
        self._score, self._postprocessing = monitored(task, protocol)

    def run(self, seeds: Sequence[int]) -> list[ProbeResult]:
        started = time.perf_counter()
        rows = [fold_rows(self._task, self._protocol, fold) for fold in self._folds]
        data = [self._training_data(of_fold, seeds) for of_fold in rows]
        n = len(self._hparams)
        jobs = [Job(seed, 0, point, data[0][seed]) for seed in seeds for point in range(n)]
        trained = self._train(jobs, "all grid points on the first split", "grid")
        by_seed = [trained[i * n : (i + 1) * n] for i in range(len(seeds))]
        higher = rows[0].training.monitor.higher_is_better
        winners = [stable_best([one.score for one in points], higher) for points in by_seed]
        others = range(1, len(rows))
        jobs = [Job(seed, i, p, data[i][seed]) for seed, p in zip(seeds, winners, strict=True) for i in others]
        rest = self._train(jobs, "the winner on the other folds", "folds")
        share = (time.perf_counter() - started) / len(seeds)
        results = []
        for s, seed in enumerate(seeds):
            before = time.perf_counter()
            by_fold = [by_seed[s][winners[s]], *rest[s * len(others) :][: len(others)]]
            folds = tuple(
                self._test(fold.test, of_fold.test, one, Unit(self._unfinished, f"test.{s}.{number}"))
                for number, (fold, of_fold, one) in enumerate(zip(self._folds, rows, by_fold, strict=True))
            )
            seconds = share + time.perf_counter() - before + self._unfinished.earlier_s / len(seeds)
            results.append(self._result(seed, by_seed[s], winners[s], folds, seconds))
        return results

    def _training_data(self, rows: FoldRows, seeds: Sequence[int]) -> dict[int, TrainingData]:
        """What the probes of each seed train on: one for all, unless each seed draws its shots."""
        data, shots = rows.training, self._protocol.shots
        return {seed: data if shots is None else few_shots(data, shots, seed) for seed in seeds}

    def _train(self, jobs: Sequence[Job], what: str, unit: str) -> Sequence[TrainedProbe]:
        return self._protocol.probe.train(
            self._task.card,
            jobs,
            dataclasses.replace(self._settings, unit=Unit(self._unfinished, unit)),
            lambda text: self._progress(f"{what}: {text}"),
        )

    def _test(self, split: str, rows: SplitRows, trained: TrainedProbe, unit: Unit) -> FoldResult:
        evaluation = self._task.card.evaluation
        predicted = _predicted(trained, rows, unit)
        probabilities = predicted.probabilities
        events = None
        if self._postprocessing and rows.reference is not None:
            frames = frames_of(rows, self._protocol)
            events = frames.events(probabilities[None], [trained.setting])[0][trained.setting]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a NaN score says it
                scores = evaluate_events(evaluation, rows.reference, events)
        else:
            scores = evaluate_clips(evaluation, rows.targets, probabilities)
        return FoldResult(
            split=split,
            scores=named_scores(
                predicted.loss,
                {name: recorded(name, value) for name, value in scores.items()},
                evaluation[0],
                validation_score=trained.score,
                **({} if trained.epoch is None else {"epoch": trained.epoch}),
                time_in_min=(trained.seconds + predicted.seconds) / 60,
            ),
            probabilities=probabilities,
            targets=rows.targets,
            files=rows.files,
            row_file=rows.row_file,
            timestamps_ms=rows.timestamps_ms,
            predicted_events=events,
            reference_events=rows.reference,
            unconverged=predicted.unconverged,
        )

    def _result(
        self, seed: int, points: Sequence[TrainedProbe], winner: int, folds: tuple[FoldResult, ...], seconds: float
    ) -> ProbeResult:
        return ProbeResult(
            task=self._task.name,
            folds=folds,
            aggregated=aggregate([fold.scores for fold in folds]) if len(folds) > 1 else {},
            hparams=self._hparams[winner],
            postprocessing=points[winner].setting,
            score_name=self._task.card.evaluation[0],
            score_mode=get_score(self._score).mode if self._score else "min",
            grid_points=tuple(
                GridPointResult(one.score, one.epoch, hparams, one.setting)
                for hparams, one in zip(self._hparams, points, strict=True)
            ),
            protocol=self._protocol.name,
            fingerprint=self._protocol.fingerprint,
            strict=self._protocol.strict,
            seed=seed,
            device=self._settings.device,
            precision=self._settings.precision,
            seconds=seconds,
        )


@dataclasses.dataclass(frozen=True)
class _Predicted:
    """What a probe says of a test split: its (n, C) probabilities, their mean loss, and what is said of the probe."""

    probabilities: npt.NDArray[np.float32]
    loss: float
    seconds: float
    unconverged: str | None


def _predicted(trained: TrainedProbe, rows: SplitRows, unit: Unit) -> _Predicted:
    """As it was saved, or made now; a probe may be fitted once more for it."""
    if (state := unit.saved()) is not None:
        return _Predicted(state.tensors["probabilities"].numpy(), **state.facts)
    started = time.perf_counter()
    loss, probabilities = trained.predict(rows)
    made = _Predicted(probabilities, float(loss), time.perf_counter() - started, trained.unconverged)
    facts = {"loss": made.loss, "seconds": made.seconds, "unconverged": made.unconverged}
    unit.offer(lambda: State({"probabilities": torch.from_numpy(np.array(probabilities))}, facts))
    return made
