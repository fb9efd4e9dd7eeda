"""From figures to sheets: a layout says which figures make a table and what stands in its rows and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.published.figures import METRICS, PublishedFigure
from hear_audiomosaic.reporting.tables.model import Entry, Heading, Line, Sheet, mark_best
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["Layout", "method_row", "sheets", "task_column"]


def method_row(figure: PublishedFigure) -> str:
    """One row per method."""
    return figure.method


def task_column(figure: PublishedFigure) -> Heading:
    """One column per task and metric."""
    metric = METRICS[figure.metric]
    return Heading(figure.task, metric.label, metric.better)


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
    """Whether rows or headings name the protocol already."""
    column: Callable[[PublishedFigure], Heading] = task_column
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


def sheets(figures: Sequence[PublishedFigure], layouts: Iterable[Layout]) -> tuple[Sheet, ...]:
    """Lay out all figures.

    Args:
        figures: in their order, which is the order of rows and columns.
        layouts: a figure goes into the first that takes it.

    Returns:
        One sheet per layout.

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
    return tuple(_sheet(layout, members[layout.key]) for layout in layouts)


class _Footnotes:
    """Footnotes in order of first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


Row = tuple[str, str]
"""Label and source."""


def _sheet(layout: Layout, figures: Sequence[PublishedFigure]) -> Sheet:
    cells, halfwidths = _cells(layout, figures)
    headings = _headings(layout, dict.fromkeys(heading for _, heading in cells))
    source = _usual_source(dict.fromkeys(row for row, _ in cells))
    unusual = {} if layout.protocol_shown else _unusual_protocols(cells)
    notes = _Footnotes()
    lines = []
    for row in dict.fromkeys(row for row, _ in cells):
        marks = [f"Source: {row[1]}."] if row[1] != source else []
        marks += [f"Protocol: {unusual[row, None]}."] if (row, None) in unusual else []
        line_notes = tuple(map(notes.number, marks))
        entries = []
        for heading in headings:
            figure = cells.get((row, heading))
            texts = [f"Protocol: {unusual[row, heading]}."] if (row, heading) in unusual else []
            texts += [layout.cell_notes[key] for key in [(row[0], heading.label)] if key in layout.cell_notes]
            halfwidth = halfwidths.get((row, heading))
            entries.append(
                _entry(layout, figure, halfwidth, tuple(map(notes.number, texts))) if figure is not None else Entry()
            )
        lines.append(Line(row[0], tuple(entries), line_notes, source=row[1]))
    several = any(row[1] != source for row, _ in cells)
    about = [f"Source{', unless noted' if several else ''}: {source}."] if source else []
    if not layout.protocol_shown:
        usual = [
            figure.protocol
            for (row, heading), figure in cells.items()
            if (row, None) not in unusual and (row, heading) not in unusual
        ]
        protocols = list(dict.fromkeys(usual))
        name = "Protocols" if len(protocols) > 1 else "Protocol"
        about.append(f"{name}{', unless noted' if unusual else ''}: {'; '.join(protocols)}.")
    if halfwidths:
        about.append("± is the half-width of a 95 % confidence interval, as published.")
    return Sheet(
        key=layout.key,
        title=layout.title,
        stub=layout.stub,
        headings=tuple(headings),
        lines=mark_best(headings, lines, layout.best == "table") if layout.best else tuple(lines),
        notes=tuple(notes.texts),
        remarks=(*about, *layout.remarks),
    )


def _usual_source(rows: Iterable[Row]) -> str:
    """The source of more than half of the rows; empty if there is none."""
    counts = Counter(source for _, source in rows)
    source, n = counts.most_common(1)[0]
    return source if 2 * n > counts.total() else ""


def _unusual_protocols(cells: Mapping[tuple[Row, Heading], PublishedFigure]) -> dict[tuple[Row, Heading | None], str]:
    """Protocols that need a footnote: of a whole row (the heading is None) or of one cell."""
    by_row: dict[Row, dict[Heading, str]] = {}
    by_column: dict[Heading, Counter[str]] = {}
    for (row, heading), figure in cells.items():
        by_row.setdefault(row, {})[heading] = figure.protocol
        by_column.setdefault(heading, Counter())[figure.protocol] += 1
    commonest = Counter(figure.protocol for figure in cells.values()).most_common(1)[0][0]
    unusual: dict[tuple[Row, Heading | None], str] = {}
    for row, protocols in by_row.items():
        differing: dict[Heading | None, str] = {
            heading: protocol
            for heading, protocol in protocols.items()
            if protocol != by_column[heading].most_common(1)[0][0]
        }
        own = set(protocols.values())
        if len(own) == 1:
            differing = {} if own == {commonest} else {None: own.pop()}
        unusual |= {(row, heading): protocol for heading, protocol in differing.items()}
    return unusual


def _cells(
    layout: Layout, figures: Sequence[PublishedFigure]
) -> tuple[dict[tuple[Row, Heading], PublishedFigure], dict[tuple[Row, Heading], str]]:
    """Figures by their place, and half-widths by the place of the figure that they belong to."""
    cells: dict[tuple[Row, Heading], PublishedFigure] = {}
    halfwidths: dict[tuple[Row, Heading], str] = {}
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


def _headings(layout: Layout, found: Iterable[Heading]) -> list[Heading]:
    def place(heading: Heading) -> int:
        return layout.order.index(heading.label) if heading.label in layout.order else len(layout.order)

    return sorted(found, key=place)


def _entry(layout: Layout, figure: PublishedFigure, halfwidth: str | None, notes: tuple[int, ...]) -> Entry:
    text = figure.value
    if figure.number is not None:
        text = _padded(text, layout.decimals) if layout.places is None else f"{figure.number:.{layout.places}f}"
    return Entry(
        text=text,
        number=figure.number,
        spread="" if halfwidth is None else f"± {halfwidth}",
        comparable=not figure.protocol.startswith(layout.incomparable) if layout.incomparable else True,
        notes=notes,
    )


def _padded(value: str, decimals: int) -> str:
    whole, _, fraction = value.partition(".")
    fraction = fraction.ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole
