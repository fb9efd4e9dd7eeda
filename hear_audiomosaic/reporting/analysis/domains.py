"""Mean scores by domain: over the tasks of speech, of music, of the environment."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from hear_audiomosaic.reporting.comparison.model import Comparison

__all__ = ["DomainMean", "domain_means"]


@dataclass(frozen=True)
class DomainMean:
    """One domain: its tasks among those of the comparison's mean, and every encoder's mean over them."""

    domain: str
    """Empty for tasks that state none."""
    tasks: tuple[str, ...]
    values: tuple[tuple[str, float], ...]
    """Label and mean, the best first."""


def domain_means(comparison: Comparison) -> tuple[DomainMean, ...]:
    """Means per domain, only over the tasks of the comparison's mean: every encoder has them, on a common scale.

    Args:
        comparison: one protocol.

    Returns:
        Domains by name, those without a name last; empty if the comparison has no mean.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, column in enumerate(comparison.columns):
        if column.label in comparison.mean_tasks:
            members[column.task.domain].append(i)
    means = []
    for domain in sorted(members, key=lambda name: (not name, name)):
        columns = members[domain]
        values = []
        for row in comparison.rows:
            scores = [score for i in columns if (score := row.cells[i].score) is not None]
            if len(scores) == len(columns):
                values.append((row.label, math.fsum(scores) / len(scores)))
        values.sort(key=lambda pair: -pair[1])
        means.append(DomainMean(domain, tuple(comparison.columns[i].label for i in columns), tuple(values)))
    return tuple(means)
