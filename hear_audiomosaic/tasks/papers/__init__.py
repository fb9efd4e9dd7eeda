"""The papers' own sets, from their original data sets: one preparer per task, none of which knows of another."""

from __future__ import annotations

from hear_audiomosaic.tasks.papers import (
    nsynth_instrument,
    surge_pitch,
    urbansound8k,
    voxceleb1,
    voxforge,
)

__all__ = ["RECIPES"]

RECIPES = {
    module.RECIPE.name: module.RECIPE
    for module in (
        nsynth_instrument,
        surge_pitch,
        urbansound8k,
        voxceleb1,
        voxforge,
    )
}
"""Task name -> how it is made."""
