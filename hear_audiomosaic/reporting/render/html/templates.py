"""The page templates of ``reports/templates``, set up one way for all pages.

``tables.html.jinja`` writes any table of the one model; ``report.css`` has its colours.
"""

from __future__ import annotations

import math
import re

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.text.formats import count, decimals, listing

__all__ = ["breakable", "data_value", "template_environment"]


def template_environment() -> Environment:
    """An environment that escapes everything and stumbles over names that are not there."""
    environment = Environment(
        loader=FileSystemLoader(content_dir("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        decimals=decimals, count=count, listing=listing, data_value=data_value, breakable=breakable
    )
    return environment


def data_value(value: float | None) -> str:
    """What the page's script sorts by; empty for what has no place in an order and so comes last."""
    if value is None or math.isnan(value):
        return ""
    return repr(float(value)) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def breakable(name: str) -> Markup:
    """A name, escaped, that a browser may break after underscores, colons and slashes."""
    return Markup(re.sub(r"([_/:])(?=[^\s_/:])", r"\1<wbr>", str(escape(name))))  # noqa: S704
