"""Drawing of SVG elements inside the page, in the colours of the page, the same bytes every time.

Colours and fonts come from the page's style sheet through classes (``tint``, ``counter``, ``quiet``, ``rule``,
``strong``), so a figure follows light, dark and print. Lengths are CSS pixels; nothing is scaled, so the
size of text is constant.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from markupsafe import Markup, escape

from hear_audiomosaic.reporting.text.formats import UNTRAINED

__all__ = ["NARROW", "Drawing", "axis_ticks", "named", "short", "text_width"]

NARROW = 340.0
"""Width of a figure that fits a telephone without scrolling."""

Anchor = Literal["start", "middle", "end"]


class Drawing:
    """An SVG element under construction.

    Args:
        width: in CSS pixels.
        height: in CSS pixels.
        label: text alternative for readers who cannot see it, with the numbers.
    """

    def __init__(self, width: float, height: float, label: str) -> None:
        self.width, self.height, self.label = width, height, label
        self._parts: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str = "", *, opacity: float | None = None
    ) -> None:
        """A filled box."""
        self._add("rect", kind, x=x, y=y, width=width, height=height, opacity=opacity)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "rule") -> None:
        """A straight stroke."""
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def circle(self, x: float, y: float, radius: float, kind: str = "") -> None:
        """A filled disc."""
        self._add("circle", kind, cx=x, cy=y, r=radius)

    def path(self, commands: str, kind: str = "", *, opacity: float | None = None) -> None:
        """A filled path of ready-made commands."""
        self._parts.append(f'<path d="{commands}"{_class(kind)}{_attribute("opacity", opacity)}/>')

    def text(
        self, x: float, y: float, text: str, kind: str = "", anchor: Anchor = "start", *, turned: float = 0.0
    ) -> None:
        """Text on its base line, rotated clockwise about its anchor by ``turned`` degrees."""
        alignment = "" if anchor == "start" else f' text-anchor="{anchor}"'
        turn = f' transform="rotate({number(turned)} {number(x)} {number(y)})"' if turned else ""
        where = f'x="{number(x)}" y="{number(y)}"'
        self._parts.append(f"<text {where}{_class(kind)}{alignment}{turn}>{escape(text)}</text>")

    def markup(self) -> Markup:
        """The whole element; all text is escaped."""
        width, height = number(self.width), number(self.height)
        head = f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        return Markup(f'{head} aria-label="{escape(self.label)}">{"".join(self._parts)}</svg>')  # noqa: S704

    def _add(self, element: str, kind: str, **values: float | None) -> None:
        written = "".join(_attribute(name, value) for name, value in values.items())
        self._parts.append(f"<{element}{written}{_class(kind)}/>")


def number(value: float) -> str:
    """A length at two decimals, without trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _attribute(name: str, value: float | None) -> str:
    return "" if value is None else f' {name}="{number(value)}"'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def text_width(texts: Iterable[str], size: float) -> float:
    """Width of the widest of some texts, estimated from average widths of letters, slightly too large."""
    return max((sum(_letter(letter) for letter in text) for text in texts), default=0.0) * size


def _letter(letter: str) -> float:
    """Width over size: narrow, wide, ideograms, all others."""
    if letter in "iljtf.,:;|!'()[] ":
        return 0.38
    if letter in "mwMW@%" or letter.isupper():
        return 0.8
    return 1.0 if ord(letter) > 0x2E80 else 0.62


def short(label: str, length: int) -> str:
    """The label on one line; where it is too long, its middle is left out, because labels differ at their ends."""
    label = " ".join(label.split())
    head = length * 2 // 3
    return label if len(label) <= length else f"{label[:head]}…{label[head + 1 - length :]}"


def named(label: str, untrained: Collection[str], length: int) -> str:
    """An encoder's label in at most ``length`` letters, with a mark if it is among the untrained."""
    mark = f" {UNTRAINED}" if label in untrained else ""
    return short(label, length - len(mark)) + mark


def axis_ticks(low: float, high: float, most: int = 6) -> Sequence[float]:
    """Round numbers from ``low`` to ``high``, at most ``most`` of them, steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return (low,)
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * step for size in (1, 2, 5, 10, 20) if span / (size * step) <= most - 1 + 1e-9)
    first = math.ceil(low / step - 1e-9)
    return tuple(i * step for i in range(first, math.floor(high / step + 1e-9) + 1))
