"""Encoders that installed packages register, by the entry-point group ``hear_audiomosaic.encoders``."""

from __future__ import annotations

from importlib.metadata import entry_points

__all__ = ["ENTRY_POINT_GROUP", "registered_encoders"]

ENTRY_POINT_GROUP = "hear_audiomosaic.encoders"


def registered_encoders() -> dict[str, str]:
    """Registered short names and the modules they stand for, sorted by name."""
    return {point.name: point.value for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name)}
