"""Errors by class, from the stored test predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.metrics.clips import mean_average_precision
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result

__all__ = ["ClassErrors", "Confusion", "class_errors"]

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix: how often clips of one class were predicted as another."""

    labels: tuple[str, ...]
    counts: Counts
    """(C, C): row the true class, column the most probable one; clips of all folds."""

    @property
    def clips(self) -> Counts:
        """(C,) clips of each class."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def predicted(self) -> Counts:
        """(C,) clips that were predicted as each class."""
        return np.asarray(self.counts.sum(axis=0))

    @property
    def correct(self) -> Counts:
        """(C,) clips of each class that were predicted as it."""
        return np.diag(self.counts)

    @property
    def wrong(self) -> Counts:
        """(C, C) the counts with zeros on the diagonal."""
        return self.counts - np.diag(self.correct)

    @property
    def recall(self) -> Floats:
        """(C,) share of the clips of a class, 0 to 1; NaN where it has none."""
        return _ratio(self.correct, self.clips)

    @property
    def precision(self) -> Floats:
        """(C,) share of the clips predicted as a class, 0 to 1; NaN where there are none."""
        return _ratio(self.correct, self.predicted)


@dataclass(frozen=True)
class ClassErrors:
    """Errors by class, over all folds."""

    labels: tuple[str, ...]
    clips: Counts
    """(C,) clips of each class."""
    n_clips: int
    n_folds: int
    confusion: Confusion | None
    """None where clips have several labels."""
    average_precision: Floats | None
    """(C,) 0 to 1, mean over the folds that have the class, NaN where none has; None where clips have one label."""


def class_errors(result: Result, predictions: Sequence[FoldPredictions]) -> ClassErrors:
    """Count errors by class, over all folds.

    Args:
        result: of a scene task.
        predictions: its test predictions, one per fold.
    """
    labels = result.task.vocabulary
    confusion = precision = None
    if result.task.prediction_type == "multiclass":
        confusion = _confusion(labels, predictions)
        clips = confusion.clips
    else:
        precision = _average_precision(len(labels), predictions)
        clips = sum(((one.targets > 0).sum(axis=0) for one in predictions), np.zeros(len(labels), dtype=np.int64))
    n_clips = sum(len(one.row_file) for one in predictions)
    return ClassErrors(labels, clips, n_clips, len(predictions), confusion, precision)


def _confusion(labels: tuple[str, ...], predictions: Sequence[FoldPredictions]) -> Confusion:
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for one in predictions:
        np.add.at(counts, (one.targets.argmax(axis=1), one.probabilities.argmax(axis=1)), 1)
    return Confusion(labels, counts)


def _average_precision(n_classes: int, predictions: Sequence[FoldPredictions]) -> Floats:
    of_folds = np.full((len(predictions), n_classes), np.nan)
    for i, one in enumerate(predictions):
        for c in np.flatnonzero(one.targets.any(axis=0)):
            of_folds[i, c] = mean_average_precision(one.targets[:, [c]], one.probabilities[:, [c]])
    return _ratio(np.nansum(of_folds, axis=0), (~np.isnan(of_folds)).sum(axis=0))


def _ratio(numerator: Counts | Floats, denominator: Counts) -> Floats:
    """(C,) NaN where the denominator is 0."""
    return np.asarray(np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0))
