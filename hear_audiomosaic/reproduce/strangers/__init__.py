"""Strangers' encoders beside the methods, on real recordings: ``reports/strangers``.

- :func:`run`: the recipe.
- ``modules/``: one HEAR module per stranger. They import numpy and the stranger's packages only, since each runs in an
  interpreter of its own, which does not have this library.
- ``requirements/``: what those interpreters have, pinned.
"""

from __future__ import annotations

from hear_audiomosaic.reproduce.strangers.comparison import run

__all__ = ["run"]
