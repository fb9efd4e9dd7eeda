"""CSV that a spreadsheet shows and does not execute, and what it looks like to other programs.

A text that a spreadsheet would take for a formula has an apostrophe before it, as OWASP advises ("CSV Injection",
owasp.org/www-community/attacks/CSV_Injection). Numbers, negative ones too, stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

__all__ = ["csv_text", "original_text"]

_FORMULA = re.compile(r"['\s\ufeff]*(?:[=+\-@\uff1d\uff0b\uff0d\uff20]|(?<=[\t\r\n]))")
"""How a formula begins, full-width signs included; with apostrophes before it, so that one can be taken away again."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf|nan)", re.ASCII)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Text as in RFC 4180 but for its line ends, which are a line feed; no cell of it is a formula.

    Args:
        header: names of the columns.
        rows: each as long as the header.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([_no_formula(cell) for cell in row] for row in (header, *rows))
    return file.getvalue()


def original_text(cell: str) -> str:
    """What was given to :func:`csv_text` for a cell that was read from it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _no_formula(cell: str) -> str:
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")  # the writer does not quote a bare carriage return
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
