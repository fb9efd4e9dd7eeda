"""Figure of domains: the mean score of each encoder over the tasks of speech, of music, of the environment."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from markupsafe import Markup

from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, named
from hear_audiomosaic.reporting.text.formats import decimals

__all__ = ["DomainMean", "domain_figure", "domain_means"]

_ROW = 32.0


@dataclass(frozen=True)
class DomainMean:
    """One domain: its tasks among those of the comparison's mean, and every encoder's mean over them."""

    domain: str
    """Empty for the tasks that name none."""
    tasks: tuple[str, ...]
    values: tuple[tuple[str, float], ...]
    """Label and mean, the best first."""


def domain_means(comparison: Comparison) -> tuple[DomainMean, ...]:
    """Means per domain, over tasks of the comparison's own mean alone: every encoder has them, on a common scale.

    Args:
        comparison: one protocol.

    Returns:
        Domains by name, those without a name last; empty if the comparison has no mean.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, column in enumerate(comparison.columns):
        if column.label in comparison.mean_tasks:
            members[column.task.domain].append(i)
    found = []
    for domain in sorted(members, key=lambda name: (not name, name)):
        inside = members[domain]
        values = []
        for row in comparison.rows:
            scores = [score for i in inside if (score := row.cells[i].score) is not None]
            if len(scores) == len(inside):
                values.append((row.label, math.fsum(scores) / len(scores)))
        values.sort(key=lambda pair: -pair[1])
        found.append(DomainMean(domain, tuple(comparison.columns[i].label for i in inside), tuple(values)))
    return tuple(found)


def domain_figure(domain: DomainMean, untrained: Collection[str] = ()) -> Markup:
    """Draw one domain as bars from 0 to 1.

    Args:
        domain: the means.
        untrained: labels to be marked. (Default: none)
    """
    left, right = 2.0, NARROW - 2.0
    spoken = "; ".join(f"{label}: {decimals(value)}" for label, value in domain.values)
    drawing = Drawing(
        NARROW, _ROW * len(domain.values) + 6.0, f"Mean scores, {domain.domain or 'no domain'}. {spoken}."
    )
    for i, (label, value) in enumerate(domain.values):
        y = _ROW * i
        drawing.text(left, y + 13.0, named(label, untrained, 36))
        drawing.text(right, y + 13.0, decimals(value), "strong", "end")
        drawing.rect(left, y + 18.0, right - left, 7.0, "track")
        drawing.rect(left, y + 18.0, (right - left) * min(max(value, 0.0), 1.0), 7.0, "tint")
    return drawing.markup()
