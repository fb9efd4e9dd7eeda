"""From figures to tables: a layout says which figures make a table and what stands in its rows and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.published.figures import METRICS, PublishedFigure
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table, mark_best
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["Layout", "lay_out", "method_row", "task_column"]


def method_row(figure: PublishedFigure) -> str:
    """One row per method."""
    return figure.method


def task_column(figure: PublishedFigure) -> ColumnHeader:
    """One column per task and metric."""
    metric = METRICS[figure.metric]
    return ColumnHeader(figure.task, metric.label, metric.better)


@dataclass(frozen=True)
class Layout:
    """One table of a publication."""

    key: str
    title: str
    sources: tuple[str, ...] = ()
    """Ends of the sources whose figures it holds; empty for any."""
    protocols: tuple[str, ...] = ()
    """Beginnings of the protocols; empty for any."""
    stub: str = "method"
    row: Callable[[PublishedFigure], str] = method_row
    protocol_shown: bool = False
    """Whether rows or columns name the protocol already."""
    column: Callable[[PublishedFigure], ColumnHeader] = task_column
    order: tuple[str, ...] = ()
    """Labels of columns in their order; those not named follow as they come."""
    best: Literal["column", "table", ""] = "column"
    """Among what the best is: each column, the whole table, or nowhere."""
    decimals: int = 0
    """Zeros are added up to this many decimals, where the CSV has lost them."""
    places: int | None = None
    """Rounded to this many decimals; None prints the CSV's own digits."""
    incomparable: tuple[str, ...] = ()
    """Protocols whose figures are never the best."""
    cell_notes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(Label of the row, label of the column) -> a footnote."""
    remarks: tuple[str, ...] = ()

    def takes(self, figure: PublishedFigure) -> bool:
        """Whether a figure belongs into this table."""
        return (not self.sources or figure.source.endswith(self.sources)) and (
            not self.protocols or figure.protocol.startswith(self.protocols)
        )


def lay_out(figures: Sequence[PublishedFigure], layouts: Iterable[Layout]) -> tuple[Table, ...]:
    """Lay out all figures.

    Args:
        figures: in their order, which is the order of rows and columns.
        layouts: a figure goes into the first that takes it.

    Returns:
        One table per layout.

    Raises:
        ResultError: a figure has no table, a table no figure, or two figures have one cell.
    """
    layouts = tuple(layouts)
    members: dict[str, list[PublishedFigure]] = {layout.key: [] for layout in layouts}
    for figure in figures:
        layout = next((layout for layout in layouts if layout.takes(figure)), None)
        if layout is None:
            raise ResultError(f"No table shows {figure.method} on {figure.task} ({figure.protocol}; {figure.source}).")
        members[layout.key].append(figure)
    empty = [key for key, found in members.items() if not found]
    if empty:
        raise ResultError(f"No figure for the tables {listing(empty)}; are the sources spelled as in the CSV?")
    return tuple(_table(layout, members[layout.key]) for layout in layouts)


class _Footnotes:
    """Footnotes in order of first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


RowKey = tuple[str, str]
"""Label and source."""


def _table(layout: Layout, figures: Sequence[PublishedFigure]) -> Table:
    cells, halfwidths = _cells(layout, figures)
    columns = _columns(layout, dict.fromkeys(column for _, column in cells))
    source = _usual_source(dict.fromkeys(row for row, _ in cells))
    unusual = {} if layout.protocol_shown else _unusual_protocols(cells)
    notes = _Footnotes()
    rows = []
    for row in dict.fromkeys(row for row, _ in cells):
        marks = [f"Source: {row[1]}."] if row[1] != source else []
        marks += [f"Protocol: {unusual[row, None]}."] if (row, None) in unusual else []
        row_notes = tuple(map(notes.number, marks))
        row_cells = []
        for column in columns:
            figure = cells.get((row, column))
            texts = [f"Protocol: {unusual[row, column]}."] if (row, column) in unusual else []
            texts += [layout.cell_notes[key] for key in [(row[0], column.label)] if key in layout.cell_notes]
            halfwidth = halfwidths.get((row, column))
            row_cells.append(
                _figure_cell(layout, figure, halfwidth, tuple(map(notes.number, texts)))
                if figure is not None
                else Cell()
            )
        rows.append(Row(row[0], tuple(row_cells), footnotes=row_notes, source=row[1]))
    several = any(row[1] != source for row, _ in cells)
    about = [f"Source{', unless noted' if several else ''}: {source}."] if source else []
    if not layout.protocol_shown:
        usual = [
            figure.protocol
            for (row, column), figure in cells.items()
            if (row, None) not in unusual and (row, column) not in unusual
        ]
        protocols = list(dict.fromkeys(usual))
        name = "Protocols" if len(protocols) > 1 else "Protocol"
        about.append(f"{name}{', unless noted' if unusual else ''}: {'; '.join(protocols)}.")
    if halfwidths:
        about.append("± is the half-width of a 95 % confidence interval, as published.")
    return Table(
        key=layout.key,
        title=layout.title,
        stub=layout.stub,
        columns=tuple(columns),
        rows=mark_best(columns, rows, layout.best == "table") if layout.best else tuple(rows),
        footnotes=tuple(notes.texts),
        remarks=(*about, *layout.remarks),
    )


def _usual_source(rows: Iterable[RowKey]) -> str:
    """The source of more than half of the rows; empty if there is none."""
    counts = Counter(source for _, source in rows)
    source, n = counts.most_common(1)[0]
    return source if 2 * n > counts.total() else ""


def _unusual_protocols(
    cells: Mapping[tuple[RowKey, ColumnHeader], PublishedFigure],
) -> dict[tuple[RowKey, ColumnHeader | None], str]:
    """Protocols that need a footnote: of a whole row (the column is None) or of one cell."""
    by_row: dict[RowKey, dict[ColumnHeader, str]] = {}
    by_column: dict[ColumnHeader, Counter[str]] = {}
    for (row, column), figure in cells.items():
        by_row.setdefault(row, {})[column] = figure.protocol
        by_column.setdefault(column, Counter())[figure.protocol] += 1
    commonest = Counter(figure.protocol for figure in cells.values()).most_common(1)[0][0]
    unusual: dict[tuple[RowKey, ColumnHeader | None], str] = {}
    for row, protocols in by_row.items():
        differing: dict[ColumnHeader | None, str] = {
            column: protocol
            for column, protocol in protocols.items()
            if protocol != by_column[column].most_common(1)[0][0]
        }
        own = set(protocols.values())
        if len(own) == 1:
            differing = {} if own == {commonest} else {None: own.pop()}
        unusual |= {(row, column): protocol for column, protocol in differing.items()}
    return unusual


def _cells(
    layout: Layout, figures: Sequence[PublishedFigure]
) -> tuple[dict[tuple[RowKey, ColumnHeader], PublishedFigure], dict[tuple[RowKey, ColumnHeader], str]]:
    """Figures by their place, and half-widths by the place of the figure that they belong to."""
    cells: dict[tuple[RowKey, ColumnHeader], PublishedFigure] = {}
    halfwidths: dict[tuple[RowKey, ColumnHeader], str] = {}
    for figure in figures:
        of = METRICS[figure.metric].halfwidth_of
        owner = PublishedFigure(figure.method, figure.protocol, figure.task, of, "0", figure.source) if of else figure
        place = ((layout.row(owner), figure.source), layout.column(owner))
        if place in (halfwidths if of else cells):
            raise ResultError(f"{layout.key}: two figures for {place[0][0]}, {place[1].label}.")
        if of:
            halfwidths[place] = figure.value
        else:
            cells[place] = figure
    lost = [place for place in halfwidths if place not in cells]
    if lost:
        raise ResultError(f"{layout.key}: an interval without its figure: {lost[0][0][0]}, {lost[0][1].label}.")
    return cells, halfwidths


def _columns(layout: Layout, found: Iterable[ColumnHeader]) -> list[ColumnHeader]:
    def place(column: ColumnHeader) -> int:
        return layout.order.index(column.label) if column.label in layout.order else len(layout.order)

    return sorted(found, key=place)


def _figure_cell(layout: Layout, figure: PublishedFigure, halfwidth: str | None, notes: tuple[int, ...]) -> Cell:
    text = figure.value
    if figure.number is not None:
        text = _padded(text, layout.decimals) if layout.places is None else f"{figure.number:.{layout.places}f}"
    return Cell(
        text=text,
        sort_value=figure.number,
        interval="" if halfwidth is None else f"± {halfwidth}",
        comparable=not figure.protocol.startswith(layout.incomparable) if layout.incomparable else True,
        footnotes=notes,
    )


def _padded(value: str, decimals: int) -> str:
    whole, _, fraction = value.partition(".")
    fraction = fraction.ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole
