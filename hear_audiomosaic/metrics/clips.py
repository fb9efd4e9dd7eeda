"""Scores of clip predictions: how well do (n, C) probabilities predict (n, C) multi-hot targets?

Origin: the scores of the HEAR 2021 benchmark (Turian et al., "HEAR: Holistic Evaluation of Audio Representations",
2022), which computes the ranking scores with scikit-learn 1.3; here the numbers are the same, for all classes at once.
The equal error rate is not a score of HEAR; its definition is given with the function.

Conventions
-----------
- n clips, C classes. ``targets`` is (n, C), zeros and ones (bool, int or float); a row may have several ones, or none.
- ``probabilities`` is (..., n, C), finite; any scores can be given, since only their order matters.
- Leading dimensions (grid points, epochs) share the targets; a score has their shape (...), 0-d when there are none.
- Equal probabilities of two clips share one threshold: the ranking scores do not depend on the order of the clips.
- Scores over classes are unweighted means ("macro").
- Without clips (n = 0) or without any positive there is a RuntimeWarning. An undefined score is NaN.

Metrics
-------
- :func:`top1_accuracy` (``top1_acc``, ``pitch_acc``): the most probable class is the correct one.
- :func:`chroma_accuracy` (``chroma_acc``): the same, octave errors not counted.
- :func:`mean_average_precision` (``mAP``): area under the precision-recall steps, mean over classes.
- :func:`roc_auc` (``aucroc``): area under the ROC curve, mean over classes.
- :func:`d_prime` (``d_prime``): the same areas as distances between two unit normals, mean over classes.
- :func:`equal_error_rate` (``eer``): where false alarms and misses are equally frequent, mean over classes.
- :func:`evaluate`: any of them by name, sorting only once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics._curves import Curves

__all__ = [
    "chroma_accuracy",
    "d_prime",
    "equal_error_rate",
    "evaluate",
    "mean_average_precision",
    "roc_auc",
    "top1_accuracy",
    "validate",
]

Array = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]

SEMITONES_PER_OCTAVE = 12


# ---------------------------------------------------------------------------------------------------------- validate


def validate(targets: Array, probabilities: Array) -> None:
    """Check that targets and probabilities can be scored.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C), finite.

    Raises:
        MetricError: the arguments are not arrays of numbers, their shapes do not match, or there are values other than
            0 and 1 (targets) or not finite (probabilities).

    Warns:
        RuntimeWarning: there are no clips, or no clip has a label.
    """
    for name, array in (("targets", targets), ("probabilities", probabilities)):
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            found = f"{array.dtype} array" if isinstance(array, np.ndarray) else type(array).__name__
            raise MetricError(f"{name}: expected a numpy array of numbers, found {found}; convert it with np.asarray.")
    if targets.ndim != 2 or targets.shape[1] == 0:
        raise MetricError(f"targets: expected shape (n clips, C classes) with C > 0, found {targets.shape}.")
    if probabilities.ndim < 2 or probabilities.shape[-2:] != targets.shape:
        raise MetricError(
            f"probabilities: expected shape (..., {targets.shape[0]}, {targets.shape[1]}) like the targets, "
            f"found {probabilities.shape}; give one row per clip and one column per class."
        )
    if not ((targets == 0) | (targets == 1)).all():
        raise MetricError("targets: expected only 0 and 1 (multi-hot rows), found other values.")
    if not np.isfinite(probabilities).all():
        bad = int(np.count_nonzero(~np.isfinite(probabilities)))
        raise MetricError(
            f"probabilities: expected finite values, found {bad} NaN or infinite of {probabilities.size}; "
            "the model diverged or the embeddings are not finite."
        )
    if targets.shape[0] == 0:
        warnings.warn("there are no clips to score; the scores are NaN", RuntimeWarning, stacklevel=3)
    elif not targets.any():
        warnings.warn("no clip has a label; the ranking scores mean nothing", RuntimeWarning, stacklevel=3)


# ----------------------------------------------------------------------------------------------------------- metrics


def top1_accuracy(targets: Array, probabilities: Array) -> Scores:
    """Fraction of clips whose most probable class is their class.

    Formula: mean over rows of [argmax P = argmax Y], the first index when several are equal. So for a clip with several
    labels the first one counts, and a clip without labels counts as class 0.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), in 0 .. 1, higher is better; NaN when n = 0.

    Raises:
        MetricError: see :func:`validate`.

    Source: HEAR 2021, scores ``top1_acc`` and ``pitch_acc``.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).top1_accuracy()


def chroma_accuracy(targets: Array, probabilities: Array) -> Scores:
    """Fraction of clips whose most probable pitch is correct up to octaves.

    Formula: as :func:`top1_accuracy`, both class indices taken modulo 12. These are indices into the vocabulary,
    so they mean chroma only where the classes are semitones in rising order without gaps (as in NSynth pitch).

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), in 0 .. 1, higher is better, never below :func:`top1_accuracy`; NaN when n = 0.

    Raises:
        MetricError: see :func:`validate`.

    Source: HEAR 2021, score ``chroma_acc``.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).chroma_accuracy()


def mean_average_precision(targets: Array, probabilities: Array) -> Scores:
    """Average precision of the ranking of clips, mean over classes.

    Formula: AP = sum over thresholds k, from the highest, of (R_k - R_(k-1)) P_k with precision P and recall R of
    "probability >= threshold k" (steps, no interpolation). A class without positives has AP 0.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), in 0 .. 1, higher is better; chance is about the fraction of positives. NaN when n = 0.

    Raises:
        MetricError: see :func:`validate`.

    Source: scikit-learn 1.3 ``average_precision_score(average="macro")``, as HEAR 2021 uses it for ``mAP``.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).mean_average_precision()


def roc_auc(targets: Array, probabilities: Array) -> Scores:
    """Area under the ROC curve, mean over classes.

    Formula: the trapezoids under (false positive rate, true positive rate), that is the chance that a positive clip
    outranks a negative one, ties counted half.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), in 0 .. 1, higher is better, chance 0.5; NaN when any class has no positive or no negative clip.

    Raises:
        MetricError: see :func:`validate`.

    Source: scikit-learn 1.3 ``roc_auc_score(average="macro")``, whose error for such a class HEAR 2021 turns into NaN
    for ``aucroc``. Rounding follows scikit-learn, so an area of exactly 1 may differ from 1 by one bit.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).roc_auc()


def d_prime(targets: Array, probabilities: Array) -> Scores:
    """Sensitivity index d', mean over classes.

    Formula: d' = sqrt(2) Phi^-1(AUC), Phi the standard normal distribution: how many standard deviations apart are the
    means of two unit normals that give this area under the ROC curve.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), higher is better, chance 0; +inf when a class is ranked perfectly, NaN where :func:`roc_auc` is NaN
        (or when some classes are perfect and others perfectly wrong). Where equal probabilities leave a perfect area
        one bit below 1, the class has 11.6 instead of infinity, as it has in HEAR.

    Raises:
        MetricError: see :func:`validate`.

    Source: HEAR 2021, score ``d_prime``; Green and Swets, "Signal detection theory and psychophysics", 1966.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).d_prime()


def equal_error_rate(targets: Array, probabilities: Array) -> Scores:
    """Error rate where false positives are as frequent as false negatives, mean over classes.

    Formula: the false positive rate at which the ROC curve, straight between neighbouring thresholds, meets the line
    FPR = FNR = 1 - TPR. Two-class tasks: both classes have the same rate when the two columns mirror each other.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).

    Returns:
        (...), in 0 .. 1, lower is better, chance 0.5; NaN when any class has no positive or no negative clip.

    Raises:
        MetricError: see :func:`validate`.

    Source: ISO/IEC 19795-1 (the rate itself); Fawcett, "An introduction to ROC analysis", 2006 (operating points on
    the straight line between two thresholds). Deviation: HEAR 2021 has no such score.
    """
    validate(targets, probabilities)
    return _Prediction(targets, probabilities).equal_error_rate()


# ---------------------------------------------------------------------------------------------------------- evaluate


def evaluate(targets: Array, probabilities: Array, names: Sequence[str] | None = None) -> dict[str, Scores]:
    """Compute clip scores by name, sorting the probabilities once for all.

    Args:
        targets: (n, C), zeros and ones.
        probabilities: (..., n, C).
        names: of ``top1_acc``, ``pitch_acc``, ``chroma_acc``, ``mAP``, ``aucroc``, ``d_prime``, ``eer``; None: all.

    Returns:
        Score name -> (...) values, in the order of ``names``.

    Raises:
        MetricError: an unknown name, or see :func:`validate`.
    """
    names = tuple(METRICS) if names is None else names
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise MetricError(f"{unknown[0]!r} is not a clip score; there are {', '.join(METRICS)}.")
    validate(targets, probabilities)
    prediction = _Prediction(targets, probabilities)
    return {name: METRICS[name](prediction) for name in names}


# ---------------------------------------------------------------------------------------------------- implementation


@dataclass(frozen=True)
class _Prediction:
    """Validated targets and probabilities, and the curves that their scores share."""

    targets: Array  # (n, C)
    probabilities: Array  # (..., n, C)

    @cached_property
    def curves(self) -> Curves:
        return Curves.of(self.targets, self.probabilities)

    def top1_accuracy(self) -> Scores:
        return self._agreement(self.targets.shape[1])

    def chroma_accuracy(self) -> Scores:
        return self._agreement(SEMITONES_PER_OCTAVE)

    def mean_average_precision(self) -> Scores:
        return self._mean_over_classes(lambda curves: curves.average_precision())

    def roc_auc(self) -> Scores:
        return self._mean_over_classes(lambda curves: curves.area)

    def d_prime(self) -> Scores:
        return self._mean_over_classes(lambda curves: ndtri(curves.area) * np.sqrt(2.0))

    def equal_error_rate(self) -> Scores:
        return self._mean_over_classes(lambda curves: curves.equal_error_rate())

    def _agreement(self, modulus: int) -> Scores:
        """Fraction of rows whose largest column is the target's, indices taken modulo ``modulus``."""
        if len(self.targets) == 0:
            return self._undefined()
        truth = self.targets.argmax(axis=-1) % modulus  # (n,)
        guess = self.probabilities.argmax(axis=-1) % modulus  # (..., n)
        return np.asarray((guess == truth).mean(axis=-1))

    def _mean_over_classes(self, score: Callable[[Curves], Scores]) -> Scores:
        if self.probabilities.size == 0:
            return self._undefined()
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, as documented
            return np.asarray(score(self.curves).mean(axis=-1))

    def _undefined(self) -> Scores:
        return np.full(self.probabilities.shape[:-2], np.nan)


METRICS: dict[str, Callable[[_Prediction], Scores]] = {
    "top1_acc": _Prediction.top1_accuracy,
    "pitch_acc": _Prediction.top1_accuracy,
    "chroma_acc": _Prediction.chroma_accuracy,
    "mAP": _Prediction.mean_average_precision,
    "aucroc": _Prediction.roc_auc,
    "d_prime": _Prediction.d_prime,
    "eer": _Prediction.equal_error_rate,
}
