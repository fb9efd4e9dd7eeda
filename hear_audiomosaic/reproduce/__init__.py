"""Reports of this project from scratch, by their committed recipes.

- :func:`controlled`: the controlled comparison, ``reports/controlled``.
"""

from __future__ import annotations

from hear_audiomosaic.reproduce.controlled import controlled

__all__ = ["controlled"]
