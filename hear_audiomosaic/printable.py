"""Text for a terminal, in which nothing can be taken for a command to it."""

from __future__ import annotations

import re

__all__ = ["printable"]

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
