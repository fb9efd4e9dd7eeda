"""Pairs of events that are near in time, and how many of them can be matched one to one.

Used by the scores of :mod:`hear_audiomosaic.metrics.events`: arrays in, arrays out, no loop over events.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

__all__ = ["concatenated_ranges", "matching_size", "near_pairs"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def near_pairs(
    group: Integers, time: Floats, other_group: Integers, other_time: Floats, reach: float
) -> tuple[Integers, Integers]:
    """Find all pairs within one group whose times differ by no more than ``reach``.

    The groups are placed end to end on one time line, further apart than ``reach``, and the candidates of every event
    are looked up in a window around it. The windows are slightly too wide, because of rounding; the exact comparison
    follows.

    Args:
        group: (E,) number of the group, 0, 1, ...
        time: (E,) seconds, at least 0.
        other_group: (F,) the same for the other side.
        other_time: (F,) seconds, at least 0.
        reach: seconds.

    Returns:
        (M,) indices into ``time`` in rising order and (M,) indices into ``other_time``.
    """
    span = max(time.max(initial=0.0), other_time.max(initial=0.0)) + 2.0 * reach + 1.0
    position, other_position = group * span + time, other_group * span + other_time
    width = reach + 4.0 * np.spacing(max(position.max(initial=0.0), other_position.max(initial=0.0)))

    order = np.argsort(other_position)
    line = other_position[order]
    first = np.searchsorted(line, position - width, side="left")  # (E,)
    counts = np.searchsorted(line, position + width, side="right") - first  # (E,)
    i = np.repeat(np.arange(len(time)), counts)  # (M,)
    j = order[concatenated_ranges(first, counts)]  # (M,)
    near = np.abs(time[i] - other_time[j]) <= reach
    return i[near], j[near]


def matching_size(pairs: tuple[Integers, Integers], n: int, n_other: int) -> int:
    """Size of a maximum bipartite matching (Hopcroft and Karp), all groups in one sparse graph.

    Args:
        pairs: (M,) indices below ``n`` and (M,) indices below ``n_other`` that may be matched.
        n: number of events on the one side.
        n_other: number of events on the other side.

    Returns:
        The largest number of pairs of which no two share an event.
    """
    i, j = pairs
    if len(i) == 0:
        return 0
    graph = csr_matrix((np.ones(len(i), dtype=np.int8), (i, j)), shape=(n, n_other))
    return int(np.count_nonzero(maximum_bipartite_matching(graph, perm_type="column") >= 0))


def concatenated_ranges(first: Integers, counts: Integers) -> Integers:
    """Concatenate the ranges first[k], first[k] + 1, ..., of counts[k] numbers each: (K,), (K,) -> (sum of counts,)."""
    return np.asarray(np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts))
