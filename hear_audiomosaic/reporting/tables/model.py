"""A table as it is printed, whatever it is printed as and wherever its numbers came from.

Published and measured figures both become sheets; Markdown, CSV, LaTeX and HTML are written from sheets. One sheet
holds published figures or measured ones, never both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hear_audiomosaic.reporting.text.formats import MISSING, decimals

__all__ = ["Better", "Entry", "Heading", "Line", "Sheet", "bracketed", "mark_best"]

Better = Literal["higher", "lower", ""]
"""Where better is; empty where there is no better (a number of parameters)."""

_ARROWS = {"higher": "↑", "lower": "↓", "": ""}


@dataclass(frozen=True)
class Entry:
    """One cell."""

    text: str = MISSING
    """As printed, without its spread."""
    number: float | None = None
    """What it is sorted by; None where there is no number."""
    spread: str = ""
    """Printed small after the text: ``"± 0.3"``, ``"[0.81, 0.86]"``."""
    best: bool = False
    """Set in bold."""
    tied: bool = False
    """Marked as not separable from the best."""
    comparable: bool = True
    """Whether it may be the best: not where it was obtained in another way than the rest of its column."""
    notes: tuple[int, ...] = ()
    """Numbers of its footnotes, from 1."""


@dataclass(frozen=True)
class Heading:
    """The head of one column."""

    label: str
    unit: str = ""
    """The metric, in small print under the label."""
    better: Better = ""
    group: str = ""
    """What it shares with its neighbours, in a row above."""

    @property
    def arrow(self) -> str:
        """Points to where better is; empty where there is no better."""
        return _ARROWS[self.better]


@dataclass(frozen=True)
class Line:
    """One row."""

    label: str
    entries: tuple[Entry, ...]
    """In the order of the headings."""
    notes: tuple[int, ...] = ()
    """Numbers of the footnotes of the label, from 1."""
    apart: bool = False
    """Whether a rule stands above it."""
    source: str = ""
    """Where published figures come from."""


@dataclass(frozen=True)
class Sheet:
    """One table.

    Raises:
        ValueError: a row is not as long as the head, or a cell refers to a footnote that is not there.
    """

    key: str
    """Short name for files and labels: lower-case letters, digits and hyphens."""
    title: str
    stub: str
    """Head of the first column."""
    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    """Footnotes, the first one is number 1."""
    remarks: tuple[str, ...] = ()
    """What holds for the whole table, under it."""

    def __post_init__(self) -> None:
        known = range(1, len(self.notes) + 1)
        for line in self.lines:
            if len(line.entries) != len(self.headings):
                raise ValueError(
                    f"{self.key}: row {line.label!r} has {len(line.entries)} cells, expected {len(self.headings)}"
                )
            for number in (*line.notes, *(note for entry in line.entries for note in entry.notes)):
                if number not in known:
                    raise ValueError(f"{self.key}: row {line.label!r} refers to footnote {number} of {len(self.notes)}")

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Neighbouring headings of one group: its name and its number of columns; empty without any group."""
        runs: list[tuple[str, int]] = []
        for heading in self.headings:
            if runs and runs[-1][0] == heading.group:
                runs[-1] = (heading.group, runs[-1][1] + 1)
            else:
                runs.append((heading.group, 1))
        return tuple(runs) if any(name for name, _ in runs) else ()

    @property
    def text_columns(self) -> tuple[bool, ...]:
        """For each heading whether its column holds words alone."""
        return tuple(
            not any(line.entries[i].number is not None for line in self.lines) for i in range(len(self.headings))
        )

    @property
    def has_best(self) -> bool:
        """Whether any cell is marked as best."""
        return any(entry.best for line in self.lines for entry in line.entries)

    @property
    def has_tied(self) -> bool:
        """Whether any cell is marked as tied with the best."""
        return any(entry.tied for line in self.lines for entry in line.entries)

    @property
    def legend(self) -> str:
        """What arrows, bold and daggers mean, as far as there are any."""
        words = ["↑ higher is better, ↓ lower is better."] if any(heading.better for heading in self.headings) else []
        if self.has_best:
            words.append("The best is bold" + ("." if self.has_tied else "; no test of significance was made."))
        return " ".join([*words, *(["† not separable from the best."] if self.has_tied else [])])


def mark_best(headings: Sequence[Heading], lines: Sequence[Line], whole_table: bool = False) -> tuple[Line, ...]:
    """Mark the best of each column that has a better, among two comparable numbers or more.

    All that are printed like the best are best.

    Args:
        headings: they say where better is.
        lines: the rows.
        whole_table: one best of all cells together (a grid of one score), by the first heading's direction.
    """
    columns = [range(len(headings))] if whole_table else [range(i, i + 1) for i in range(len(headings))]
    best: set[tuple[int, int]] = set()
    for column in columns:
        better = headings[column[0]].better if column else ""
        cells = [
            (entry.number, entry.text, (row, i))
            for row, line in enumerate(lines)
            for i, entry in ((i, line.entries[i]) for i in column)
            if entry.number is not None and entry.comparable
        ]
        if not better or len(cells) < 2:
            continue
        pick = max if better == "higher" else min
        number, text, _ = pick(cells, key=lambda cell: cell[0])
        best |= {place for other, printed, place in cells if other == number or printed == text}
    return tuple(
        replace(line, entries=tuple(replace(entry, best=(row, i) in best) for i, entry in enumerate(line.entries)))
        for row, line in enumerate(lines)
    )


def bracketed(low: float, high: float, places: int = 3) -> str:
    """An interval as ``[0.812, 0.845]``; empty where it has no ends."""
    return "" if math.isnan(low) or math.isnan(high) else f"[{decimals(low, places)}, {decimals(high, places)}]"
