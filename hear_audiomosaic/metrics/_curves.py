"""Precision-recall and ROC curves of many rankings at once, as ragged rows placed end to end.

Used by the ranking scores of :mod:`hear_audiomosaic.metrics.clips`: one sort for all classes and all leading
dimensions, then a few passes over flat arrays. Letters: n clips, C classes, R rankings, M operating points of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Curves"]

Array = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """The operating points of R = (...) * C rankings, from the highest threshold down, all rows end to end.

    A row has one point per distinct probability, so rows differ in length; M is the number of all points.
    """

    true_positives: npt.NDArray[np.int64]  # (M,) positives at or above the threshold
    false_positives: npt.NDArray[np.int64]  # (M,) negatives at or above the threshold
    starts: npt.NDArray[np.int64]  # (R,) index of each row's first point
    shape: tuple[int, ...]  # (..., C)

    @classmethod
    def of(cls, targets: Array, probabilities: Array) -> Curves:
        """Sort n > 0 clips within each class and count at the end of each run of equal probabilities."""
        n, C = targets.shape
        scores = np.ascontiguousarray(np.swapaxes(probabilities, -1, -2))  # (..., C, n)
        if scores.dtype.kind != "f" or scores.dtype.itemsize < 4:
            scores = scores.astype(np.float64)  # bool and unsigned cannot be negated; float16 sorts slowly
        order = np.argsort(-scores, axis=-1)  # (..., C, n); the order within a run of equals does not matter
        scores = np.take_along_axis(scores, order, axis=-1)
        is_positive = np.ascontiguousarray(targets.T.astype(bool))  # (C, n)
        is_positive = np.take_along_axis(is_positive.reshape((1,) * (scores.ndim - 2) + (C, n)), order, axis=-1)
        is_last = np.ones(scores.shape, dtype=bool)  # of its run
        np.not_equal(scores[..., :-1], scores[..., 1:], out=is_last[..., :-1])

        points = np.flatnonzero(is_last)  # (M,)
        true_positives = np.cumsum(is_positive, axis=-1, dtype=np.int64).reshape(-1)[points]
        counts = np.count_nonzero(is_last, axis=-1).reshape(-1)  # (R,)
        return cls(true_positives, points % n + 1 - true_positives, _starts_of(counts), scores.shape[:-1])

    def average_precision(self) -> Scores:
        """(..., C) step-wise area under precision over recall; 0 for a class without positives."""
        positives = self._rows(np.maximum(self.true_positives[self._ends], 1))
        recall = self.true_positives / positives
        precision = self.true_positives / (self.true_positives + self.false_positives)
        area = (recall - self._previous(recall)) * precision
        return self._sums(area, from_lowest=True).reshape(self.shape)

    @cached_property
    def area(self) -> Scores:
        """(..., C) area under the ROC curve; NaN for a class without positives or without negatives."""
        corners = self._corners
        false_rate, true_rate = corners._rates
        previous_false, previous_true = corners._previous(false_rate), corners._previous(true_rate)
        area = (false_rate - previous_false) * (true_rate + previous_true) / 2.0
        return corners._sums(area).reshape(self.shape)

    def equal_error_rate(self) -> Scores:
        """(..., C) false positive rate where the ROC curve meets FPR = 1 - TPR; NaN as in :attr:`area`."""
        false_rate, true_rate = self._rates
        excess = false_rate - (1.0 - true_rate)  # (M,) FPR - FNR, rises along a row from above -1 to 1
        at = self.starts + np.add.reduceat((excess < 0).astype(np.int64), self.starts)  # (R,) first point past the line
        is_first = at == self.starts  # then the point before it is the origin: FPR 0, FNR 1
        before = np.where(is_first, 0, at - 1)
        low, high = np.where(is_first, -1.0, excess[before]), excess[at]
        false_before = np.where(is_first, 0.0, false_rate[before])
        rate = false_before + (false_rate[at] - false_before) * (-low / (high - low))
        return rate.reshape(self.shape)

    @cached_property
    def _corners(self) -> Curves:
        """The same curves without the points inside straight and evenly spaced stretches.

        They do not change the area; scikit-learn leaves them out before summing, and so the sums agree to the last bit.
        """
        keep = np.ones(len(self.true_positives), dtype=bool)
        bends = (np.diff(self.true_positives, 2) != 0) | (np.diff(self.false_positives, 2) != 0)
        keep[1:-1] = bends
        keep[self.starts] = True
        keep[self._ends] = True
        counts = np.add.reduceat(keep.astype(np.int64), self.starts)
        return Curves(self.true_positives[keep], self.false_positives[keep], _starts_of(counts), self.shape)

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        """(R,) index of each row's last point, where every clip is at or above the threshold."""
        return np.append(self.starts[1:], len(self.true_positives)) - 1

    @cached_property
    def _rates(self) -> tuple[Scores, Scores]:
        """(M,) false positive rate and (M,) true positive rate; NaN where the row has no negatives or positives."""
        positives, negatives = self.true_positives[self._ends], self.false_positives[self._ends]
        false_rate = self.false_positives / self._rows(np.where(negatives > 0, negatives, np.nan))
        true_rate = self.true_positives / self._rows(np.where(positives > 0, positives, np.nan))
        return false_rate, true_rate

    def _rows(self, values: Array) -> Array:
        """(R,) one value per row -> (M,) one per point."""
        return np.repeat(values, self._ends - self.starts + 1)

    def _previous(self, values: Scores) -> Scores:
        """(M,) -> (M,) the value one point higher in the same row; 0 before a row's first point."""
        previous = np.empty_like(values)
        previous[1:] = values[:-1]
        previous[self.starts] = 0.0
        return previous

    def _sums(self, values: Scores, *, from_lowest: bool = False) -> Scores:
        """(M,) -> (R,) sum of each row.

        A zero is inserted before each row: then ``reduceat`` adds up its numbers in the same order as ``np.sum``
        adds up the row alone. ``from_lowest`` starts at the lowest threshold.
        """
        starts = self.starts
        if from_lowest:
            values, starts = values[::-1], len(values) - 1 - self._ends[::-1]
        sums = np.add.reduceat(np.insert(values, starts, 0.0), starts + np.arange(len(starts)))
        return sums[::-1] if from_lowest else sums


def _starts_of(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(R,) lengths -> (R,) where each begins when they are placed end to end."""
    return np.cumsum(counts) - counts
