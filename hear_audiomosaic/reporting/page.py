"""The report as one HTML page that needs nothing else: style, script and figures are inside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from hear_audiomosaic.places import content_dir
from hear_audiomosaic.reporting.content import Content, about_mean, about_scores
from hear_audiomosaic.reporting.details import TaskDetail, task_details
from hear_audiomosaic.reporting.figures import heat_map
from hear_audiomosaic.reporting.table import Comparison
from hear_audiomosaic.reporting.text import count, decimals, listing

__all__ = ["html_page"]

_TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class _Section:
    """One comparison and what the page shows of it."""

    id: str
    comparison: Comparison
    about_scores: str
    about_mean: str
    heat_map: Markup
    tasks: tuple[TaskDetail, ...]


def html_page(content: Content) -> str:
    """Write the report as HTML. Everything that comes from a result file is escaped."""
    environment = Environment(
        loader=FileSystemLoader(content_dir("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        decimals=decimals, count=count, listing=listing, sort_value=_sort_value, breakable=_breakable
    )
    sections = [
        _Section(
            id=f"p{number}",
            comparison=comparison,
            about_scores=about_scores(comparison),
            about_mean=about_mean(comparison),
            # matplotlib escapes the labels that it writes into the figure.
            heat_map=Markup(heat_map(comparison, f"p{number}")),  # noqa: S704
            tasks=task_details(comparison),
        )
        for number, comparison in enumerate(content.comparisons, start=1)
    ]
    return environment.get_template(_TEMPLATE).render(content=content, sections=sections)


def _sort_value(value: float | None) -> str:
    """What the page's script sorts by; empty for what has no place in an order and so comes last."""
    return "" if value is None or math.isnan(value) else ("Infinity" if value == math.inf else repr(value))


def _breakable(name: str) -> Markup:
    """A name, escaped, that a browser may break after underscores, colons and slashes."""
    return Markup(re.sub(r"([_/:])(?=[^\s_/:])", r"\1<wbr>", str(escape(name))))  # noqa: S704
