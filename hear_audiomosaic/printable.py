"""Text for a terminal, in which nothing can be taken for a command to it; and what bounds a message's length."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["listed", "printable", "shortened"]

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed; ESC and CSI among them, and carriage return
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    "\u2028\u2029\ud800-\udfff]"  # line ends of other systems; halves of characters, which cannot be encoded
)


def printable(text: object) -> str:
    r"""A text with its control characters written out (``\u001b``, as in JSON, which so stays JSON).

    Args:
        text: anything; tabs and line feeds stay.
    """
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", str(text))


def shortened(text: object, most: int = 80) -> str:
    """A text of at most ``most`` letters; of a longer one the beginning, and how long it is."""
    whole = str(text)
    if len(whole) <= most:
        return whole
    ending = f"... ({len(whole)} letters)"
    return whole[: max(0, most - len(ending))] + ending


def listed(names: Iterable[object], most: int = 5, between: str = ", ") -> str:
    """The first few names for a message, and how many more there are; each of them shortened.

    Args:
        names: any number of them, in the order in which they are to be shown.
        most: names to be shown.
        between: what separates them.
    """
    everything = list(names)
    shown = [shortened(name, 400) for name in everything[:most]]
    return between.join([*shown, *([f"and {len(everything) - most} more"] if len(everything) > most else [])])
