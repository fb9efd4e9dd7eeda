"""MAESTRO: which notes sound in the first 120 s of 185 piano recordings, five new folds of 37.

Source: Hawthorne et al., "Enabling factorized piano music modeling and generation with the MAESTRO dataset", ICLR 2019;
magenta.tensorflow.org/datasets/maestro, v3.0.0. Licence: CC BY-NC-SA 4.0. Rule: hearpreprocess 2021.1.1,
``maestro.py``: notes of the MIDI files, pitches 21 to 108, made longer by the sustain pedal
(:mod:`hear_audiomosaic.tasks.steps.midi`); all splits pooled; 4500 s of every fold. Labels are integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.midi import read_midi, sustained
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_LOWEST, _HIGHEST = 21, 108
_MOST_OFF_S = 0.05


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("maestro-v3.0.0.csv")
    off_s: list[float] = []
    for row in table_rows(table, "audio_filename", "midi_filename", "duration"):
        audio = table.parent / row["audio_filename"]
        if settings.is_small and not audio.exists():
            continue
        clip, end_s = _clip(audio, table.parent / row["midi_filename"], settings)
        try:
            off_s.append(abs(float(row["duration"]) - end_s))
        except ValueError as error:
            raise TaskError(f"{table}: '{row['audio_filename']}' has the duration '{row['duration']}'") from error
        yield clip
    if off_s and sum(off_s) / len(off_s) >= _MOST_OFF_S:
        raise TaskError(
            f"{table}: the MIDI files end {sum(off_s) / len(off_s):.3f} s (mean) beside the durations given there; "
            f"expected less than {_MOST_OFF_S} s. Are they of another version?"
        )


def _clip(audio: Path, midi: Path, settings: Settings) -> tuple[Found, float]:
    """A piece with the events of its clip, and when its last note ends (s)."""
    piece = read_midi(midi)
    last_ms = (settings.duration_s or float("inf")) * 1000.0
    events = [
        (note.start * 1000.0, note.end * 1000.0, note.pitch)
        for note in sustained(piece)
        if _LOWEST <= note.pitch <= _HIGHEST
    ]
    inside = tuple(event for event in events if event[0] < last_ms)
    return Found(str(audio), audio.stem, inside, n_later=len(events) - len(inside)), piece.end


RECIPE = Recipe(
    values={
        "task_name": "maestro",
        "version": "v3.0.0",
        "embedding_type": "event",
        "prediction_type": "multilabel",
        "split_mode": "new_split_kfold",
        "nfolds": 5,
        "sample_duration": 120.0,
        "evaluation": ["event_onset_50ms_fms", "event_onset_offset_50ms_20perc_fms"],
        "use_scoring_for_early_stopping": False,
        "evaluation_params": {
            "event_postprocessing_grid": {"median_filter_ms": [150], "min_duration": [50]},
            "task_specific_param_grid": {"max_epochs": [50], "check_val_every_n_epoch": [1]},
        },
        "download_urls": [
            archive(
                "train_test_valid",
                "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/maestro-v3.0.0.zip",
                "41941abdcd786c8066d532002e3b79b9",
            )
        ],
        "default_mode": "5h",
    },
    modes={
        "5h": {"max_task_duration_by_fold": 3600 * 5 / 4},
        "small": {
            "download_urls": [
                archive("train_test_valid", f"{SECRET}/maestro-v3.0.0-small.zip", "852a3e0436d0f9d12e6566f9c61ed094")
            ],
            "sample_duration": 5.0,
            "nfolds": 4,
            "max_task_duration_by_fold": None,
        },
    },
    read=_read,
    needs="It is in maestro-v3.0.0.zip.",
)
