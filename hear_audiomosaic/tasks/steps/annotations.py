"""The tables that come with a data set, read with the columns that a preparer needs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError

__all__ = ["tabbed_rows", "table_rows"]


def table_rows(path: Path, *columns: str, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Rows of a table with a header, all cells as text.

    Args:
        path: a UTF-8 file.
        columns: those that every row must have; there may be others.
        delimiter: between cells.

    Raises:
        TaskError: not such a table, or a column or a cell is missing; with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            lacking = [column for column in columns if column not in (reader.fieldnames or ())]
            if lacking:
                raise TaskError(f"{path} has no column '{lacking[0]}'; its columns are {reader.fieldnames}")
            for row in reader:
                if any(row[column] is None for column in columns):
                    raise TaskError(f"{path}, line {reader.line_num}: the row is shorter than the header")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"Cannot read {path} as a table of text: {error}") from error


def tabbed_rows(path: Path, cells: int) -> Iterator[list[str]]:
    """The first cells of every row of a table without a header, cells parted by tabs or runs of blanks.

    Args:
        path: a UTF-8 file; blank lines are skipped.
        cells: how many of a row are wanted; it may have more.

    Raises:
        TaskError: the file cannot be read, or a row is shorter; with the line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                row = line.split()
                if 0 < len(row) < cells:
                    raise TaskError(f"{path}, line {number}: expected {cells} cells; found '{line.strip()[:80]}'")
                if row:
                    yield row[:cells]
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"Cannot read {path} as a table of text: {error}") from error
