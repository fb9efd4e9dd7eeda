"""The tables of a report for a paper, and its methods paragraph, in one LaTeX document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.render.latex.tables import document, table_latex
from hear_audiomosaic.reporting.render.latex.text import escape
from hear_audiomosaic.reporting.tables.report import ProtocolTables
from hear_audiomosaic.reporting.text.methods import methods

__all__ = ["latex"]


def latex(content: ReportData, analyses: Sequence[Analysis]) -> str:
    """Write the document.

    Args:
        content: what it is about.
        analyses: of its comparisons, in their order.
    """
    parts = []
    for comparison, analysis in zip(content.comparisons, analyses, strict=True):
        tables = ProtocolTables.of(comparison, analysis)
        parts += [
            table_latex(table)
            for table in (tables.scores, tables.overall, tables.leaderboard_ranks)
            if table is not None
        ]
    return document([*parts, _section("Methods", methods(content, analyses))])


def _section(title: str, paragraphs: Iterable[str]) -> str:
    return "\n\n".join([rf"\section*{{{escape(title)}}}", *map(escape, paragraphs)]) + "\n"
