"""Any table as Markdown. None of it knows what the table is about.

- :func:`pipe_table`: the bare table. :func:`table_section`: with its title, footnotes, remarks and legend.
- :func:`tables_page`: a file of tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from hear_audiomosaic.reporting.render.markdown.text import pipes, safe
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.text.formats import MINUS, UNTRAINED

__all__ = ["pipe_table", "safe_label", "table_section", "tables_page"]


def tables_page(title: str, lead: str, tables: Sequence[Table]) -> str:
    """Write tables as a file.

    Args:
        title: of the whole.
        lead: the paragraph under it.
        tables: each a section of its own.
    """
    return "\n\n".join([f"# {safe(title)}", safe(lead), *map(table_section, tables)]) + "\n"


def table_section(table: Table, *, level: int = 2) -> str:
    """Write one table with its title, footnotes, remarks and legend.

    Args:
        table: the table.
        level: of the heading. (Default: 2)
    """
    notes = [f"{_footnotes((number,))} {safe(note)}" for number, note in enumerate(table.footnotes, start=1)]
    under = "<br>\n".join([*notes, *map(safe, table.remarks), *([table.legend] if table.legend else [])])
    title = f"{'#' * level} {safe(table.title)}"
    return "\n\n".join(part for part in (title, pipe_table(table), under) if part)


def pipe_table(table: Table, *, bold_mark: bool = False) -> str:
    """Write the bare table.

    Args:
        table: the table.
        bold_mark: whether the mark of untrained encoders is bold. (Default: no)
    """
    header = [safe(table.stub), *map(_header, table.columns)]
    rows = [[_label(row, bold_mark), *map(_cell, row.cells)] for row in table.rows]
    rows = [
        [f"**{text}**" for text in texts] if row.chosen else texts for row, texts in zip(table.rows, rows, strict=True)
    ]
    words = [0, *(i for i, is_text in enumerate(table.text_columns, start=1) if is_text)]
    return pipes(header, rows, words)


def safe_label(label: str, untrained: bool) -> str:
    """An encoder's label with its mark in bold."""
    return safe(label) + (f" **{UNTRAINED}**" if untrained else "")


def _header(column: ColumnHeader) -> str:
    if column.summary:
        return f"{safe(column.label)} {column.arrow}"
    small = " ".join(part for part in (safe(column.unit), column.arrow) if part)
    return "<br>".join(part for part in (safe(column.full_label), small) if part)


def _label(row: Row, bold_mark: bool) -> str:
    label = safe_label(row.label, row.untrained) if bold_mark else _safe(row.full_label)
    return (f"*{label}*" if row.apart else label) + _footnotes(row.footnotes)


def _cell(cell: Cell) -> str:
    text = (f"**{_safe(cell.text)}**" if cell.best else _safe(cell.text)) + ("†" if cell.tied else "")
    small = [safe(cell.uncertainty), f"[{safe(cell.remark)}]" if cell.remark else ""]
    return " ".join([text + _footnotes(cell.footnotes), *(part for part in small if part)])


def _safe(text: str) -> str:
    """With hyphens for minus signs, so that a number can be found and copied."""
    return safe(text.replace(MINUS, "-"))


def _footnotes(numbers: Sequence[int]) -> str:
    return f"<sup>{','.join(map(str, numbers))}</sup>" if numbers else ""
