"""The controlled comparison, ``reports/controlled``: :func:`run`."""

from __future__ import annotations

from hear_audiomosaic.reproduce.controlled.comparison import run

__all__ = ["run"]
