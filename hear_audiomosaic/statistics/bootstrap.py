"""The bootstrap over clips: how much a score would vary with other test clips.

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993. Groups of clips (one recording, one speaker) are
drawn whole, as in Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8: clips of one group
are no independent witnesses, and an interval that takes them for such is too short.

Conventions
-----------
- n clips in G groups; a resample is G groups drawn with replacement, so its number of clips varies with their sizes.
- The same ``seed``, ``n``, ``groups`` and ``n_draws`` give the same resamples everywhere: draws of two encoders or of
  two scores on the same clips are paired by their position.
- Folds: clips are resampled within each fold, and the score is the unweighted mean over folds.
- A score is a callable. It may take (m,) ``indices`` of the clips drawn (one occurs as often as it was drawn), (n,)
  ``weights`` (how often each clip was drawn) or ``batches`` of weights (b, n), to which it returns (b,) scores.
- Only the test clips vary; the trained probe does not (see :mod:`hear_audiomosaic.statistics.seeds`).

Functions
---------
- :func:`mean_interval`, :func:`mean_draws`: scores that are means over clips, such as accuracy; one matrix product.
- :func:`bootstrap_interval`, :func:`score_draws`, :func:`folds_draws`: any score.
- :func:`resample_counts`, :func:`count_chunks`: the resamples themselves.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._inputs import clip_values, group_numbers
from hear_audiomosaic.statistics.draws import Score, Takes, folds_draws, in_batches, mean_draws, score_draws
from hear_audiomosaic.statistics.intervals import Interval, bca_interval, draws_interval
from hear_audiomosaic.statistics.resampling import Groups, Seed, count_chunks, fold_members, part_of, resample_counts

__all__ = [
    "Interval",
    "bootstrap_interval",
    "count_chunks",
    "folds_draws",
    "mean_draws",
    "mean_interval",
    "resample_counts",
    "score_draws",
]

Method = Literal["percentile", "bca"]


def mean_interval(
    values: npt.ArrayLike,
    groups: Groups = None,
    level: float = 0.95,
    n_draws: int = 2000,
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
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        folds: (n,) the fold of each clip: resampled within folds, the score is the mean over folds. None: one fold.
        method: ``percentile`` or ``bca`` (:mod:`hear_audiomosaic.statistics.intervals`). (Default: percentile)

    Returns:
        The interval.

    Raises:
        MetricError: see :func:`mean_draws`.
    """
    array = clip_values(values)
    if array.ndim != 1:
        raise MetricError(f"values: expected shape (n clips,), found {array.shape}; take one encoder at a time.")
    draws = mean_draws(array, groups, n_draws, seed, folds=folds)
    if method == "percentile":
        return draws_interval(draws, level)
    parts = [np.arange(len(array))] if folds is None else fold_members(folds, len(array))
    jackknife, means = [], []
    for members in parts:
        index, n_groups = group_numbers(part_of(groups, members), len(members))
        sums, sizes = np.bincount(index, array[members], n_groups), np.bincount(index, minlength=n_groups)
        jackknife.append((sums.sum() - sums) / (sizes.sum() - sizes) / len(parts))  # the other folds only shift it
        means.append(array[members].mean())
    return bca_interval(draws, float(np.mean(means)), jackknife, level)


def bootstrap_interval(
    score: Score,
    n: int,
    groups: Groups = None,
    level: float = 0.95,
    n_draws: int = 2000,
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
        n_draws: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)
        takes: what the callable takes. (Default: weights)
        method: ``percentile``, or ``bca`` at the cost of one more call per group. (Default: percentile)

    Returns:
        The interval; without ends when more than 5 % of the draws have no score.

    Raises:
        MetricError: see :func:`score_draws`.
    """
    draws = score_draws(score, n, groups, n_draws, seed, takes=takes)
    if method == "percentile":
        return draws_interval(draws, level)
    index, n_groups = group_numbers(groups, n)
    score_of_batch = in_batches(score, takes)
    jackknife = [score_of_batch((index != g)[None].astype(np.int64)) for g in range(n_groups)]
    observed = score_of_batch(np.ones((1, n), dtype=np.int64))
    return bca_interval(draws, float(observed[0]), [np.concatenate(jackknife)], level)
