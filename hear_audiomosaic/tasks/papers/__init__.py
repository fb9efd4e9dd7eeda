"""The papers' own sets, from their original data sets: one preparer per task, none of which knows of another."""

from __future__ import annotations

from hear_audiomosaic.tasks.papers import (
    audioset_2m,
    audioset_20k,
    envsdd_ata,
    envsdd_tta,
    nsynth_instrument,
    speech_commands_v1,
    speech_commands_v2,
    surge_pitch,
    tut_scenes_2017,
    urbansound8k,
    voxceleb1,
    voxforge,
)

__all__ = ["RECIPES"]

RECIPES = {
    module.RECIPE.name: module.RECIPE
    for module in (
        audioset_20k,
        audioset_2m,
        envsdd_ata,
        envsdd_tta,
        nsynth_instrument,
        speech_commands_v1,
        speech_commands_v2,
        surge_pitch,
        tut_scenes_2017,
        urbansound8k,
        voxceleb1,
        voxforge,
    )
}
"""Task name -> how it is made."""
