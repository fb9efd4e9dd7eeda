"""HEAR's own overall score, also of new encoders on the scale of the published ones.

Origin: the script of the HEAR 2021 leaderboard (hearbenchmark/hear-leaderboard, ``leaderboard.py``).

Conventions
-----------
- ``population`` is (M, T): the encoders that define the scale, for HEAR its 34 submissions on 19 primary scores; NaN
  where there is none. ``added`` is (K, T): further encoders, scored on that scale.
- Missing cells are imputed, unlike anywhere else in this package, as in the published ranking.
- Deviation: HEAR computes the score again over all encoders, so that a new one shifts the mean and the spread of each
  task and with them every other encoder's score. Here ``added`` encoders do not change the population's scale.

Functions
---------
- :func:`hear_normalised_scores`: the score.
- :func:`hear_standardised`: the values per task of which it is the mean.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import Floats, score_matrix

__all__ = ["hear_normalised_scores", "hear_standardised"]

N_ITERATIONS = 10
LARGEST_DEVIATION = 1.0
"""Standard deviations at which a task's score is clipped."""


def hear_normalised_scores(population: npt.ArrayLike, added: npt.ArrayLike | None = None) -> Floats:
    """HEAR's normalised score.

    Formula: missing cells are imputed by round-robin regression on the other tasks (10 rounds), each task is
    standardised over the population (divisor M), clipped to [-1, 1], and averaged over tasks.

    Args:
        population: (M, T), M > 1, higher is better; NaN where there is none.
        added: (K, T) further encoders on the same tasks, scored with the population's imputation, means and standard
            deviations; None: the population itself. (Default: None)

    Returns:
        (M,) or (K,) in -1 .. 1. With HEAR's leaderboard of 34 submissions: at the top 0.704, 0.641, 0.638. The score of
        an added encoder does not depend on the other added ones, and changes no score of the population; an encoder of
        the population gets the score that it has there.

    Raises:
        MetricError: fewer than two encoders in the population, an encoder or a task without any score, or other tasks
            for the added encoders than the population's.

    Source: hearbenchmark/hear-leaderboard, ``leaderboard.py``; the imputation is scikit-learn's ``IterativeImputer``
    with ``max_iter=10, random_state=0``, whose last digits may differ between versions.
    """
    if added is None:
        return np.asarray(_standardised(population, population, "population").mean(axis=1))
    return np.asarray(_standardised(population, added, "added").mean(axis=1))


def hear_standardised(population: npt.ArrayLike, added: npt.ArrayLike | None = None) -> Floats:
    """The standardised scores of which the normalised score is the mean, without the imputed ones.

    On this scale tasks may be compared and averaged, for example by
    :func:`hear_audiomosaic.statistics.ranks.separable_pairs`.

    Args:
        population: (M, T) as in :func:`hear_normalised_scores`.
        added: (K, T) further encoders; None: the population itself.

    Returns:
        (M, T) or (K, T) in -1 .. 1; NaN where there was no score.

    Raises:
        MetricError: see :func:`hear_normalised_scores`.
    """
    rows = population if added is None else added
    cells = _standardised(population, rows, "added")
    return np.where(np.isnan(score_matrix(rows)), np.nan, cells)


@dataclass(frozen=True)
class _Scale:
    """Imputation, means and standard deviations of the population."""

    imputer: Any
    mean: Floats  # (T,)
    spread: Floats  # (T,) standard deviation; 1 where all are equal

    @classmethod
    def of(cls, population: Floats) -> _Scale:
        from sklearn.exceptions import ConvergenceWarning  # here, since loading it takes a second
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes the next import possible)
        from sklearn.impute import IterativeImputer

        imputer = IterativeImputer(max_iter=N_ITERATIONS, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # ten rounds are part of the definition
            filled = imputer.fit_transform(population)
        spread = filled.std(axis=0)
        return cls(imputer, filled.mean(axis=0), np.where(spread > 0.0, spread, 1.0))


def _standardised(population: npt.ArrayLike, rows: npt.ArrayLike, name: str) -> Floats:
    """(K, T) rows imputed, standardised by the population and clipped."""
    fixed, matrix = score_matrix(population, "population"), score_matrix(rows, name)
    if matrix.shape[1] != fixed.shape[1]:
        raise MetricError(f"{name}: expected the population's {fixed.shape[1]} tasks, found {matrix.shape[1]}.")
    if len(fixed) < 2 or np.isnan(fixed).all(axis=0).any():
        raise MetricError(
            "population: expected at least two encoders, and a score for every task; leave empty ones out."
        )
    for which, array in (("population", fixed), (name, matrix)):
        if np.isnan(array).all(axis=1).any():
            raise MetricError(f"{which}: expected at least one score for each encoder, found an encoder without any.")
    scale = _Scale.of(fixed)
    cells = (scale.imputer.transform(matrix) - scale.mean) / scale.spread
    return np.asarray(np.clip(cells, -LARGEST_DEVIATION, LARGEST_DEVIATION))
