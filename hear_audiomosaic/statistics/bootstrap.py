"""The bootstrap over tasks: how much a mean over tasks would vary with other tasks of the same kind.

Not for test clips: percentiles of resampled ranking scores do not cover, and few groups of clips give false certainty.
That is what :mod:`hear_audiomosaic.statistics.jackknife` is for.

Origin: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.

Conventions
-----------
- A resample is n of the n observations (tasks), drawn with replacement.
- The same ``seed``, n and ``n_resamples`` give the same resamples: encoders on the same tasks are paired.

Functions
---------
- :func:`resample_counts`: the resamples.
- :func:`bootstrap_means`: the mean of each.
- :func:`mean_interval`: the interval of a mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, Integers, finite_values
from hear_audiomosaic.statistics.intervals import Interval, percentile_interval

__all__ = ["Seed", "bootstrap_means", "mean_interval", "resample_counts"]

Seed = int | Sequence[int]


def resample_counts(n_resamples: int, n: int, seed: Seed = 0) -> Integers:
    """How often each observation occurs in each resample.

    Formula: multinomial(n; 1/n, ..., 1/n), by counting n draws, which is faster than a multinomial.

    Args:
        n_resamples: number of resamples.
        n: number of observations.
        seed: of the generator. (Default: 0)

    Returns:
        (n_resamples, n) counts, of sum n in each row.

    Raises:
        MetricError: fewer than two observations, or no resamples.
    """
    if n_resamples < 1:
        raise MetricError(f"n_resamples: expected at least 1, found {n_resamples}.")
    if n < 2:
        raise MetricError(f"expected at least 2 observations to resample, found {n}; there is no interval for this.")
    drawn = np.random.default_rng(seed).integers(0, n, (n_resamples, n))
    drawn += n * np.arange(n_resamples)[:, None]
    return np.bincount(drawn.reshape(-1), minlength=n_resamples * n).reshape(n_resamples, n)


def bootstrap_means(values: npt.ArrayLike, n_resamples: int = 2000, seed: Seed = 0) -> Floats:
    """The mean of every resample.

    Args:
        values: (n,) a value per observation, or (n, E) for E encoders on the same ones.
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        (n_resamples,) or (n_resamples, E).

    Raises:
        MetricError: values that are not finite, or see :func:`resample_counts`.
    """
    array = finite_values(values)
    return np.asarray(resample_counts(n_resamples, len(array), seed).astype(np.float64) @ array / len(array))


def mean_interval(values: npt.ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: Seed = 0) -> Interval:
    """Percentile interval of a mean, such as that of an encoder's standardised scores over tasks.

    Args:
        values: (n,) a value per observation.
        level: between 0 and 1. (Default: 0.95)
        n_resamples: number of resamples. (Default: 2000)
        seed: of the generator. (Default: 0)

    Returns:
        The interval. Of few observations it is somewhat short: that of 19 covers about 93 % at a level of 95 %.

    Raises:
        MetricError: see :func:`bootstrap_means`.

    Source: Efron and Tibshirani, 1993, section 13.3.
    """
    array = finite_values(values)
    if array.ndim != 1:
        raise MetricError(f"values: expected shape (n,), found {array.shape}; take one encoder at a time.")
    return percentile_interval(bootstrap_means(array, n_resamples, seed), level)
