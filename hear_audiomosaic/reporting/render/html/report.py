"""The report as one HTML page that needs nothing else: style, script and figures are inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison, succeeded
from hear_audiomosaic.reporting.comparison.provenance import Cost
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.figures.collect import Figure, few_shot_figures, figures
from hear_audiomosaic.reporting.render.html.audio_playback import AudioPlayback
from hear_audiomosaic.reporting.render.html.details import PageTask, page_tasks
from hear_audiomosaic.reporting.render.html.templates import template_environment
from hear_audiomosaic.reporting.tables.report import ProtocolTables
from hear_audiomosaic.reporting.text.captions import about_mean, about_scores
from hear_audiomosaic.reporting.text.citations import bibtex
from hear_audiomosaic.reporting.text.methods import methods
from hear_audiomosaic.reporting.text.uncertainty import about_units, overall_remarks, without_interval
from hear_audiomosaic.results.load import LoadedResult

__all__ = ["html_page"]

_TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class _Section:
    """One comparison and what the page shows of it."""

    id: str
    comparison: Comparison
    analysis: Analysis | None
    about_scores: str
    about_mean: str
    tables: ProtocolTables
    without_interval: tuple[str, ...]
    overall_remarks: tuple[str, ...]
    """In place of the table, where there is none."""
    figures: tuple[Figure, ...]
    tasks: tuple[PageTask, ...]


def html_page(
    content: ReportData,
    results_dir: Path | None = None,
    *,
    analyses: Sequence[Analysis] | None = None,
    playback: AudioPlayback | None = None,
) -> str:
    """Write the report as HTML. Everything that comes from a result file is escaped.

    Args:
        content: what to tell.
        results_dir: the folder that the results were read from, for the predictions beside them; None: the page is
            without errors by class and without mistakes. (Default: None)
        analyses: one per comparison, in their order; None: no intervals, ranks and overall scores. (Default: None)
        playback: how mistakes can be heard; None: by their names alone. (Default: None)

    Returns:
        The page; the same for the same arguments and files.
    """
    playback = playback or AudioPlayback()
    found: Sequence[Analysis | None] = [None] * len(content.comparisons) if analyses is None else analyses
    environment = template_environment()
    environment.globals.update(precision_of=lambda cost: _precisions(content.results, cost))
    sections = [
        _section(number, comparison, analysis, results_dir, playback)
        for number, (comparison, analysis) in enumerate(zip(content.comparisons, found, strict=True), start=1)
    ]
    return environment.get_template(_TEMPLATE).render(
        content=content,
        sections=sections,
        curves=few_shot_figures(content.comparisons, found),
        playback=playback,
        methods=methods(content, analyses or ()),
        bibtex=bibtex(content),
    )


def _section(
    number: int, comparison: Comparison, analysis: Analysis | None, results_dir: Path | None, playback: AudioPlayback
) -> _Section:
    tables = ProtocolTables.of(comparison, analysis)
    return _Section(
        id=f"p{number}",
        comparison=comparison,
        analysis=analysis,
        about_scores=_about_scores(comparison, analysis),
        about_mean=about_mean(comparison),
        tables=tables,
        without_interval=()
        if analysis is None
        else (*about_units(comparison, analysis), *without_interval(comparison, analysis)),
        overall_remarks=overall_remarks(comparison, analysis)
        if analysis is not None and tables.overall is None
        else (),
        figures=figures(comparison, analysis),
        tasks=page_tasks(comparison, results_dir, playback),
    )


def _about_scores(comparison: Comparison, analysis: Analysis | None) -> str:
    """The words of all formats, and what ± is where only the page shows it (beside the intervals)."""
    text = about_scores(comparison, analysis)
    shown = any(cell.spread is not None for row in comparison.rows for cell in row.cells)
    return f"{text} ± is one sample standard deviation over folds." if shown and "±" not in text else text


def _precisions(results: tuple[LoadedResult, ...], cost: Cost) -> str:
    """Precisions of the probes behind one row of costs."""
    found = {
        loaded.result.arithmetic
        for loaded in results
        if succeeded(loaded.result)
        and (loaded.result.encoder.ref, loaded.result.encoder.fingerprint, loaded.result.manifest.device)
        == (cost.encoder.ref, cost.encoder.fingerprint, cost.device)
    }
    return ", ".join(sorted(found))
