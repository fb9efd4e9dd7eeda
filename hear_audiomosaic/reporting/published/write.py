"""From a name to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.reporting.published.catalog import PUBLISHED
from hear_audiomosaic.reporting.published.formats import sheet_csv, sheets_html, sheets_markdown
from hear_audiomosaic.reporting.render.latex import document, sheet_latex
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["PublishedReport", "write_published"]


@dataclass(frozen=True)
class PublishedReport:
    """What was written."""

    name: str
    html: Path
    markdown: Path
    latex: Path
    """A document with all tables, to look at."""
    tables: tuple[Path, ...]
    """Each table alone: CSV and LaTeX to be put into a paper."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that was written."""
        return self.html, self.markdown, self.latex, *self.tables


def write_published(name: str, out_dir: Path, *, folder: Path | None = None) -> PublishedReport:
    """Write the tables of a publication anew from the figures that the package ships.

    The same figures give the same bytes. Files: ``index.html``, ``published.md``, ``published.tex`` (all tables), and
    each table alone as ``tables/KEY.csv`` and ``tables/KEY.tex``.

    Args:
        name: one of :data:`PUBLISHED`.
        out_dir: where to write; made if it is not there.
        folder: where the CSVs of published figures are; the shipped ones if None.

    Returns:
        What was written.

    Raises:
        ResultError: no such name (the message lists them), a broken CSV, or ``out_dir`` is a file.
    """
    if name not in PUBLISHED:
        raise ResultError(f"No published figures under the name '{name}'; there are {listing(PUBLISHED)}.")
    if out_dir.exists() and not out_dir.is_dir():
        raise ResultError(f"{out_dir} is a file; tables need a folder to be written into: choose another --out.")
    publication = PUBLISHED[name]
    sheets = publication.sheets(folder)
    latex = [sheet_latex(sheet, label=f"published-{name}-{sheet.key}") for sheet in sheets]
    written: dict[Path, str] = {}
    for sheet, text in zip(sheets, latex, strict=True):
        written[out_dir / "tables" / f"{sheet.key}.csv"] = sheet_csv(sheet)
        written[out_dir / "tables" / f"{sheet.key}.tex"] = text
    report = PublishedReport(
        name, out_dir / "index.html", out_dir / "published.md", out_dir / "published.tex", tuple(written)
    )
    written[report.html] = sheets_html(publication.title, publication.about, sheets)
    written[report.markdown] = sheets_markdown(publication.title, publication.about, sheets)
    written[report.latex] = document(latex)
    for path, text in written.items():
        write_text(path, text)
    return report
