"""Errors by class: classes in rows, the worst first."""

from __future__ import annotations

import math

import numpy as np

from hear_audiomosaic.reporting.analysis.class_errors import ClassErrors, Confusion
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.text.formats import MISSING, count, decimals

__all__ = ["MOST_CLASSES", "class_errors_table", "confusions_table"]

MOST_CLASSES = 50
"""Largest number of classes for which the whole matrix is drawn and every class is listed."""
_MOST_CONFUSIONS = 12


def class_errors_table(errors: ClassErrors) -> Table:
    """Build the table; its title says what it holds.

    Args:
        errors: of one result.
    """
    if errors.confusion is not None:
        return _multiclass(errors.confusion)
    over = ", mean over the folds that have the class" if errors.n_folds > 1 else ""
    scores = [] if errors.average_precision is None else errors.average_precision.tolist()
    order = sorted(range(len(scores)), key=lambda c: (_undefined_last(scores[c]), -errors.clips[c], c))
    rows = [
        (errors.labels[c], count(int(errors.clips[c])), _share(errors.clips[c] / errors.n_clips), _share(scores[c]))
        for c in order[:MOST_CLASSES]
    ]
    about = f"Average precision of each class{over}; that of random scores is a little above the share"
    title = _title(about, "average precision", len(order))
    return plain_table(("class", "clips", "share", "average precision"), rows, title=title)


def confusions_table(errors: ClassErrors) -> Table | None:
    """Build a table of the most frequent confusions; None where the whole matrix can be drawn, or there is none.

    Args:
        errors: of one result.
    """
    confusion = errors.confusion
    if confusion is None or len(confusion.labels) <= MOST_CLASSES:
        return None
    labels, wrong, clips = confusion.labels, confusion.wrong, confusion.clips
    pairs = sorted(np.argwhere(wrong > 0).tolist(), key=lambda pair: (-wrong[pair[0], pair[1]], pair))
    rows = [
        (labels[a], labels[b], str(wrong[a, b]), _share(wrong[a, b] / clips[a])) for a, b in pairs[:_MOST_CONFUSIONS]
    ]
    return plain_table(("class", "predicted as", "clips", "share of the class"), rows, title="Most frequent confusions")


def _multiclass(confusion: Confusion) -> Table:
    labels, wrong, clips = confusion.labels, confusion.wrong, confusion.clips
    recall, precision = confusion.recall.tolist(), confusion.precision.tolist()
    seen = np.flatnonzero(clips + confusion.predicted).tolist()
    order = sorted(seen, key=lambda c: (_undefined_last(recall[c]), -clips[c], c))
    rows = []
    for c in order[:MOST_CLASSES]:
        other = int(wrong[c].argmax())
        confused = f"{labels[other]} ({wrong[c, other]})" if wrong[c, other] else MISSING
        numbers = (count(int(clips[c])), count(int(confusion.correct[c])), _share(recall[c]), _share(precision[c]))
        rows.append((labels[c], *numbers, confused))
    header = ("class", "clips", "correct", "recall", "precision", "most often predicted as")
    return plain_table(header, rows, title=_title("The most probable class against the true one", "recall", len(order)))


def _title(what: str, by: str, n_classes: int) -> str:
    which = "the lowest first" if n_classes <= MOST_CLASSES else f"the lowest {MOST_CLASSES} of {n_classes} classes"
    return f"{what}; sorted by {by}, {which}."


def _undefined_last(value: float) -> float:
    """A sort key by which undefined values come last."""
    return 2.0 if math.isnan(value) else value


def _share(value: float) -> str:
    return MISSING if math.isnan(value) else decimals(float(value))
