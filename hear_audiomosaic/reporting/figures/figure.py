"""A figure with its title and caption."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hear_audiomosaic.reporting.tables.model import Table

__all__ = ["Figure"]


@dataclass(frozen=True)
class Figure:
    """One figure: drawing, title and caption."""

    title: str
    drawing: Markup | None
    """None where there is nothing to draw; then the caption says why."""
    caption: str
    table: Table | None = None
    """The numbers of the drawing, where it has more than can be read off."""
