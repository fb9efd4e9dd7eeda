"""From a folder of result files to a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import write_text
from hear_audiomosaic.reporting.analysis.leaderboard_ranks import leaderboard_row
from hear_audiomosaic.reporting.analysis.uncertainty import analyse
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.render.csv.records import long_csv, pairs_csv
from hear_audiomosaic.reporting.render.html.audio_playback import AudioPlayback
from hear_audiomosaic.reporting.render.html.report import html_page
from hear_audiomosaic.reporting.render.latex.report import latex
from hear_audiomosaic.reporting.render.markdown.report import markdown
from hear_audiomosaic.reporting.render.markdown.tables import pipe_table
from hear_audiomosaic.reporting.tables.comparison import comparison_table
from hear_audiomosaic.reporting.text.citations import bibtex
from hear_audiomosaic.results.load import ResultFolder, SkippedFile, load_results

__all__ = ["Report", "write_report"]


@dataclass(frozen=True)
class Report:
    """What was written, and from what."""

    html: Path
    markdown: Path
    csv: Path
    """The results."""
    pairs: Path
    """CSV of the paired tests."""
    latex: Path
    """The tables for a paper, in a document to look at."""
    bibliography: Path
    """BibTeX."""
    leaderboard: Path | None
    """CSV in the format of the HEAR leaderboard; None without results of its protocol on its tasks."""
    n_results: int
    """Results in the report, the failed ones included."""
    n_failed: int
    skipped: tuple[SkippedFile, ...]
    """JSON files that are not in the report, and why."""
    tables: tuple[tuple[str, str], ...]
    """Protocol -> its main table as Markdown, for a terminal."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that was written."""
        paths = (self.html, self.markdown, self.csv, self.pairs, self.latex, self.bibliography)
        return paths if self.leaderboard is None else (*paths, self.leaderboard)


def write_report(results: Path | ResultFolder, out_dir: Path, *, playback: AudioPlayback | None = None) -> Report:
    """Write a report about all results under a folder.

    Files: ``index.html``, ``report.md``, ``report.csv``, ``pairs.csv``, ``report.tex``, ``references.bib``, and
    ``leaderboard.csv`` where there are results for it. The same results give the same bytes, wherever the folders are
    and whenever it is run.

    Args:
        results: folder of result files, at any depth, or what was read of one. Broken and foreign files are skipped and
            named.
        out_dir: where to write; made if it is not there.
        playback: how the page lets mistakes be heard; None: it names their clips. (Default: None)

    Returns:
        What was written.

    Raises:
        ResultError: there is no valid result file, or ``out_dir`` is a file.
    """
    loaded = load_results(results)
    content = ReportData.of(loaded.results, loaded.skipped)
    if out_dir.exists() and not out_dir.is_dir():
        raise ResultError(f"{out_dir} is a file; a report needs a folder to be written into: choose another --out.")
    comparisons = content.comparisons
    analyses = tuple(analyse(comparison, loaded.folder) for comparison in comparisons)
    leaderboard = _leaderboard(content)
    report = Report(
        html=out_dir / "index.html",
        markdown=out_dir / "report.md",
        csv=out_dir / "report.csv",
        pairs=out_dir / "pairs.csv",
        latex=out_dir / "report.tex",
        bibliography=out_dir / "references.bib",
        leaderboard=out_dir / "leaderboard.csv" if leaderboard else None,
        n_results=len(content.results),
        n_failed=sum(len(comparison.failures) for comparison in comparisons),
        skipped=content.skipped,
        tables=tuple(
            (comparison.label, pipe_table(comparison_table(comparison, analysis), bold_mark=True))
            for comparison, analysis in zip(comparisons, analyses, strict=True)
        ),
    )
    write_text(report.html, html_page(content, loaded.folder, analyses=analyses, playback=playback))
    write_text(report.markdown, markdown(content, analyses))
    write_text(report.csv, long_csv(content.results, comparisons, analyses))
    write_text(report.pairs, pairs_csv(comparisons, analyses))
    write_text(report.latex, latex(content, analyses))
    write_text(report.bibliography, bibtex(content))
    if report.leaderboard is not None:
        write_text(report.leaderboard, leaderboard)
    else:  # one of an earlier report would be taken for a part of this
        with file_errors("removed", out_dir / "leaderboard.csv"):
            (out_dir / "leaderboard.csv").unlink(missing_ok=True)
    return report


def _leaderboard(content: ReportData) -> str:
    """Rows in the format of the leaderboard, under one header; empty without any."""
    tables = [leaderboard_row(comparison) for comparison in content.comparisons if comparison.rankable]
    rows = [line for table in tables for line in table.splitlines(keepends=True)[1:]]
    return "".join([tables[0].splitlines(keepends=True)[0], *rows]) if rows else ""
