"""Draws of a score: its value on every resample of the clips.

The engine below :mod:`hear_audiomosaic.statistics.bootstrap`; its conventions hold here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._inputs import Floats, Integers, clip_values, group_numbers
from hear_audiomosaic.statistics.resampling import (
    CHUNK_CELLS,
    Groups,
    Seed,
    count_chunks,
    fold_members,
    fold_seed,
    group_counts,
    part_of,
)

__all__ = ["Score", "Takes", "folds_draws", "in_batches", "mean_draws", "score_draws"]

Score = Callable[[Integers], Any]
Takes = Literal["indices", "weights", "batches"]


def mean_draws(
    values: npt.ArrayLike,
    groups: Groups = None,
    n_draws: int = 2000,
    seed: Seed = 0,
    *,
    folds: npt.ArrayLike | None = None,
) -> Floats:
    """Draws of the mean over clips.

    Formula: sum_g c_g S_g / sum_g c_g N_g with the counts c_g of a resample, the sum S_g of a group's values and its
    number of clips N_g. With folds: the mean of that over the folds.

    Args:
        values: (n,) a value per clip, such as 1 for right and 0 for wrong; or (n, E) for E encoders on the same clips.
        groups: (n,) a label per clip; None: every clip is its own group.
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        folds: (n,) the fold of each clip; None: one fold.

    Returns:
        (n_draws,) or (n_draws, E).

    Raises:
        MetricError: values that are not finite, lengths that differ, or a fold with fewer than two groups.
    """
    array = clip_values(values)
    if folds is None:
        return _fold_mean_draws(array, groups, n_draws, seed)
    draws = [
        _fold_mean_draws(array[members], part_of(groups, members), n_draws, fold_seed(seed, k))
        for k, members in enumerate(fold_members(folds, len(array)))
    ]
    return np.asarray(np.mean(draws, axis=0))


def score_draws(
    score: Score, n: int, groups: Groups = None, n_draws: int = 2000, seed: Seed = 0, *, takes: Takes = "indices"
) -> Floats:
    """Draws of any score.

    Args:
        score: computes the score of a resample from what ``takes`` says; NaN where it has none.
        n: number of clips.
        groups: (n,) a label per clip; None: every clip is its own group.
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: ``indices`` (m,) in rising order, ``weights`` (n,), or ``batches`` (b, n). (Default: indices)

    Returns:
        (n_draws,), NaN where the score has no value.

    Raises:
        MetricError: see :func:`resample_counts`; or a batch that does not return one score per row.
    """
    score_of_batch = in_batches(score, takes)
    return np.concatenate([score_of_batch(counts) for counts in count_chunks(n_draws, groups, n, seed)])


def folds_draws(
    scores: Sequence[Score],
    sizes: Sequence[int],
    groups: Sequence[Groups] | None = None,
    n_draws: int = 2000,
    seed: Seed = 0,
    *,
    takes: Takes = "indices",
) -> Floats:
    """Draws of a k-fold score: clips are resampled within each fold, the score is the mean over folds.

    Args:
        scores: a callable per fold, as in :func:`score_draws`.
        sizes: number of clips per fold.
        groups: per fold (n_k,) labels or None; None: every clip is its own group.
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: what the callables take. (Default: indices)

    Returns:
        (n_draws,), NaN where any fold has no score.

    Raises:
        MetricError: no folds, lists of different lengths, or see :func:`score_draws`.
    """
    labels: Sequence[Groups] = [None] * len(scores) if groups is None else groups
    if len(scores) == 0 or not len(scores) == len(sizes) == len(labels):
        found = f"{len(scores)}, {len(sizes)} and {len(labels)}"
        raise MetricError(f"expected a score, a size and groups for every fold, found {found} of them.")
    draws = [
        score_draws(score, n, group, n_draws, fold_seed(seed, k), takes=takes)
        for k, (score, n, group) in enumerate(zip(scores, sizes, labels, strict=True))
    ]
    return np.asarray(np.mean(draws, axis=0))


def in_batches(score: Score, takes: Takes) -> Callable[[Integers], Floats]:
    """Make (b, n) counts -> (b,) scores of any of the three kinds of callables."""

    def batch(counts: Integers) -> Floats:
        if takes == "batches":
            values = np.asarray(score(counts), dtype=np.float64)
            if values.shape != (len(counts),):
                raise MetricError(
                    f"the score of a batch {counts.shape} has shape {values.shape}, not ({len(counts)},)."
                )
            return values
        if takes == "weights":
            return np.array([float(score(row)) for row in counts])
        clips = np.arange(counts.shape[1])
        return np.array([float(score(np.repeat(clips, row))) for row in counts])

    return batch


def _fold_mean_draws(values: Floats, groups: Groups, n_draws: int, seed: Seed) -> Floats:
    """Draws of the mean, groups summed up beforehand: (n_draws,) or (n_draws, E)."""
    index, n_groups = group_numbers(groups, len(values))
    columns = values.reshape(len(values), -1)  # (n, E)
    table = np.zeros((n_groups, columns.shape[1] + 1))  # (G, E + 1): sums, then sizes
    np.add.at(table, index, np.column_stack([columns, np.ones(len(columns))]))
    chunks = group_counts(n_draws, n_groups, seed, max(CHUNK_CELLS // n_groups, 1))
    totals = np.concatenate([counts.astype(np.float64) @ table for counts in chunks])  # (n_draws, E + 1)
    return np.asarray((totals[:, :-1] / totals[:, -1:]).reshape(n_draws, *values.shape[1:]))
