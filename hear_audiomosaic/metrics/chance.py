"""What a guess scores: the level that every score is read against."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["chance_level"]


def chance_level(score_name: str, test_targets: Iterable[npt.NDArray[np.floating]]) -> float | None:
    """Score of the best constant guess, averaged over test splits.

    Args:
        score_name: a clip or event score.
        test_targets: per test split, multi-hot targets (n, C).

    Returns:
        Accuracies: the share of the most frequent class. mAP: the mean share of positives over classes (the average
        precision of random scores). aucroc 0.5, eer 0.5, d_prime 0. None for scores without such a level (events).
    """
    constant = {"aucroc": 0.5, "eer": 0.5, "d_prime": 0.0}
    if score_name in constant:
        return constant[score_name]
    shares = [targets.mean(axis=0) for targets in test_targets]
    if score_name in ("top1_acc", "pitch_acc"):
        return float(np.mean([share.max() for share in shares]))
    if score_name == "mAP":
        return float(np.mean([share.mean() for share in shares]))
    return None
