"""The papers' own sets, from their original data sets: one preparer per task, none of which knows of another."""

from __future__ import annotations

from hear_audiomosaic.tasks.papers import (
    urbansound8k,
)

__all__ = ["RECIPES"]

RECIPES = {module.RECIPE.name: module.RECIPE for module in (urbansound8k,)}
"""Task name -> how it is made."""
