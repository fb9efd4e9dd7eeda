"""The scores of test splits, and what follows from them over folds.

Nothing that can be derived from the folds is kept beside them: :func:`over_folds` and :func:`aggregate` derive it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hear_audiomosaic.results.record import Record

__all__ = ["FoldScores", "MeanAndStd", "aggregate", "over_folds", "typed_scores"]


class FoldScores(Record):
    """One test split: its scores, and how the head that was tested came about."""

    split: str
    scores: dict[str, float]
    """By name: the task's scores and their sub-scores, such as ``event_onset_200ms_fms_precision``."""
    loss: float
    """On the test split."""
    validation_score: float
    """What the head was chosen by."""
    epoch: int | None = None
    """After which the head was kept, from 0; null where nothing is trained by epochs."""
    time_in_min: float
    """Training the head, in minutes."""
    unconverged: str | None = None
    """Why the head is not trained to convergence, in words; null where it is, and in older files."""

    def named(self, primary: str) -> dict[str, float]:
        """All numbers by the names of heareval's result files, in their order.

        Args:
            primary: the score that is also ``test_score``.
        """
        own = {f"test_{name}": value for name, value in self.scores.items()}
        epoch = {} if self.epoch is None else {"epoch": self.epoch}
        return {
            "test_loss": self.loss,
            "test_score": self.scores[primary],
            **own,
            "validation_score": self.validation_score,
            **epoch,
            "time_in_min": self.time_in_min,
        }

    @classmethod
    def from_named(cls, split: str, named: Mapping[str, float]) -> FoldScores:
        """The inverse of :meth:`named`.

        Raises:
            pydantic.ValidationError: a number is missing, or there is one that is not known.
        """
        return cls.model_validate({"split": split, **typed_scores(named)})


def typed_scores(named: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of :class:`FoldScores` from numbers under heareval's names; ``test_score`` stands among the scores."""
    scores: dict[str, Any] = {}
    fields: dict[str, Any] = {"scores": scores}
    for name, value in named.items():
        if name == "test_loss":
            fields["loss"] = value
        elif name.startswith("test_") and name != "test_score":
            scores[name.removeprefix("test_")] = value
        elif name != "test_score":
            fields[name] = value
    return fields


@dataclass(frozen=True)
class MeanAndStd:
    """Of one number over folds."""

    mean: float
    std: float | None
    """Sample standard deviation (n - 1); None for a single fold, NaN where a value is not finite."""


def over_folds(values: Sequence[float]) -> MeanAndStd:
    """Unweighted mean and sample standard deviation of one number per fold, at least one."""
    array = np.array(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf is the NaN that heareval reports
        return MeanAndStd(float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None)


def aggregate(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """``<name>_mean`` and ``<name>_std`` over folds of every number of the first one; nothing for a single fold.

    Args:
        folds: numbers by name, the same names in each.
    """
    aggregated: dict[str, float] = {}
    for name in folds[0] if len(folds) > 1 else ():
        both = over_folds([fold[name] for fold in folds])
        aggregated[f"{name}_mean"] = both.mean
        if both.std is not None:
            aggregated[f"{name}_std"] = both.std
    return aggregated
