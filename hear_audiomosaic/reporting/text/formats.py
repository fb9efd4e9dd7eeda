"""Formats of numbers, settings and lists, the same in all formats of a report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hear_audiomosaic.statistics import Interval

__all__ = [
    "MINUS",
    "MISSING",
    "UNTRAINED",
    "bracketed",
    "count",
    "decimals",
    "interval_text",
    "label_key",
    "listing",
    "marked_label",
    "percent",
    "plain_label",
    "setting",
    "settings",
]

MINUS = "\N{MINUS SIGN}"

MISSING = "\N{EN DASH}"
"""In place of a missing value."""

UNTRAINED = "[UNTRAINED]"
"""Marks an encoder with random weights."""

_NOT_FINITE = {"inf": "∞", "infinity": "∞", "-inf": "-∞", "-infinity": "-∞", "nan": "NaN"}


def decimals(value: float | str | None, places: int = 3) -> str:
    """A number with a fixed number of decimals; ``–`` for None, ``∞`` and ``NaN`` for values that are not finite.

    In free-form fields of result files such values are words; a word is read as its value.
    """
    if value is None:
        return MISSING
    if isinstance(value, str):
        return _NOT_FINITE.get(value.lower(), value)
    if not math.isfinite(value):
        return _NOT_FINITE[str(float(value))]
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text


def percent(share: float) -> str:
    """A level or share of 0 .. 1 in per cent: ``95 %``."""
    return f"{100 * share:g} %"


def count(value: int | None) -> str:
    """A whole number in groups of three digits, separated by a narrow no-break space."""
    return MISSING if value is None else f"{value:,}".replace(",", "\u202f")


def setting(value: Any) -> str:
    """The value of a hyper-parameter: short, but never rounded."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _exact(value)
    if isinstance(value, Mapping):
        return settings(value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting(part) for part in value)
    return MISSING if value is None else str(value)


def _exact(value: float) -> str:
    """All digits of a number; ``∞`` and ``NaN`` for values that are not finite."""
    return repr(value) if math.isfinite(value) else _NOT_FINITE[str(value)]


def settings(pairs: Iterable[tuple[str, Any]]) -> str:
    """Named settings in one line; ``–`` when there is none."""
    return ", ".join(f"{name} {setting(value)}" for name, value in pairs) or MISSING


def listing(names: Iterable[str]) -> str:
    """Names in one line: ``a, b and c``."""
    parts = list(names)
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def plain_label(label: str) -> str:
    """An encoder's label without the mark ``(untrained)``; the report has a more visible one."""
    return re.sub(r"\s*[(\[]untrained[)\]]\s*", " ", label, flags=re.IGNORECASE).strip() or label


def marked_label(label: str, untrained: bool) -> str:
    """An encoder's label, with its mark where it has random weights."""
    return f"{label} {UNTRAINED}" if untrained else label


def label_key(text: str) -> str:
    """Lower-case letters, digits and hyphens, which every tool takes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def bracketed(low: float, high: float, places: int = 3) -> str:
    """An interval as ``[0.812, 0.845]``; empty where it has no ends."""
    return "" if math.isnan(low) or math.isnan(high) else f"[{decimals(low, places)}, {decimals(high, places)}]"


def interval_text(interval: Interval | None, places: int = 3) -> str:
    """An interval as ``[0.812, 0.845]``; empty where there is none."""
    return "" if interval is None else bracketed(interval.low, interval.high, places)
