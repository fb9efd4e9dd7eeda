"""From the stored test predictions of a cell to the bootstrap scores of its resamples."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError, ResultError
from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events, get_score
from hear_audiomosaic.metrics.clips import SEMITONES_PER_OCTAVE
from hear_audiomosaic.reporting.comparison.model import ScoreCell, succeeded
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result
from hear_audiomosaic.statistics import Ranking, bootstrap_fold_scores, bootstrap_means

__all__ = ["BootstrapScores", "bootstrap_cell"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_ACCURACIES = {"top1_acc": None, "pitch_acc": None, "chroma_acc": SEMITONES_PER_OCTAVE}
"""Scores that are shares of correct clips -> the modulus of their classes."""
_SAME = 1e-5
"""Largest difference of a score computed again from that of the result file, which may be rounded to float32."""
_LARGEST_WORK = 2**26
"""Largest resamples x clips x classes for a score that must be computed again for each resample."""
_RANKING_WORK, _FEWEST_RESAMPLES = 2**30, 500
"""The same for rankings, which are sorted only once: beyond it there are fewer resamples (seconds per encoder), but at
least so many. All encoders of a task have the same number."""


@dataclass(frozen=True)
class BootstrapScores:
    """The scores of one cell on resamples of its test clips."""

    clips: str
    """Digest of the test clips and their groups: cells with the same clips have the same resamples."""
    n_clips: int
    n_groups: int | None
    resampled: Floats
    """(S seeds, n_resamples) scores of each seed on the same resamples; NaN where a resample has none."""
    scores: Floats
    """(S,) the scores on the test clips themselves."""
    correct: npt.NDArray[np.bool_] | None
    """(n,) whether each clip is correct, for accuracies of a single seed whose clips are independent."""

    @property
    def of_mean(self) -> Floats:
        """(n_resamples,) the mean over seeds."""
        return np.asarray(self.resampled.mean(axis=0))


@dataclass(frozen=True)
class _Fold:
    """One test split, clips in the order of their names.

    The units of resampling ("rows") are clips, or frames that are resampled by whole clips.
    """

    files: tuple[str, ...]
    groups: tuple[str, ...] | None
    """A label per file."""
    units: Array | None
    """(rows,) number of the group that each row is resampled with; None: rows are resampled one by one."""
    n_rows: int
    n_ranked: int
    """Clips x classes that a ranking goes through for each resample."""
    observed: float
    values: Floats | None
    """(rows,) for scores that are means over rows."""
    score: Callable[[Any], Any] | None
    """(b, rows) counts -> (b,) scores, for the others."""


def bootstrap_cell(cell: ScoreCell, results_dir: Path, n_resamples: int, seed: int) -> BootstrapScores | str:
    """Compute the score of a cell on resamples of its test clips, for each seed that succeeded.

    Args:
        cell: a scored cell.
        results_dir: the folder that its results were read from.
        n_resamples: number of resamples.
        seed: of the resampling.

    Returns:
        The scores, or the reason why there are none.
    """
    good = [loaded for loaded in cell.results if succeeded(loaded.result)]
    try:
        by_seed = [_folds(loaded, results_dir, n_resamples) for loaded in good]
        keys = [_digest(loaded.result, folds) for loaded, folds in zip(good, by_seed, strict=True)]
        if len(set(keys)) > 1:
            return "the seeds were tested on different clips"
        resampled = [_resampled(folds, n_resamples, seed) for folds in by_seed]
    except ResultError as error:
        return str(error)
    except MetricError as error:
        return f"it cannot be resampled: {error}"
    folds = by_seed[0]
    grouped = any(fold.groups is not None for fold in folds)
    values = [fold.values for fold in folds if fold.values is not None and len(fold.values) == len(fold.files)]
    independent = len(good) == 1 and not grouped and len(values) == len(folds)
    return BootstrapScores(
        clips=keys[0],
        n_clips=sum(len(fold.files) for fold in folds),
        n_groups=sum(len(set(fold.groups or fold.files)) for fold in folds) if grouped else None,
        resampled=np.stack(resampled),
        scores=np.array([loaded.result.score for loaded in good], dtype=np.float64),
        correct=np.concatenate(values) > 0 if independent else None,
    )


def _resampled(folds: list[_Fold], n_resamples: int, seed: int) -> Floats:
    values = [fold.values for fold in folds if fold.values is not None]
    if len(values) == len(folds):
        units = [np.arange(fold.n_rows) if fold.units is None else fold.units for fold in folds]
        whole = None if all(fold.units is None for fold in folds) else np.concatenate(units)
        numbers = np.repeat(np.arange(len(folds)), [fold.n_rows for fold in folds])
        return bootstrap_means(np.concatenate(values), whole, n_resamples, seed, folds=numbers)
    scores = [fold.score for fold in folds if fold.score is not None]
    cells = sum(fold.n_ranked for fold in folds)
    n_resamples = min(n_resamples, max(_RANKING_WORK // max(cells, 1), _FEWEST_RESAMPLES))
    sizes, groups = [fold.n_rows for fold in folds], [fold.units for fold in folds]
    return bootstrap_fold_scores(scores, sizes, groups, n_resamples, seed, takes="batches")


def _digest(result: Result, folds: list[_Fold]) -> str:
    names = [(one.split, fold.files, fold.groups) for one, fold in zip(result.folds, folds, strict=True)]
    return hashlib.sha256(repr(names).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------------------ folds


def _folds(loaded: LoadedResult, results_dir: Path, n_resamples: int) -> list[_Fold]:
    """The test splits of one result.

    Raises:
        ResultError: the predictions cannot be used; the message is the reason alone.
    """
    result = loaded.result
    if result.score is None or not math.isfinite(result.score):
        raise ResultError("the score is not a finite number")
    folds = [_fold(fold, result.score_name, n_resamples) for fold in loaded.predictions(results_dir)]
    if not folds:
        raise ResultError("the result file names no test splits")
    again = float(np.mean([fold.observed for fold in folds]))
    if not abs(again - result.score) <= _SAME:
        raise ResultError(f"{result.predictions} gives {again:.5f}, not the score of the result file")
    return folds


def _fold(stored: FoldPredictions, score_name: str, n_resamples: int) -> _Fold:
    order = np.argsort(np.array(stored.files, dtype=np.str_), kind="stable")
    names = tuple(stored.files[i] for i in order)
    groups = None if stored.groups is None else tuple(stored.groups[i] for i in order)
    position = np.argsort(order, kind="stable")  # of each file in the order of names
    if get_score(score_name).kind == "event":
        units = None if groups is None else np.unique(groups, return_inverse=True)[1]
        observed, by_counts = _event_score(stored, score_name, position)
        return _Fold(names, groups, units, len(names), 0, observed, None, by_counts)
    clip = position[stored.row_file]
    rows = np.argsort(clip, kind="stable")
    clip = clip[rows]
    targets, probabilities = stored.targets[rows], stored.probabilities[rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        observed = evaluate_clips([score_name], targets, probabilities)[score_name]
    units = clip if groups is None else np.unique(groups, return_inverse=True)[1][clip]
    single = groups is None and np.array_equal(clip, np.arange(len(names)))
    values, score = _clip_score(score_name, targets, probabilities, n_resamples)
    return _Fold(names, groups, None if single else units, len(clip), targets.size, observed, values, score)


def _clip_score(
    name: str, targets: Array, probabilities: Array, n_resamples: int
) -> tuple[Floats | None, Callable[[Any], Any] | None]:
    """Values per row for a mean, else a score of counts."""
    if name in _ACCURACIES:
        modulus = _ACCURACIES[name] or targets.shape[1]
        correct = targets.argmax(axis=1) % modulus == probabilities.argmax(axis=1) % modulus
        return correct.astype(np.float64), None
    if name in ("mAP", "aucroc"):
        ranking = Ranking.of(targets, probabilities)
        return None, ranking.average_precision if name == "mAP" else ranking.roc_auc
    if n_resamples * targets.size > _LARGEST_WORK:
        raise ResultError(f"{name} on {len(targets)} clips x {targets.shape[1]} classes takes too long to resample")

    def score(counts: Array) -> list[float]:
        clips = np.arange(len(targets))
        drawn = [np.repeat(clips, row) for row in counts]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return [evaluate_clips([name], targets[rows], probabilities[rows])[name] for rows in drawn]

    return None, score


def _event_score(stored: FoldPredictions, name: str, position: Array) -> tuple[float, Callable[[Any], Any]]:
    """An F-measure over resampled files, from hits and events per file: events never match across files.

    F = 2 P R / (P + R) with P = hits / estimated and R = hits / reference is 2 hits / (estimated + reference); NaN
    without estimated or without reference events, as in :mod:`hear_audiomosaic.metrics.events`.
    """
    if "precision" not in get_score(name).sub_scores:
        raise ResultError(f"{name} is not taken apart by file, so files cannot be resampled")
    if stored.reference_events is None or stored.predicted_events is None:
        raise ResultError("the predictions have no events")
    reference, estimated = (
        _in_name_order(events, position) for events in (stored.reference_events, stored.predicted_events)
    )
    counts = np.zeros((len(position), 3))  # hits, estimated, reference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        observed = evaluate_events([name], reference, estimated)[name]
        for file in range(len(position)):
            own_reference, own_estimated = _of_file(reference, file), _of_file(estimated, file)
            recall = (
                evaluate_events([name], own_reference, own_estimated)[f"{name}_recall"] if len(own_reference) else 0.0
            )
            counts[file] = round(recall * len(own_reference)), len(own_estimated), len(own_reference)

    def score(drawn: Array) -> Floats:
        hits, n_estimated, n_true = (drawn.astype(np.float64) @ counts).T
        defined = (n_estimated > 0) & (n_true > 0)
        return np.where(defined, 2.0 * hits / np.maximum(n_estimated + n_true, 1.0), np.nan)

    return observed, score


def _in_name_order(events: Events, position: Array) -> Events:
    """Events whose files are in the order of names."""
    return Events(position[events.file], events.label, events.start_ms, events.end_ms)


def _of_file(events: Events, file: int) -> Events:
    own = events.file == file
    return Events(events.file[own], events.label[own], events.start_ms[own], events.end_ms[own])
