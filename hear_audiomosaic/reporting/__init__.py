"""Result files in, tables out: Markdown, CSV and one self-contained HTML page. Knows nothing of how results were made.

- :func:`write_report`: the report of a folder of results.
"""

from __future__ import annotations

from hear_audiomosaic.reporting.report import Report, write_report
from hear_audiomosaic.results.load import SkippedFile

__all__ = ["Report", "SkippedFile", "write_report"]
