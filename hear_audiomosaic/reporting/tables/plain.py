"""A table of texts that are ready to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table

__all__ = ["plain_table"]


def plain_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], chosen: int | None = None, *, title: str = ""
) -> Table:
    """Make a table of texts.

    Args:
        header: of every column; the first column names the rows.
        rows: as long as the header.
        chosen: index of the row to stand out. (Default: none)
        title: of the table. (Default: empty)
    """
    stub, *labels = header
    return Table(
        key="",
        title=title,
        stub=stub,
        columns=tuple(ColumnHeader(label, numeric=True) for label in labels),
        rows=tuple(
            Row(label, tuple(map(Cell, texts)), chosen=number == chosen) for number, (label, *texts) in enumerate(rows)
        ),
    )
