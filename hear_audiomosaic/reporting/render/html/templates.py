"""The page templates of ``reports/templates``, set up one way for all pages."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hear_audiomosaic.paths import content_dir

__all__ = ["template_environment"]


def template_environment() -> Environment:
    """An environment that escapes everything and stumbles over names that are not there."""
    return Environment(
        loader=FileSystemLoader(content_dir("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
