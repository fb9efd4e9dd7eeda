"""The bootstrap over clips: how much a score would vary with other test clips.

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993. Groups of clips (one recording, one speaker) are
drawn whole, as in Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8: clips of one group
are not independent, and an interval that treats them as such is too short.

Conventions
-----------
- n clips in G groups; a resample is G groups drawn with replacement, so its number of clips varies with their sizes.
- The same ``seed``, ``n``, ``groups`` and ``n_resamples`` give the same resamples everywhere: the scores of two
  encoders, or two scores, on the same clips are paired by their position.
- Folds: clips are resampled within each fold, and the score is the unweighted mean over folds.
- A score is a callable. It may take (m,) ``indices`` of the clips drawn (one occurs as often as it was drawn), (n,)
  ``weights`` (how often each clip was drawn) or ``batches`` of weights (b, n), to which it returns (b,) scores.
- Only the test clips are resampled; the trained probe is fixed (see :mod:`hear_audiomosaic.statistics.seeds`).

Functions
---------
- :func:`mean_interval`, :func:`bootstrap_means`: scores that are means over clips, such as accuracy (one product of
  matrices).
- :func:`bootstrap_interval`, :func:`bootstrap_scores`, :func:`bootstrap_fold_scores`: any score.
- :func:`resample_counts`, :func:`count_chunks`: the resamples themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, Integers, clip_values, group_numbers
from hear_audiomosaic.statistics.intervals import Interval, bca_interval, percentile_interval
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

__all__ = ["bootstrap_fold_scores", "bootstrap_interval", "bootstrap_means", "bootstrap_scores", "mean_interval"]

Score = Callable[[Integers], Any]
Takes = Literal["indices", "weights", "batches"]
Method = Literal["percentile", "bca"]


def bootstrap_means(
    values: npt.ArrayLike,
    groups: Groups = None,
    n_resamples: int = 2000,
    seed: Seed = 0,
    *,
    folds: npt.ArrayLike | None = None,
) -> Floats:
    """The mean over clips of every resample.

    Formula: sum_g c_g S_g / sum_g c_g N_g with the counts c_g of a resample, the sum S_g of a group's values and its
    number of clips N_g. With folds: the mean of that over the folds.

    Args:
        values: (n,) a value per clip, such as 1 for right and 0 for wrong; or (n, E) for E encoders on the same clips.
        groups: (n,) a label per clip; None: every clip is its own group.
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        folds: (n,) the fold of each clip; None: one fold.

    Returns:
        (n_resamples,) or (n_resamples, E).

    Raises:
        MetricError: values that are not finite, lengths that differ, or a fold with fewer than two groups.
    """
    array = clip_values(values)
    if folds is None:
        return _bootstrap_means(array, groups, n_resamples, seed)
    resampled = [
        _bootstrap_means(array[members], part_of(groups, members), n_resamples, fold_seed(seed, k))
        for k, members in enumerate(fold_members(folds, len(array)))
    ]
    return np.asarray(np.mean(resampled, axis=0))


def bootstrap_scores(
    score: Score, n: int, groups: Groups = None, n_resamples: int = 2000, seed: Seed = 0, *, takes: Takes = "indices"
) -> Floats:
    """Any score of every resample.

    Args:
        score: computes the score of a resample from what ``takes`` says; NaN where it has none.
        n: number of clips.
        groups: (n,) a label per clip; None: every clip is its own group.
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: ``indices`` (m,) in rising order, ``weights`` (n,), or ``batches`` (b, n). (Default: indices)

    Returns:
        (n_resamples,), NaN where the score has no value.

    Raises:
        MetricError: see :func:`resample_counts`; or a batch that does not return one score per row.
    """
    score_of_batch = _in_batches(score, takes)
    return np.concatenate([score_of_batch(counts) for counts in count_chunks(n_resamples, groups, n, seed)])


def bootstrap_fold_scores(
    scores: Sequence[Score],
    sizes: Sequence[int],
    groups: Sequence[Groups] | None = None,
    n_resamples: int = 2000,
    seed: Seed = 0,
    *,
    takes: Takes = "indices",
) -> Floats:
    """A k-fold score of every resample: clips are resampled within each fold, the score is the mean over folds.

    Args:
        scores: a callable per fold, as in :func:`bootstrap_scores`.
        sizes: number of clips per fold.
        groups: per fold (n_k,) labels or None; None: every clip is its own group.
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: what the callables take. (Default: indices)

    Returns:
        (n_resamples,), NaN where any fold has no score.

    Raises:
        MetricError: no folds, lists of different lengths, or see :func:`bootstrap_scores`.
    """
    labels: Sequence[Groups] = [None] * len(scores) if groups is None else groups
    if len(scores) == 0 or not len(scores) == len(sizes) == len(labels):
        found = f"{len(scores)}, {len(sizes)} and {len(labels)}"
        raise MetricError(f"expected a score, a size and groups for every fold, found {found} of them.")
    resampled = [
        bootstrap_scores(score, n, group, n_resamples, fold_seed(seed, k), takes=takes)
        for k, (score, n, group) in enumerate(zip(scores, sizes, labels, strict=True))
    ]
    return np.asarray(np.mean(resampled, axis=0))


def mean_interval(
    values: npt.ArrayLike,
    groups: Groups = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: Seed = 0,
    *,
    folds: npt.ArrayLike | None = None,
    method: Method = "percentile",
) -> Interval:
    """Interval of a score that is a mean over clips.

    Args:
        values: (n,) a value per clip.
        groups: (n,) a label per clip; None: every clip is its own group.
        level: between 0 and 1. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        folds: (n,) the fold of each clip: resampled within folds, the score is the mean over folds. None: one fold.
        method: ``percentile`` or ``bca`` (:mod:`hear_audiomosaic.statistics.intervals`). (Default: percentile)

    Returns:
        The interval.

    Raises:
        MetricError: see :func:`bootstrap_means`.
    """
    array = clip_values(values)
    if array.ndim != 1:
        raise MetricError(f"values: expected shape (n clips,), found {array.shape}; take one encoder at a time.")
    resampled = bootstrap_means(array, groups, n_resamples, seed, folds=folds)
    if method == "percentile":
        return percentile_interval(resampled, level)
    parts = [np.arange(len(array))] if folds is None else fold_members(folds, len(array))
    jackknife, means = [], []
    for members in parts:
        index, n_groups = group_numbers(part_of(groups, members), len(members))
        sums, sizes = np.bincount(index, array[members], n_groups), np.bincount(index, minlength=n_groups)
        jackknife.append((sums.sum() - sums) / (sizes.sum() - sizes) / len(parts))  # the other folds only shift it
        means.append(array[members].mean())
    return bca_interval(resampled, float(np.mean(means)), jackknife, level)


def bootstrap_interval(
    score: Score,
    n: int,
    groups: Groups = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: Seed = 0,
    *,
    takes: Takes = "weights",
    method: Method = "percentile",
) -> Interval:
    """Interval of any score.

    Args:
        score: computes the score of a resample; by default from (n,) weights.
        n: number of clips.
        groups: (n,) a label per clip; None: every clip is its own group.
        level: between 0 and 1. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: what the callable takes. (Default: weights)
        method: ``percentile``, or ``bca`` at the cost of one more call per group. (Default: percentile)

    Returns:
        The interval; without ends when more than 5 % of the resamples have no score.

    Raises:
        MetricError: see :func:`bootstrap_scores`.
    """
    resampled = bootstrap_scores(score, n, groups, n_resamples, seed, takes=takes)
    if method == "percentile":
        return percentile_interval(resampled, level)
    index, n_groups = group_numbers(groups, n)
    score_of_batch = _in_batches(score, takes)
    jackknife = [score_of_batch((index != g)[None].astype(np.int64)) for g in range(n_groups)]
    observed = score_of_batch(np.ones((1, n), dtype=np.int64))
    return bca_interval(resampled, float(observed[0]), [np.concatenate(jackknife)], level)


def _in_batches(score: Score, takes: Takes) -> Callable[[Integers], Floats]:
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


def _bootstrap_means(values: Floats, groups: Groups, n_resamples: int, seed: Seed) -> Floats:
    """The mean of every resample, groups summed up beforehand: (n_resamples,) or (n_resamples, E)."""
    index, n_groups = group_numbers(groups, len(values))
    columns = values.reshape(len(values), -1)  # (n, E)
    table = np.zeros((n_groups, columns.shape[1] + 1))  # (G, E + 1): sums, then sizes
    np.add.at(table, index, np.column_stack([columns, np.ones(len(columns))]))
    chunks = group_counts(n_resamples, n_groups, seed, max(CHUNK_CELLS // n_groups, 1))
    totals = np.concatenate([counts.astype(np.float64) @ table for counts in chunks])  # (n_resamples, E + 1)
    return np.asarray((totals[:, :-1] / totals[:, -1:]).reshape(n_resamples, *values.shape[1:]))
