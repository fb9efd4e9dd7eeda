"""Formats of numbers, settings and lists, the same in all formats of a report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MISSING", "count", "decimals", "listing", "percent", "plain_label", "setting", "settings"]

MISSING = "\N{EN DASH}"
"""In place of a missing value."""

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
