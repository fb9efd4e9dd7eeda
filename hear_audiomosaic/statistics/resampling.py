"""Resamples of clips: how often each clip occurs in each of them.

The conventions of :mod:`hear_audiomosaic.statistics.bootstrap` apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Integers, group_numbers

__all__ = [
    "CHUNK_CELLS",
    "Groups",
    "Seed",
    "count_chunks",
    "fold_members",
    "fold_seed",
    "group_counts",
    "part_of",
    "resample_counts",
]

Groups = npt.ArrayLike | None
Seed = int | Sequence[int]

CHUNK_CELLS = 2**17
"""Counts in memory at a time: few enough for a processor's cache, many enough for whole-array arithmetic."""


def resample_counts(n_resamples: int, groups: Groups, n: int, seed: Seed = 0) -> Integers:
    """How often each clip occurs in each resample.

    Formula: the counts of the G groups are multinomial(G; 1/G, ..., 1/G); a clip occurs as often as its group.

    Args:
        n_resamples: number of resamples.
        groups: (n,) a label per clip (numbers or names); None: every clip is its own group.
        n: number of clips.
        seed: of the generator. (Default: 0)

    Returns:
        (n_resamples, n) counts. :func:`count_chunks` gives the same rows without keeping all of them in memory.

    Raises:
        MetricError: groups of another length, fewer than two groups, or no resamples.
    """
    return np.concatenate(list(count_chunks(n_resamples, groups, n, seed)))


def count_chunks(
    n_resamples: int, groups: Groups, n: int, seed: Seed = 0, *, cells: int = CHUNK_CELLS
) -> Iterator[Integers]:
    """The rows of :func:`resample_counts` in chunks of about ``cells`` counts: (b, n), (b, n), ...

    The rows do not depend on ``cells``.
    """
    index, n_groups = group_numbers(groups, n)
    for counts in group_counts(n_resamples, n_groups, seed, max(cells // n, 1)):
        yield counts if groups is None else counts[:, index]


def group_counts(n_resamples: int, n_groups: int, seed: Seed, rows: int) -> Iterator[Integers]:
    """(b, G) counts, b up to ``rows``: draw G groups with replacement and count them, faster than a multinomial."""
    if n_resamples < 1:
        raise MetricError(f"n_resamples: expected at least 1, found {n_resamples}.")
    generator = np.random.default_rng(seed)
    for start in range(0, n_resamples, rows):
        b = min(rows, n_resamples - start)
        drawn = generator.integers(0, n_groups, (b, n_groups))
        drawn += n_groups * np.arange(b)[:, None]
        yield np.bincount(drawn.reshape(-1), minlength=b * n_groups).reshape(b, n_groups)


def fold_members(folds: npt.ArrayLike, n: int) -> list[Integers]:
    """The clips of each fold, folds in rising order of their labels."""
    labels: npt.NDArray[Any] = np.asarray(folds)
    if labels.shape != (n,):
        raise MetricError(f"folds: expected one per clip, shape ({n},), found {labels.shape}.")
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def part_of(groups: Groups, members: Integers) -> Groups:
    """The group labels of the given clips; None without labels."""
    return None if groups is None else np.asarray(groups)[members]


def fold_seed(seed: Seed, fold: int) -> tuple[int, ...]:
    """A seed for each fold: folds are independent, and a fold's resamples do not depend on the other folds."""
    return (*np.atleast_1d(seed).tolist(), fold)
