"""The critical-difference diagram: which encoders differ by their mean ranks.

Origin: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006. The conventions of
:mod:`hear_audiomosaic.statistics.ranks` apply.

Functions
---------
- :func:`friedman`: whether the encoders differ at all.
- :func:`nemenyi_critical_difference`: from which difference of mean ranks on two of them differ.
- :func:`cliques`: the groups without a significant difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import friedmanchisquare, studentized_range

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import check_level, score_matrix

__all__ = ["Friedman", "cliques", "friedman", "nemenyi_critical_difference"]


@dataclass(frozen=True)
class Friedman:
    """Whether the encoders differ at all."""

    statistic: float
    """Chi-squared with E - 1 degrees of freedom."""
    p: float
    tasks: tuple[int, ...]
    """The columns in which every encoder has a score; the others are left out."""


def friedman(scores: npt.ArrayLike) -> Friedman:
    """Test whether the encoders differ at all, by their ranks.

    Args:
        scores: (E, T), E at least 3, higher is better; tasks with any NaN are left out.

    Returns:
        Statistic, p and the tasks used.

    Raises:
        MetricError: fewer than 3 encoders, or fewer than 2 tasks that all have.

    Source: Friedman, 1937; Demsar, 2006, section 3.2.2; corrected for ties as in scipy.
    """
    matrix = score_matrix(scores)
    tasks = np.flatnonzero(~np.isnan(matrix).any(axis=0))
    if len(matrix) < 3 or len(tasks) < 2:
        raise MetricError(
            f"expected at least 3 encoders and 2 tasks that all of them have, found {len(matrix)} and {len(tasks)}; "
            "leave out encoders with missing scores."
        )
    complete = matrix[:, tasks]
    if (complete == complete[:1]).all():
        return Friedman(0.0, 1.0, tuple(tasks.tolist()))
    statistic, p = friedmanchisquare(*complete)
    return Friedman(float(statistic), float(p), tuple(tasks.tolist()))


def nemenyi_critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """Difference of mean ranks from which two encoders differ significantly, all pairs being compared.

    Formula: CD = q sqrt(k (k + 1) / (6 n)), q the 1 - alpha quantile of the studentised range of k means with infinite
    degrees of freedom, divided by sqrt(2).

    Args:
        k: number of encoders, at least 2.
        n: number of tasks that all of them have.
        alpha: chance of any false positive. (Default: 0.05)

    Returns:
        The critical difference, in ranks.

    Raises:
        MetricError: fewer than 2 encoders, no tasks, or an alpha that is not a probability.

    Source: Demsar, 2006, section 3.2.2 and table 5 (for k = 2, 5, 10: q = 1.960, 2.728, 3.164).
    """
    check_level(alpha)
    if k < 2 or n < 1:
        raise MetricError(f"expected at least 2 encoders and 1 task, found {k} and {n}.")
    q = float(studentized_range.ppf(1.0 - alpha, k, np.inf)) / np.sqrt(2.0)
    return float(q * np.sqrt(k * (k + 1) / (6.0 * n)))


def cliques(mean_ranks: npt.ArrayLike, cd: float) -> tuple[tuple[int, ...], ...]:
    """The groups of encoders without a significant difference: the bars of a critical-difference diagram.

    Args:
        mean_ranks: (E,); NaN is in no group.
        cd: critical difference; two encoders differ when their mean ranks do by at least this.

    Returns:
        The largest groups of at least two encoders, each as indices from the best down; best group first. They may
        overlap.

    Source: Demsar, 2006, section 3.2.4.
    """
    values = np.asarray(mean_ranks, dtype=np.float64)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    groups: list[tuple[int, ...]] = []
    reached = 0  # one past the last encoder of the group before
    for start in range(len(order)):
        end = int(np.searchsorted(values[order] - values[order[start]], cd, side="left"))
        if end > max(reached, start + 1):
            groups.append(tuple(order[start:end].tolist()))
            reached = end
    return tuple(groups)
