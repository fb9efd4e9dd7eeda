"""From a name to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.reporting.published.catalog import PUBLISHED
from hear_audiomosaic.reporting.render.csv.tables import table_csv
from hear_audiomosaic.reporting.render.html.published import published_page
from hear_audiomosaic.reporting.render.latex.tables import document, table_latex
from hear_audiomosaic.reporting.render.markdown.tables import tables_page
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["PublishedReport", "write_published"]

_NOT_MEASURED = "These figures were published by others, as each table says; none was measured by this project."


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
    tables = publication.tables(folder)
    latex = [table_latex(table, label=f"published-{name}-{table.key}") for table in tables]
    written: dict[Path, str] = {}
    for table, text in zip(tables, latex, strict=True):
        written[out_dir / "tables" / f"{table.key}.csv"] = table_csv(table)
        written[out_dir / "tables" / f"{table.key}.tex"] = text
    report = PublishedReport(
        name, out_dir / "index.html", out_dir / "published.md", out_dir / "published.tex", tuple(written)
    )
    written[report.html] = published_page(publication.title, publication.about, _NOT_MEASURED, tables)
    written[report.markdown] = tables_page(publication.title, f"{publication.about} {_NOT_MEASURED}", tables)
    written[report.latex] = document(latex)
    for path, text in written.items():
        write_text(path, text)
    return report
