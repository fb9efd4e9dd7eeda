"""Small pictures for a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping

from hear_audiomosaic.cli._common import on_one_line

__all__ = ["bars"]

_MOST_COLUMNS = 100
_LONGEST_NAME = 30


def bars(counts: Mapping[str, int], most: int = 20, columns: int | None = None) -> list[str]:
    """One line a name, with its number and a bar of it; the commonest first, equal ones in their order.

    Args:
        counts: name -> number.
        most: names that are shown; how many more there are, and of what numbers, is said.
        columns: width; by default the terminal's, at most 100.
    """
    if not counts:
        return []
    width = min(_MOST_COLUMNS, columns or shutil.get_terminal_size().columns)
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    longest_name = max(6, min(_LONGEST_NAME, width // 3))
    shown = [(_cut(on_one_line(name), longest_name), number) for name, number in ordered[:most]]
    names, digits = max(len(name) for name, _ in shown), len(f"{ordered[0][1]}")
    room = max(1, width - names - digits - 4)
    block = _block()
    lines = []
    for name, number in shown:
        length = max(1 if number else 0, round(room * number / max(1, ordered[0][1])))
        lines.append(f"  {name:{names}} {number:{digits}} {block * length}".rstrip())
    if rest := [number for _, number in ordered[most:]]:
        spread = f"{rest[-1]}" if rest[0] == rest[-1] else f"{rest[-1]} to {rest[0]}"
        lines.append(f"  and {len(rest)} more, of {spread} each")
    return lines


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."


def _block() -> str:
    """A full block, where the terminal can show one."""
    try:
        "\u2588".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "\u2588"
