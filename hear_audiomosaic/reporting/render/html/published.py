"""Published tables as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from hear_audiomosaic.reporting.render.html.templates import template_environment
from hear_audiomosaic.reporting.tables.model import Table

__all__ = ["published_page"]


def published_page(title: str, about: str, not_measured: str, tables: Sequence[Table]) -> str:
    """Write tables as a page. Everything in them is escaped.

    Args:
        title: of the page.
        about: what it shows.
        not_measured: that its figures are somebody else's.
        tables: each a section of its own.
    """
    template = template_environment().get_template("published.html.jinja")
    return template.render(title=title, about=about, tables=tables, not_measured=not_measured)
