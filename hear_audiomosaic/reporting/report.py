"""From a folder of result files to a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.reporting.content import Content
from hear_audiomosaic.reporting.load import SkippedFile, load_results
from hear_audiomosaic.reporting.long_format import long_csv
from hear_audiomosaic.reporting.markdown import main_table, markdown
from hear_audiomosaic.reporting.page import html_page

__all__ = ["Report", "write_report"]


@dataclass(frozen=True)
class Report:
    """What was written, and from what."""

    html: Path
    markdown: Path
    csv: Path
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
        return self.html, self.markdown, self.csv


def write_report(results_dir: Path, out_dir: Path) -> Report:
    """Write ``index.html``, ``report.md`` and ``report.csv`` about all results under a folder.

    The same results give the same bytes, wherever the folders are and whenever it is run.

    Args:
        results_dir: folder of result files, at any depth. Broken and foreign files are skipped and named.
        out_dir: where to write; made if it is not there.

    Returns:
        What was written.

    Raises:
        ResultError: there is no valid result file, or ``out_dir`` is a file.
    """
    content = Content.of(*load_results(results_dir))
    if out_dir.exists() and not out_dir.is_dir():
        raise ResultError(f"{out_dir} is a file; a report needs a folder to be written into: choose another --out.")
    report = Report(
        html=out_dir / "index.html",
        markdown=out_dir / "report.md",
        csv=out_dir / "report.csv",
        n_results=len(content.results),
        n_failed=sum(len(comparison.failures) for comparison in content.comparisons),
        skipped=content.skipped,
        tables=tuple((comparison.label, main_table(comparison)) for comparison in content.comparisons),
    )
    write_text(report.html, html_page(content))
    write_text(report.markdown, markdown(content))
    write_text(report.csv, long_csv(content.results))
    return report
