"""Any text as Markdown (GitHub's dialect) that shows it as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from hear_audiomosaic.printable import printable
from hear_audiomosaic.reporting.text.formats import MISSING

__all__ = ["code", "fenced", "pipes", "safe", "summary"]


def safe(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no end of a table cell."""
    text = html.escape(_one_line(text), quote=False)
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)  # a backslash before a digit would be shown
    return re.sub(r"^(#{1,6}|[>+-]|-(?=-+$))(?=\s|-+$)", r"\\\1", text)


def code(text: str) -> str:
    """Text as a code span that may stand in a table; as HTML where it holds HTML, so that none is raw in any reader."""
    text = _one_line(text)
    if "<" in text or ">" in text:
        return f"<code>{safe(text)}</code>"
    text = text.replace("|", "¦")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text else MISSING


def fenced(lines: Iterable[str], language: str) -> str:
    """Lines as a block of code that nothing in them can end; as HTML where they hold HTML, as :func:`code`."""
    lines = [printable(line) for line in lines]
    if any("<" in line or ">" in line for line in lines):
        text = html.escape("\n".join(lines), quote=False)
        return f'<pre lang="{language}"><code>{text}\n</code></pre>'
    longest = max((len(ticks) for line in lines for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, 1 + longest)
    return "\n".join([f"{fence}{language}", *lines, fence])


def summary(text: str) -> str:
    """Text inside a line of HTML, which a blank line would end."""
    return html.escape(_one_line(text)).replace("](", "]&#40;")  # a link in readers that mix both


def _one_line(text: str) -> str:
    return printable(" ".join(str(text).split()))


def pipes(header: Sequence[str], rows: Sequence[Sequence[str]], words: Iterable[int] = (0,)) -> str:
    """A table of texts that are safe already.

    Args:
        header: its head.
        rows: its cells.
        words: indices of the columns to the left; the others are to the right.
    """
    left = set(words)
    rule = ["---" if i in left else "---:" for i in range(len(header))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *rows])
