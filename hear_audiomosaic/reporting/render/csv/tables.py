"""Any table as CSV. None of it knows what the table is about."""

from __future__ import annotations

from hear_audiomosaic.reporting.tables.model import ColumnHeader, Table
from hear_audiomosaic.reporting.text.csv_cells import csv_text
from hear_audiomosaic.reporting.text.formats import MISSING

__all__ = ["table_csv"]


def table_csv(table: Table) -> str:
    """Write one table: a missing value is empty, what is printed small has a column of its own, the source comes last.

    Args:
        table: the table.
    """
    spreads = [any(row.cells[i].small for row in table.rows) for i in range(len(table.columns))]
    header = [table.stub]
    for column, has_small in zip(table.columns, spreads, strict=True):
        name = _name(column)
        header += [name, f"{name} spread"] if has_small else [name]
    header += [*(["notes"] if table.footnotes else []), "source"]
    rows = []
    for row in table.rows:
        texts = [row.full_label]
        for cell, has_small in zip(row.cells, spreads, strict=True):
            text = "" if cell.text == MISSING else cell.text
            texts += [text, cell.small.removeprefix("± ")] if has_small else [text]
        numbers = dict.fromkeys([*row.footnotes, *(number for cell in row.cells for number in cell.footnotes)])
        texts += [" ".join(table.footnotes[number - 1] for number in numbers)] if table.footnotes else []
        rows.append([*texts, row.source])
    return csv_text(header, rows)


def _name(column: ColumnHeader) -> str:
    return column.full_label + (f" ({column.unit})" if column.unit else "")
