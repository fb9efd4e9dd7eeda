"""Surge: the pitch of single notes of a synthesiser, MIDI 21 to 108: 2084 presets, 183075 notes of 4 s.

Source: Turian, Shier, Tzanetakis, McNally, Henry, "One billion audio sounds from GPU-enabled modular synthesis", DAFx
2021; zenodo.org/record/4677097 (surge-velocity64-2K.tar). Licence: see the record. Layout:
``surge/PRESET-velocity64/NOTE.ogg``; the last digits of a file's name are its note. The preset is the group: no preset
is in two splits.

Modes, by who drew the splits, since the data set has none:

- evar: EVAR's (github.com/nttcslab/eval-audio-repr, ``evar/predefined/dataset_surge_tone_splits.csv``), which the
  papers use. It was drawn without a seed, so that file must be given, too.
- full: 80 : 10 : 10 of the presets, by HEAR's seeded draw. Deviation: figures on it are not comparable with the
  papers'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, archive, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_SPLITS_OF_EVAR = "dataset_surge_tone_splits.csv"
_LOWEST, _HIGHEST = 21, 108


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    split_of = _splits(sources.get(_SPLITS_OF_EVAR)) if settings.mode == "evar" else None
    for path in _recordings(sources):
        preset, note = path.parent.name, _note(path)
        if split_of is not None and preset not in split_of:
            raise TaskError(f"{_SPLITS_OF_EVAR} does not say the split of the preset '{preset}' ({path.parent})")
        split = "train" if split_of is None else split_of[preset]
        yield Found(str(path), f"{preset}_{note:03d}", (note,), split, key=preset)


def _recordings(sources: Sources) -> list[Path]:
    found = sorted(path for folder in sources.folders for path in folder.rglob("*-velocity*/[!.]*.ogg"))
    if not found:
        raise TaskError(f"The sources (--from) have no 'PRESET-velocity64/NOTE.ogg'. {_NEEDS}")
    return found


def _note(path: Path) -> int:
    digits = re.search(r"\d+$", path.stem)
    note = int(digits[0]) if digits else 0
    if not _LOWEST <= note <= _HIGHEST:
        raise TaskError(f"{path}: its name should end with a MIDI note from {_LOWEST} to {_HIGHEST}")
    return note


def _splits(table: Path) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for row in table_rows(table, "tone", "split"):
        if row["split"] not in ("train", "valid", "test"):
            raise TaskError(f"{table}: '{row['tone']}' has the split '{row['split']}'; expected train, valid or test")
        split_of[row["tone"]] = row["split"]
    return split_of


_NEEDS = (
    "The recordings are in surge-velocity64-2K.tar (zenodo.org/record/4677097). The mode evar also needs "
    f"{_SPLITS_OF_EVAR}, which is in github.com/nttcslab/eval-audio-repr, evar/predefined: give it, too."
)

RECIPE = Recipe(
    values={
        "task_name": "surge_pitch",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 4.0,
        "evaluation": ["pitch_acc", "chroma_acc"],
        "download_urls": [archive("all", "https://zenodo.org/record/4677097/files/surge-velocity64-2K.tar")],
        "default_mode": "evar",
    },
    modes={
        "evar": {"max_task_duration_by_split": whole_splits()},
        "full": {"max_task_duration_by_split": whole_splits()},
    },
    read=_read,
    needs=_NEEDS,
    rules=RULES_OF_PAPERS,
    keeps_groups=True,
)
