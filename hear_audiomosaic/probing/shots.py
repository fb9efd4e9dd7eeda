"""Few labels: K clips of each label, drawn from a fold's training rows with the run's seed.

What is few are the labels that a head trains on. The features are standardised over all training rows of the fold, for
which no label is looked at, and selection and test have all of their rows. So ``few-shot-K`` and ``linear`` differ in
the labelled training rows alone.
"""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing.probe import TrainingData

__all__ = ["drawn_rows", "few_shots"]


def few_shots(data: TrainingData, shots: int, seed: int) -> TrainingData:
    """The same with the training rows of :func:`drawn_rows` alone.

    Raises:
        ProtocolError: no row has a label.
    """
    rows = drawn_rows(data.targets, shots, seed)
    if not len(rows):
        raise ProtocolError(f"no training row has a label, so {shots} of each cannot be drawn.")
    return dataclasses.replace(data, values=data.values[rows], targets=data.targets[rows])


def drawn_rows(targets: npt.NDArray[np.float32], shots: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw rows: one shuffle of all, then for each label the first ``shots`` rows that have it.

    The same rows for every encoder, and fewer shots are among more. Where rows have several labels, a label comes along
    with others and may be there more often; rows without any label are never drawn.

    Args:
        targets: (n, C) multi-hot.
        shots: K, rows for each label.
        seed: of the shuffle.

    Returns:
        Indices of rows, ascending: K per label exactly where each row has one label, at least K where it has several,
        all of a label that has fewer.
    """
    order = list(range(len(targets)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a draw that can be repeated, not a secret
    shuffled = np.array(order, dtype=np.int64)
    drawn = [shuffled[targets[shuffled, label] > 0][:shots] for label in range(targets.shape[1])]
    return np.unique(np.concatenate(drawn)) if drawn else shuffled[:0]
