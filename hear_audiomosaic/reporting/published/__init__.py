"""What others published: figures with their sources in, the papers' tables out. Never mixed with measured results.

- :data:`PUBLISHED`, :func:`write_published`: the publications and their tables as files.
- :class:`PublishedFigure`, :func:`read_figures`: the figures themselves.
"""

from __future__ import annotations

from hear_audiomosaic.reporting.published.catalog import PUBLISHED
from hear_audiomosaic.reporting.published.figures import PublishedFigure, read_figures, read_leaderboard
from hear_audiomosaic.reporting.published.write import PublishedReport, write_published

__all__ = [
    "PUBLISHED",
    "PublishedFigure",
    "PublishedReport",
    "read_figures",
    "read_leaderboard",
    "write_published",
]
