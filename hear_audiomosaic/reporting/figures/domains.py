"""Figures of domains: the mean score of each encoder over the tasks of a domain."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup

from hear_audiomosaic.reporting.analysis.domains import DomainMean, domain_means
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.figure import Figure
from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, named
from hear_audiomosaic.reporting.text.formats import decimals, listing

__all__ = ["domain_figures", "draw_domain"]

_ROW = 32.0


def domain_figures(comparison: Comparison, untrained: Collection[str] = ()) -> tuple[Figure, ...]:
    """One figure for each domain, or one that says why there are none.

    Args:
        comparison: one protocol.
        untrained: labels to be marked. (Default: none)
    """
    means = domain_means(comparison)
    if not means:
        return (Figure("Domains", None, "No bars per domain: there is no mean over tasks."),)
    if len(means) < 2:
        only = f"all its tasks are of one domain ({means[0].domain or 'not named'})"
        return (Figure("Domains", None, f"No bars per domain: {only}."),)
    return tuple(
        Figure(
            f"Domain: {one.domain or 'not named'}",
            draw_domain(one, untrained),
            f"Mean score of {len(one.tasks)} task{'' if len(one.tasks) == 1 else 's'}: {listing(one.tasks)}. "
            "From 0 to 1.",
        )
        for one in means
    )


def draw_domain(domain: DomainMean, untrained: Collection[str] = ()) -> Markup:
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
