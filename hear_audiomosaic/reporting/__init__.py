"""Result files in, a report out: Markdown, CSV, LaTeX and one self-contained HTML page.

Knows nothing of how results were made.

- :func:`write_report`: the report of a folder of results.

==============  ======================================================================================================
``comparison``  which encoder scored what on which task
``analysis``    how uncertain that is: intervals, tests, ranks, overall scores, errors
``text``        numbers and sentences: formats, captions, methods, references
``tables``      every table, built once as a ``Table`` of ``Row`` and ``Cell``
``figures``     every figure, drawn once as SVG
``published``   what others published, as tables of its own
``render``      one folder a format, which writes tables and text
==============  ======================================================================================================
"""

from __future__ import annotations

from hear_audiomosaic.reporting.report import Report, write_report
from hear_audiomosaic.results.load import SkippedFile

__all__ = ["Report", "SkippedFile", "write_report"]
