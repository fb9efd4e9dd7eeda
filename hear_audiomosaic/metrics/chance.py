"""What a guess scores: the level that every score is read against.

- Accuracies: the guess that knows nothing of a clip but the training labels, always the same class. It is chosen on the
  training rows and scored on the test rows, so it can be below the share of the commonest test class.
- mAP: the expected score of random scores. (A constant score, whose average precision is the share of positives, is
  below that: with few positives a random order is lifted by the clips that happen to come first.)
- aucroc, eer, d_prime: 0.5, 0.5 and 0, of random scores and of constant ones alike.
- Events: none. A probe that hears nothing has neither hits nor false alarms, so it has no F-measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.metrics.clips import SEMITONES_PER_OCTAVE

__all__ = ["chance_level", "expected_average_precision"]

Targets = npt.NDArray[Any]
_CONSTANT = {"aucroc": 0.5, "eer": 0.5, "d_prime": 0.0}


def chance_level(score_name: str, folds: Iterable[tuple[Targets, Targets]]) -> float | None:
    """Score of a guess, averaged over folds as the score is.

    Args:
        score_name: a clip or event score.
        folds: of each fold the targets of the rows that train (n, C) and of those that test (m, C), multi-hot.

    Returns:
        ``top1_acc`` and ``pitch_acc``: the share in the test rows of the commonest class of the training rows (of
        several equally common ones, the mean share). ``chroma_acc``: the same of pitch classes. ``mAP``:
        :func:`expected_average_precision`, mean over classes. None for scores without such a level (events).
    """
    if score_name in _CONSTANT:
        return _CONSTANT[score_name]
    if score_name in ("top1_acc", "pitch_acc"):
        return float(np.mean([_majority_accuracy(train, test) for train, test in folds]))
    if score_name == "chroma_acc":
        of = SEMITONES_PER_OCTAVE
        return float(np.mean([_majority_accuracy(train, test, of) for train, test in folds]))
    if score_name == "mAP":
        return float(np.mean([_random_map(test) for _, test in folds]))
    return None


def expected_average_precision(n_positives: int, n: int) -> float:
    """Expected average precision of a uniformly random order of clips without ties.

    Formula: (P - 1) / (n - 1) + (n - P) / (n - 1) * H_n / n with the harmonic number H_n. For the clip at rank k is
    positive with P / n, and then the k - 1 clips before it are with (P - 1) / (n - 1) each, so that its precision is
    expected to be (1 + (k - 1) (P - 1) / (n - 1)) / k; the sum over k, divided by P.

    Args:
        n_positives: P, 0 to n; without positives average precision is 0 here as it is in the score.
        n: clips, at least 1.
    """
    if n_positives == 0:
        return 0.0
    if n == 1:
        return 1.0
    harmonic = float((1.0 / np.arange(1, n + 1)).sum())
    return (n_positives - 1) / (n - 1) + (n - n_positives) / (n - 1) * harmonic / n


def _majority_accuracy(train: Targets, test: Targets, n_labels: int | None = None) -> float:
    """Accuracy on ``test`` of always guessing the commonest label of ``train``.

    A row's label is its first one, as top-1 accuracy has it; with ``n_labels`` it is taken modulo that.
    """
    n_labels = n_labels or test.shape[1]
    trained, tested = (
        np.bincount(targets.argmax(axis=1) % n_labels, minlength=n_labels) / len(targets) for targets in (train, test)
    )
    return float(tested[trained == trained.max()].mean())


def _random_map(test: Targets) -> float:
    n = len(test)
    return float(np.mean([expected_average_precision(int(positives), n) for positives in test.sum(axis=0)]))
