"""The tasks of HEAR 2021 from their original data sets: one preparer per task, none of which knows of another."""

from __future__ import annotations

from hear_audiomosaic.tasks.hear2021 import (
    beehive_states_fold0,
    beehive_states_fold1,
    beijing_opera,
    dcase2016_task2,
    esc50,
    fsd50k,
    gunshot_triangulation,
    libricount,
    maestro,
    mridangam_stroke,
    mridangam_tonic,
    nsynth_pitch,
    speech_commands,
    spoken_digit,
    tfds_crema_d,
    tfds_gtzan,
    tfds_gtzan_music_speech,
    vocal_imitation,
    vox_lingua_top10,
)

__all__ = ["RECIPES"]

RECIPES = {
    module.RECIPE.name: module.RECIPE
    for module in (
        beehive_states_fold0,
        beehive_states_fold1,
        beijing_opera,
        dcase2016_task2,
        esc50,
        fsd50k,
        gunshot_triangulation,
        libricount,
        maestro,
        mridangam_stroke,
        mridangam_tonic,
        nsynth_pitch,
        speech_commands,
        spoken_digit,
        tfds_crema_d,
        tfds_gtzan,
        tfds_gtzan_music_speech,
        vocal_imitation,
        vox_lingua_top10,
    )
}
"""Task name -> how it is made."""
