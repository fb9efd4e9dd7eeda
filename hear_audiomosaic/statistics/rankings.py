"""Ranking scores (mAP, AUC) of many choices of clips at once: sort once, then a few sums per choice.

Computing mAP again without each of 2,000 clips sorts the same probabilities 2,000 times. The order does not change,
only how often each clip counts; so :class:`Ranking` sorts once and takes the counts. The jackknife gives zeros for the
clips that it leaves out, ones for the others.

Conventions
-----------
- n clips, C classes, b rows of counts. A clip that counts w times counts as w clips of equal probability.
- Equal probabilities are one threshold, as in :mod:`hear_audiomosaic.metrics.clips`.
- A class of which no positive clip counts in a row (for the AUC: or no negative one) is left out of that row's mean: it
  has no score there, and a 0 in its place would enlarge standard errors of tasks with rare classes. A class without a
  positive among all clips counts as in HEAR: 0 for the average precision, NaN for the AUC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, Integers, finite_values, row_means

__all__ = ["Ranking"]


@dataclass(frozen=True)
class _Class:
    """The clips of one class from the highest probability down; R runs of equal probability that hold a positive."""

    order: Integers  # (n,) clips
    positives: Integers  # (P,) clips that are positive, in that order
    first_positive: Integers  # (R,) index into ``positives`` of each run's first
    first: Integers  # (R,) rank of each run's first clip
    last: Integers  # (R,) rank of each run's last clip


@dataclass(frozen=True)
class Ranking:
    """Clips sorted within each class; its scores take (b, n) counts: how often each clip counts."""

    classes: tuple[_Class, ...]

    @classmethod
    def of(cls, targets: npt.ArrayLike, probabilities: npt.ArrayLike) -> Ranking:
        """Sort the clips within each class.

        Args:
            targets: (n, C) zeros and ones.
            probabilities: (n, C) finite; any scores will do.

        Returns:
            The ranking, of which every score can be computed.

        Raises:
            MetricError: the arrays do not fit each other, or are not numbers.
        """
        is_positive, values = finite_values(targets, "targets") > 0, finite_values(probabilities, "probabilities")
        if is_positive.ndim != 2 or is_positive.shape != values.shape:
            raise MetricError(
                f"expected targets and probabilities of one shape (n, C), found {is_positive.shape} and {values.shape}."
            )
        return cls(tuple(_sorted(is_positive[:, c], values[:, c]) for c in range(values.shape[1])))

    def average_precision(self, counts: Integers) -> Floats:
        """Mean average precision of each row of counts.

        Formula: per class sum over thresholds of (share of positives there) x (precision at or above), each clip
        counted as often as its count says; then the mean over classes.

        Args:
            counts: (b, n) how often each clip counts.

        Returns:
            (b,) in 0 .. 1; NaN where no class has a positive.

        Source: ``mAP`` of HEAR 2021 (:func:`hear_audiomosaic.metrics.clips.mean_average_precision`), with weights.
        """
        scores = np.zeros((len(counts), len(self.classes)))
        for c, one in enumerate(self.classes):
            if len(one.positives):
                hits, _, through = _tallies(one, counts)
                total = hits.sum(axis=-1)  # (b,)
                precision = np.cumsum(hits, axis=-1) / np.maximum(through, 1.0)
                with np.errstate(invalid="ignore"):
                    scores[:, c] = (hits * precision).sum(axis=-1) / total
        return row_means(scores)  # over the classes that have a score in a row

    def roc_auc(self, counts: Integers) -> Floats:
        """Area under the ROC curve of each row of counts, mean over classes.

        Formula: per class the chance that a positive clip outranks a negative one, ties counted half; then the
        mean over classes.

        Args:
            counts: (b, n) how often each clip counts.

        Returns:
            (b,) in 0 .. 1; NaN where no class has both positives and negatives, and everywhere when any class has only
            one of them among all clips.

        Source: ``aucroc`` of HEAR 2021 (:func:`hear_audiomosaic.metrics.clips.roc_auc`), with weights.
        """
        if any(len(one.positives) in (0, len(one.order)) for one in self.classes):
            return np.full(len(counts), np.nan)
        n_counted = counts.sum(axis=-1)  # (b,)
        scores = np.empty((len(counts), len(self.classes)))
        for c, one in enumerate(self.classes):
            hits, before, through = _tallies(one, counts)
            positives = np.cumsum(hits, axis=-1)  # (b, R)
            total = positives[:, -1]
            negatives = n_counted - total
            ties = through - before - hits  # (b, R) negatives within each run
            below = negatives[:, None] - (through - positives)
            with np.errstate(invalid="ignore"):
                scores[:, c] = (hits * (below + 0.5 * ties)).sum(axis=-1) / (total * negatives)
        return row_means(scores)  # over the classes that have a score in a row


def _sorted(is_positive: npt.NDArray[np.bool_], values: Floats) -> _Class:
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    ranks = np.flatnonzero(is_positive[order])  # (P,) ranks of the positives
    run = np.searchsorted(starts, ranks, side="right") - 1  # (P,) the run of each
    runs, first_positive = np.unique(run, return_index=True)
    ends = np.append(starts[1:], len(order)) - 1
    return _Class(order, order[ranks], first_positive, starts[runs], ends[runs])


def _tallies(one: _Class, counts: Integers) -> tuple[Floats, Floats, Floats]:
    """(b, R) sums of counts: of positives within each run, of clips before it, and of clips before or within it."""
    hits = np.add.reduceat(counts[:, one.positives], one.first_positive, axis=-1).astype(np.float64)
    above = np.cumsum(counts[:, one.order], axis=-1)  # (b, n)
    before = np.where(one.first > 0, above[:, one.first - 1], 0)
    return hits, before.astype(np.float64), above[:, one.last].astype(np.float64)
