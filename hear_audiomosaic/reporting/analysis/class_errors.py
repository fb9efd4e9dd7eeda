"""Errors by class, from the stored test predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.metrics.clips import mean_average_precision
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.text.formats import MISSING, count, decimals
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result

__all__ = ["MOST_CLASSES", "ClassErrors", "Confusion", "class_errors"]

MOST_CLASSES = 50
"""Largest number of classes for which the whole matrix is drawn and every class is listed."""
_LISTED = 12
"""Number of confusions that are listed."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix: how often clips of one class were predicted as another."""

    labels: tuple[str, ...]
    counts: Counts
    """(C, C): row the true class, column the most probable one; clips of all folds."""


@dataclass(frozen=True)
class ClassErrors:
    """Errors by class."""

    about: str
    """A sentence on the contents of the table."""
    table: Table
    confusion: Confusion | None = None
    """None where clips have several labels."""
    confusions: Table | None = None
    """The most frequent confusions, where the matrix is too large to be drawn; else None."""


def class_errors(result: Result, predictions: Sequence[FoldPredictions]) -> ClassErrors:
    """Count errors by class, over all folds.

    Args:
        result: of a scene task.
        predictions: its test predictions, one per fold.
    """
    if result.task.prediction_type == "multiclass":
        return _multiclass(result.task.vocabulary, predictions)
    return _multilabel(result.task.vocabulary, predictions)


def _multiclass(labels: tuple[str, ...], predictions: Sequence[FoldPredictions]) -> ClassErrors:
    n_classes = len(labels)
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    for one in predictions:
        np.add.at(counts, (one.targets.argmax(axis=1), one.probabilities.argmax(axis=1)), 1)
    clips, predicted = counts.sum(axis=1), counts.sum(axis=0)
    right = np.diag(counts)
    recall = np.divide(right, clips, out=np.full(n_classes, np.nan), where=clips > 0)
    precision = np.divide(right, predicted, out=np.full(n_classes, np.nan), where=predicted > 0)
    wrong = counts - np.diag(right)
    order = sorted(np.flatnonzero(clips + predicted).tolist(), key=lambda c: (_undefined_last(recall[c]), -clips[c], c))
    rows = []
    for c in order[:MOST_CLASSES]:
        other = int(wrong[c].argmax())
        confused = f"{labels[other]} ({wrong[c, other]})" if wrong[c, other] else MISSING
        rows.append(
            (labels[c], count(int(clips[c])), count(int(right[c])), _share(recall[c]), _share(precision[c]), confused)
        )
    header = ("class", "clips", "correct", "recall", "precision", "most often predicted as")
    return ClassErrors(
        about=_about("The most probable class against the true one", "recall", len(order)),
        table=plain_table(header, rows),
        confusion=Confusion(labels, counts),
        confusions=_confusions(labels, wrong, clips) if n_classes > MOST_CLASSES else None,
    )


def _confusions(labels: tuple[str, ...], wrong: Counts, clips: Counts) -> Table:
    pairs = sorted(np.argwhere(wrong > 0).tolist(), key=lambda pair: (-wrong[pair[0], pair[1]], pair))[:_LISTED]
    rows = [(labels[a], labels[b], str(wrong[a, b]), _share(wrong[a, b] / clips[a])) for a, b in pairs]
    return plain_table(("class", "predicted as", "clips", "share of the class"), rows)


def _multilabel(labels: tuple[str, ...], predictions: Sequence[FoldPredictions]) -> ClassErrors:
    clips = sum(((one.targets > 0).sum(axis=0) for one in predictions), np.zeros(len(labels), dtype=np.int64))
    total = sum(len(one.row_file) for one in predictions)
    average_precision = np.full((len(predictions), len(labels)), np.nan)
    for i, one in enumerate(predictions):
        for c in np.flatnonzero(one.targets.any(axis=0)):
            average_precision[i, c] = mean_average_precision(one.targets[:, [c]], one.probabilities[:, [c]])
    folds = np.count_nonzero(~np.isnan(average_precision), axis=0)
    precision = np.divide(
        np.nansum(average_precision, axis=0), folds, out=np.full(len(labels), np.nan), where=folds > 0
    )
    order = sorted(range(len(labels)), key=lambda c: (_undefined_last(precision[c]), -clips[c], c))
    rows = [
        (labels[c], count(int(clips[c])), _share(clips[c] / total), _share(precision[c])) for c in order[:MOST_CLASSES]
    ]
    over = ", mean over the folds that have the class" if len(predictions) > 1 else ""
    about = _about(
        f"Average precision of each class{over}; chance is its share of the clips", "average precision", len(order)
    )
    return ClassErrors(about, plain_table(("class", "clips", "share", "average precision"), rows))


def _about(what: str, by: str, n_classes: int) -> str:
    which = "the lowest first" if n_classes <= MOST_CLASSES else f"the lowest {MOST_CLASSES} of {n_classes} classes"
    return f"{what}; sorted by {by}, {which}."


def _undefined_last(value: float) -> float:
    """A sort key by which undefined values come last."""
    return 2.0 if np.isnan(value) else float(value)


def _share(value: float) -> str:
    return MISSING if np.isnan(value) else decimals(float(value))
