"""The one model of a printed table: what it says, whatever it is printed as and wherever its numbers came from.

The other modules of this folder and of ``published`` build tables; each folder of ``render`` writes them in one
format. A table holds published figures or measured ones, never both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hear_audiomosaic.reporting.text.formats import MISSING, marked_label

__all__ = ["Better", "Cell", "ColumnHeader", "Row", "Table", "mark_best"]

Better = Literal["higher", "lower", ""]
"""Where better is; empty where there is no better (a number of parameters)."""

_ARROWS = {"higher": "↑", "lower": "↓", "": ""}


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str = MISSING
    """As printed, without what is printed small after it."""
    sort_value: float | None = None
    """What it is sorted by; None where there is no number."""
    interval: str = ""
    """Printed small after the text: ``"[0.81, 0.86]"``, ``"± 0.3"`` of a published half-width."""
    spread: str = ""
    """Of the text, over what ``over`` says: ``"± 0.036"``."""
    over: str = ""
    """What the spread is over (``"3 seeds"``), or the text itself where it is not over the same as its column."""
    remark: str = ""
    """A reservation, printed in brackets: ``"2 of 3 seeds"``."""
    best: bool = False
    """Set in bold."""
    tied: bool = False
    """Marked with a dagger: see :attr:`Table.tied_means`."""
    comparable: bool = True
    """Whether it may be the best: not where it was obtained in another way than the rest of its column."""
    failed: bool = False
    """Whether there is an error in place of a number."""
    footnotes: tuple[int, ...] = ()
    """Numbers of its footnotes, from 1."""
    tooltip: str = ""
    """All that is known of it, in words: for the pointer, the keyboard and a reader who hears the page."""
    shade: int | None = None
    """Colour of the background, 0 (chance) to 10 (perfect); None where the text has no such scale."""

    @property
    def uncertainty(self) -> str:
        """What every format has room for: the interval, or the spread where there is none; always that over seeds."""
        spread = self.spread if not self.interval or self.over.endswith("seeds") else ""
        over = f"({self.over})" if self.over and (spread or not self.spread) else ""
        return " ".join(part for part in (self.interval, spread, over) if part)

    @property
    def small(self) -> str:
        """All that is printed small after the text."""
        return " ".join(part for part in (self.uncertainty, f"[{self.remark}]" if self.remark else "") if part)


@dataclass(frozen=True)
class ColumnHeader:
    """The head of one column."""

    label: str
    unit: str = ""
    """The metric, in small print under the label."""
    better: Better = ""
    group: str = ""
    """What it shares with its neighbours, in a row above."""
    summary: bool = False
    """Whether the column sums up the others."""
    numeric: bool = False
    """Whether it is a column of numbers even where no cell has a sort value."""
    keywords: str = ""
    """What a reader can find it by, beside its label."""

    @property
    def arrow(self) -> str:
        """Points to where better is; empty where there is no better."""
        return _ARROWS[self.better]

    @property
    def full_label(self) -> str:
        """The label with its group."""
        return f"{self.group}: {self.label}" if self.group else self.label


@dataclass(frozen=True)
class Row:
    """One row."""

    label: str
    cells: tuple[Cell, ...]
    """In the order of the columns."""
    untrained: bool = False
    """Whether the label bears a mark that this is an encoder with random weights."""
    footnotes: tuple[int, ...] = ()
    """Numbers of the footnotes of the label, from 1."""
    apart: bool = False
    """Whether a rule stands above it: it is no competitor."""
    chosen: bool = False
    """Whether the whole row stands out."""
    source: str = ""
    """Where published figures come from."""
    keywords: str = ""
    """What a reader can find it by, beside its label."""

    @property
    def full_label(self) -> str:
        """The label with its mark."""
        return marked_label(self.label, self.untrained)


@dataclass(frozen=True)
class Table:
    """One table.

    Raises:
        ValueError: a row is not as long as the head, or a cell refers to a footnote that is not there.
    """

    key: str
    """Short name for files and labels: lower-case letters, digits and hyphens."""
    title: str
    stub: str
    """Head of the first column."""
    columns: tuple[ColumnHeader, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = ()
    """The first one is number 1."""
    remarks: tuple[str, ...] = ()
    """What holds for the whole table, under it."""
    tied_means: str = "no significant difference from the best"
    """What a dagger says."""
    remarks_explain_marks: bool = False
    """Whether the remarks say what arrows, bold and daggers mean, so that there is no legend."""

    def __post_init__(self) -> None:
        known = range(1, len(self.footnotes) + 1)
        for row in self.rows:
            where = f"{self.key}: row {row.label!r}"
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{where} has {len(row.cells)} cells, expected {len(self.columns)}")
            for number in (*row.footnotes, *(number for cell in row.cells for number in cell.footnotes)):
                if number not in known:
                    raise ValueError(f"{where} refers to footnote {number} of {len(self.footnotes)}")

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Neighbouring columns of one group: its name and its number of columns; empty without any group."""
        runs: list[tuple[str, int]] = []
        for column in self.columns:
            if runs and runs[-1][0] == column.group:
                runs[-1] = (column.group, runs[-1][1] + 1)
            else:
                runs.append((column.group, 1))
        return tuple(runs) if any(name for name, _ in runs) else ()

    @property
    def text_columns(self) -> tuple[bool, ...]:
        """For each column whether it holds words alone."""
        return tuple(
            not column.numeric and not any(row.cells[i].sort_value is not None for row in self.rows)
            for i, column in enumerate(self.columns)
        )

    @property
    def header(self) -> tuple[str, ...]:
        """Labels of all columns, the first one's too."""
        return (self.stub, *(column.label for column in self.columns))

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The texts of each row under the :attr:`header`."""
        return tuple((row.full_label, *(cell.text for cell in row.cells)) for row in self.rows)

    @property
    def has_best(self) -> bool:
        """Whether any cell is marked as best."""
        return any(cell.best for row in self.rows for cell in row.cells)

    @property
    def has_tied(self) -> bool:
        """Whether any cell is marked as tied with the best."""
        return any(cell.tied for row in self.rows for cell in row.cells)

    @property
    def legend(self) -> str:
        """What arrows, bold and daggers mean, as far as there are any and the remarks do not say it."""
        if self.remarks_explain_marks:
            return ""
        words = ["↑ higher is better, ↓ lower is better."] if any(column.better for column in self.columns) else []
        if self.has_best:
            words.append("The best is bold" + ("." if self.has_tied else "; no test of significance was made."))
        return " ".join([*words, *([f"† {self.tied_means}."] if self.has_tied else [])])


def mark_best(columns: Sequence[ColumnHeader], rows: Sequence[Row], whole_table: bool = False) -> tuple[Row, ...]:
    """Mark the best of each column that has a better, among two comparable numbers or more.

    All that are printed like the best are best.

    Args:
        columns: they say where better is.
        rows: of the table.
        whole_table: one best of all cells together (a grid of one score), by the first column's direction.
    """
    ranges = [range(len(columns))] if whole_table else [range(i, i + 1) for i in range(len(columns))]
    best: set[tuple[int, int]] = set()
    for indices in ranges:
        better = columns[indices[0]].better if indices else ""
        found = [
            (cell.sort_value, cell.text, (r, i))
            for r, row in enumerate(rows)
            for i, cell in ((i, row.cells[i]) for i in indices)
            if cell.sort_value is not None and cell.comparable
        ]
        if not better or len(found) < 2:
            continue
        pick = max if better == "higher" else min
        value, text, _ = pick(found, key=lambda one: one[0])
        best |= {place for other, printed, place in found if other == value or printed == text}
    return tuple(
        replace(row, cells=tuple(replace(cell, best=(r, i) in best) for i, cell in enumerate(row.cells)))
        for r, row in enumerate(rows)
    )
