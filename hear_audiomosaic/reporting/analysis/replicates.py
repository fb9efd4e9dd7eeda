"""From the stored test predictions of a cell to its jackknife: the score again without each independent unit."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError, ResultError
from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events, get_score
from hear_audiomosaic.metrics.clips import SEMITONES_PER_OCTAVE
from hear_audiomosaic.reporting.comparison.model import ScoreCell, succeeded
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result
from hear_audiomosaic.statistics import FoldReplicates, Ranking, StandardError, standard_error

__all__ = ["CellReplicates", "Unit", "cell_replicates", "clip_replicates", "event_replicates"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Unit = Literal["clips", "groups", "folds", "blocks"]

_ACCURACIES = {"top1_acc": None, "pitch_acc": None, "chroma_acc": SEMITONES_PER_OCTAVE}
"""Scores that are shares of correct clips -> the modulus of their classes."""
_SAME = 1e-5
"""Largest difference of a score computed again from that of the result file, which may be rounded to float32."""
_RANKING_WORK, _SCORE_WORK, _FEWEST_BLOCKS = 2**29, 2**26, 50
"""Largest units x clips x classes of a ranking, which is sorted once, and of a score that is computed again for each
unit. Beyond it units are left out by blocks (seconds per encoder), but at least so many."""
_MOST_EVENT_UNITS = 200
"""The same for event scores, in units."""
_CHUNK_CELLS = 2**17
"""Units x clips in memory at a time: few enough for a processor's cache, many enough for whole-array arithmetic."""


@dataclass(frozen=True)
class CellReplicates:
    """The scores of one cell without each of its units; the mean over seeds."""

    clips: str
    """Digest of the test clips and their groups: cells with the same clips have the same units."""
    n_clips: int
    n_groups: int | None
    unit: Unit
    """What is left out: clips, groups of clips, or blocks of either. Where a fold has one group, the folds are compared
    with one another."""
    folds: tuple[FoldReplicates, ...]
    of_seeds: tuple[tuple[FoldReplicates, ...], ...]
    """The same of each seed."""
    seeds: tuple[int, ...]
    scores: Floats
    """(S,) the score of each seed."""
    correct: npt.NDArray[np.bool_] | None
    """(n,) whether each clip is correct, for accuracies of a single seed whose clips are independent."""

    @property
    def error(self) -> StandardError:
        """Standard error of the mean over seeds: that of the test clips and, with several seeds, of the seeds."""
        return standard_error(self.folds, self.scores)

    @property
    def test_sd(self) -> float:
        """Standard deviation of one seed's score due to the choice of test clips; NaN where it cannot be told."""
        return math.sqrt(np.mean([standard_error(folds).value ** 2 for folds in self.of_seeds]))


@dataclass(frozen=True)
class _Fold:
    """One test split, clips in the order of their names."""

    files: tuple[str, ...]
    groups: tuple[str, ...] | None
    """A label per file."""
    n_units: int
    """Left out one by one: files, groups, or blocks of either."""
    unit: Unit
    replicates: FoldReplicates
    correct: npt.NDArray[np.bool_] | None
    """(files,) for accuracies with one row a file."""


def cell_replicates(cell: ScoreCell, results_dir: Path) -> CellReplicates | str:
    """Compute the score of a cell without each of its units, for each seed that succeeded.

    Args:
        cell: a scored cell.
        results_dir: the folder that its results were read from.

    Returns:
        The scores, or the reason why there are none.
    """
    good = [loaded for loaded in cell.results if succeeded(loaded.result)]
    try:
        by_seed = [_folds(loaded, results_dir) for loaded in good]
    except ResultError as error:
        return str(error)
    except MetricError as error:
        return f"the score cannot be computed without some of the clips: {error}"
    keys = [_digest(loaded.result, folds) for loaded, folds in zip(good, by_seed, strict=True)]
    if len(set(keys)) > 1:
        return "the seeds were tested on different clips"
    folds = by_seed[0]
    grouped = any(fold.groups is not None for fold in folds)
    correct = [fold.correct for fold in folds if fold.correct is not None]
    independent = len(good) == 1 and not grouped and len(correct) == len(folds)
    of_seeds = tuple(tuple(fold.replicates for fold in own) for own in by_seed)
    return CellReplicates(
        clips=keys[0],
        n_clips=sum(len(fold.files) for fold in folds),
        n_groups=sum(len(set(fold.groups or fold.files)) for fold in folds) if grouped else None,
        unit=_unit(folds),
        folds=tuple(_mean_over_seeds(own) for own in zip(*of_seeds, strict=True)),
        of_seeds=of_seeds,
        seeds=tuple(loaded.result.protocol.seed for loaded in good),
        scores=np.array([loaded.result.score for loaded in good], dtype=np.float64),
        correct=np.concatenate(correct) if independent else None,
    )


def _unit(folds: list[_Fold]) -> Unit:
    if len(folds) > 1 and any(fold.n_units == 1 for fold in folds):
        return "folds"
    kinds = {fold.unit for fold in folds}
    return next(kind for kind in ("blocks", "groups", "clips") if kind in kinds)


def _mean_over_seeds(folds: tuple[FoldReplicates, ...]) -> FoldReplicates:
    return FoldReplicates(
        float(np.mean([fold.score for fold in folds])), np.mean([fold.replicates for fold in folds], axis=0)
    )


def _digest(result: Result, folds: list[_Fold]) -> str:
    names = [(one.split, fold.files, fold.groups) for one, fold in zip(result.folds, folds, strict=True)]
    return hashlib.sha256(repr(names).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------------------ folds


def _folds(loaded: LoadedResult, results_dir: Path) -> list[_Fold]:
    """The test splits of one result.

    Raises:
        ResultError: the predictions cannot be used; the message is the reason alone.
    """
    result = loaded.result
    if result.score is None or not math.isfinite(result.score):
        raise ResultError("the score is not a finite number")
    folds = [_fold(fold, result.score_name) for fold in loaded.predictions(results_dir)]
    if not folds:
        raise ResultError("the result file names no test splits")
    again = float(np.mean([fold.replicates.score for fold in folds]))
    if not abs(again - result.score) <= _SAME:
        raise ResultError(f"{result.predictions} gives {again:.5f}, not the score of the result file")
    return folds


def _fold(stored: FoldPredictions, score_name: str) -> _Fold:
    order = np.argsort(np.array(stored.files, dtype=np.str_), kind="stable")
    names = tuple(stored.files[i] for i in order)
    groups = None if stored.groups is None else tuple(stored.groups[i] for i in order)
    position = np.argsort(order, kind="stable")  # of each file in the order of names
    units = np.arange(len(names)) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    correct = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a NaN score says it
        if get_score(score_name).kind == "event":
            units = _blocks(units, _MOST_EVENT_UNITS)
            if stored.reference_events is None or stored.predicted_events is None:
                raise ResultError("the predictions have no events")
            events = (stored.reference_events, stored.predicted_events)
            replicates = event_replicates(score_name, *events, units[position])
        else:
            row = position[stored.row_file]
            rows = np.argsort(row, kind="stable")
            row, targets, probabilities = row[rows], stored.targets[rows], stored.probabilities[rows]
            units = _blocks(units, _most_units(score_name, targets.size))
            replicates = clip_replicates(score_name, targets, probabilities, units[row])
            if score_name in _ACCURACIES and np.array_equal(row, np.arange(len(names))):
                correct = _correct(score_name, targets, probabilities) > 0
    n_own = len(set(groups)) if groups is not None else len(names)
    n_units = int(units.max()) + 1
    unit: Unit = "blocks" if n_units < n_own else "clips" if groups is None else "groups"
    return _Fold(names, groups, n_units, unit, replicates, correct)


def _blocks(units: Array, most: int) -> Array:
    """(files,) units, or blocks of them where there are more than ``most``: at random, the same for every encoder."""
    n_units = int(units.max()) + 1
    if n_units <= most:
        return units
    return np.asarray((np.random.default_rng(0).permutation(n_units) % most)[units])


def _most_units(score_name: str, cells: int) -> int:
    """How many units can be left out one by one, of a split with so many clips x classes."""
    if score_name in _ACCURACIES:
        return 2**31
    work = _RANKING_WORK if score_name in ("mAP", "aucroc") else _SCORE_WORK
    return max(work // max(cells, 1), _FEWEST_BLOCKS)


def _correct(name: str, targets: Array, probabilities: Array) -> Floats:
    modulus = _ACCURACIES[name] or targets.shape[1]
    hit = targets.argmax(axis=1) % modulus == probabilities.argmax(axis=1) % modulus
    return np.asarray(hit.astype(np.float64))


def clip_replicates(name: str, targets: Array, probabilities: Array, unit: Array) -> FoldReplicates:
    """A score of clips or frames, and the same without each unit.

    Args:
        name: of a clip score.
        targets: (n, C) multi-hot.
        probabilities: (n, C).
        unit: (n,) number of the unit of each row, 0 to G - 1.
    """
    observed = evaluate_clips([name], targets, probabilities)[name]
    if name in _ACCURACIES:
        right, sizes = np.bincount(unit, _correct(name, targets, probabilities)), np.bincount(unit)
        if len(sizes) == 1:
            return FoldReplicates(observed, np.array([np.nan]))
        return FoldReplicates(observed, (right.sum() - right) / (sizes.sum() - sizes))
    if name in ("mAP", "aucroc"):
        ranking = Ranking.of(targets, probabilities)
        return _without_each(unit, ranking.average_precision if name == "mAP" else ranking.roc_auc, observed)

    def scores(kept: Array) -> list[float]:
        return [evaluate_clips([name], targets[rows], probabilities[rows])[name] for rows in kept > 0]

    return _without_each(unit, scores, observed)


def event_replicates(name: str, reference: Events, estimated: Events, unit: Array) -> FoldReplicates:
    """A score of events, and the same without each unit: events never match across files.

    Args:
        name: of an event score.
        reference: the true events.
        estimated: the predicted events.
        unit: (F,) number of the unit of each file, 0 to G - 1.
    """
    of_reference, of_estimated = unit[reference.file], unit[estimated.file]

    def scores(kept: Array) -> list[float]:
        parts = ((_of(reference, own[of_reference]), _of(estimated, own[of_estimated])) for own in kept > 0)
        return [evaluate_events([name], *part)[name] for part in parts]

    observed = evaluate_events([name], reference, estimated)[name]
    return _without_each(np.arange(int(unit.max()) + 1), scores, observed)


def _without_each(unit: Array, scores: Callable[[Array], npt.ArrayLike], observed: float) -> FoldReplicates:
    """``scores`` takes (b, n) ones where something is kept and zeros where not, n as many as ``unit`` has."""
    n_units = int(unit.max()) + 1
    if n_units == 1:
        return FoldReplicates(observed, np.array([np.nan]))
    chunks = np.array_split(np.arange(n_units), -(-n_units * len(unit) // _CHUNK_CELLS))
    kept = ((unit != left_out[:, None]).astype(np.int64) for left_out in chunks if len(left_out))
    return FoldReplicates(observed, np.concatenate([np.asarray(scores(one), dtype=np.float64) for one in kept]))


def _of(events: Events, kept: Array) -> Events:
    return Events(events.file[kept], events.label[kept], events.start_ms[kept], events.end_ms[kept])
