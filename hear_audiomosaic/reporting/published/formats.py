"""Published tables as Markdown, as CSV and as one HTML page. None of it knows what the tables are about."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from hear_audiomosaic.reporting.render.html.templates import template_environment
from hear_audiomosaic.reporting.render.markdown_text import safe
from hear_audiomosaic.reporting.tables.model import Entry, Heading, Sheet
from hear_audiomosaic.reporting.text.formats import MISSING

__all__ = ["NOT_MEASURED", "sheet_csv", "sheet_markdown", "sheets_html", "sheets_markdown"]

NOT_MEASURED = "These figures were published by others, as each table says; none was measured by this project."


def sheets_markdown(title: str, about: str, sheets: Sequence[Sheet]) -> str:
    """Write tables as a Markdown file (GitHub's dialect)."""
    blocks = [f"# {safe(title)}", f"{safe(about)} {NOT_MEASURED}", *map(sheet_markdown, sheets)]
    return "\n\n".join(blocks) + "\n"


def sheet_markdown(sheet: Sheet) -> str:
    """Write one table as Markdown, with its title and its footnotes."""
    header = [safe(sheet.stub)]
    for heading in sheet.headings:
        small = " ".join(part for part in (safe(heading.unit), heading.arrow) if part)
        header.append("<br>".join(part for part in (safe(_full(heading)), small) if part))
    rows = [[safe(line.label) + _marks(line.notes), *map(_cell, line.entries)] for line in sheet.lines]
    notes = [f"{_marks((number,))} {safe(note)}" for number, note in enumerate(sheet.notes, start=1)]
    under = "<br>\n".join([*notes, *map(safe, sheet.remarks), *([sheet.legend] if sheet.legend else [])])
    rule = ["---", *("---" if words else "---:" for words in sheet.text_columns)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *rows))
    return "\n\n".join(part for part in (f"## {safe(sheet.title)}", table, under) if part)


def sheet_csv(sheet: Sheet) -> str:
    """Write one table as CSV: a missing value is empty, a spread has a column of its own, the source comes last."""
    spread = [any(line.entries[i].spread for line in sheet.lines) for i in range(len(sheet.headings))]
    header = [sheet.stub]
    for heading, spreads in zip(sheet.headings, spread, strict=True):
        name = _full(heading) + (f" ({heading.unit})" if heading.unit else "")
        header += [name, f"{name} spread"] if spreads else [name]
    header += [*(["notes"] if sheet.notes else []), "source"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for line in sheet.lines:
        row = [line.label]
        for entry, spreads in zip(line.entries, spread, strict=True):
            text = "" if entry.text == MISSING else entry.text
            row += [text, entry.spread.removeprefix("± ")] if spreads else [text]
        numbers = dict.fromkeys([*line.notes, *(note for entry in line.entries for note in entry.notes)])
        row += [" ".join(sheet.notes[number - 1] for number in numbers)] if sheet.notes else []
        writer.writerow([*row, line.source])
    return file.getvalue()


def sheets_html(title: str, about: str, sheets: Sequence[Sheet]) -> str:
    """Write tables as one HTML page that needs nothing else. Everything in them is escaped."""
    environment = template_environment()
    environment.filters["sort_value"] = _sort_value
    template = environment.get_template("published.html.jinja")
    return template.render(title=title, about=about, sheets=sheets, not_measured=NOT_MEASURED)


def _full(heading: Heading) -> str:
    return f"{heading.group}: {heading.label}" if heading.group else heading.label


def _cell(entry: Entry) -> str:
    text = (f"**{safe(entry.text)}**" if entry.best else safe(entry.text)) + ("†" if entry.tied else "")
    return text + _marks(entry.notes) + (f" {safe(entry.spread)}" if entry.spread else "")


def _marks(notes: Sequence[int]) -> str:
    return f"<sup>{','.join(map(str, notes))}</sup>" if notes else ""


def _sort_value(entry: Entry) -> str:
    """What the page's script sorts by; empty for what has no place in an order and so comes last."""
    return "" if entry.number is None else repr(entry.number)
