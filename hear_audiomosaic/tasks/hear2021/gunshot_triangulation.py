"""Gunshots: which of four microphones recorded it; 88 clips of 22 shots with seven firearms, one fold per firearm.

Source: Cooper, Shaw, "Gunshots recorded in an open field using iPod Touch devices", 2020; zenodo.org/record/3997406.
Licence: see the record. Rule: hearpreprocess 2021.1.1, ``gunshot_triangulation.py``: the recordings are aligned by
fixed offsets; a shot is where the first one reaches 0.8, at least 25000 samples after the shot before; the clip begins
an eighth of a second earlier and lasts 1.5 s. The first four shots are of the first firearm, then three of each.

Deviation: recordings of another rate than 48 kHz are refused instead of resampled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_RECORD = "https://zenodo.org/record/3997406/files"
_RATE_HZ = 48000
_CLIP = 72000
_SHOTS = 22
_THRESHOLD = 0.8
_APART = 25000
_BLOCK = 1 << 20
_OFFSETS = {"mic1raw": 15764451, "mic2raw16b": 13764742, "mic3raw": 9334032, "mic4raw": 6794611}
_PIECE = re.compile(r"(?P<mic>mic[1-4])_shot(?P<shot>\d+)_(?P<firearm>fid[1-7])")


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    pieces = [(path, said) for path in sources.recordings() if (said := _PIECE.fullmatch(path.stem))]
    if pieces:
        for path, said in pieces:
            yield Found(str(path), path.stem, (said["mic"],), key=said["firearm"])
        return
    recordings = [_recording(sources, name) for name in _OFFSETS]
    for shot, start in enumerate(_shots(recordings[0], _OFFSETS["mic1raw"] - _RATE_HZ)):
        firearm = f"fid{1 if shot == 0 else (shot - 1) // 3 + 1}"
        for number, (path, offset) in enumerate(zip(recordings, _OFFSETS.values(), strict=True), start=1):
            first = offset - _RATE_HZ + start - _RATE_HZ // 8
            stem = f"mic{number}_shot{shot}_{firearm}"
            yield Found(str(path), stem, (f"mic{number}",), key=firearm, cut=(first, _CLIP))


def _recording(sources: Sources, name: str) -> Path:
    found = [path for path in sources.recordings() if path.stem == name]
    if len(found) != 1:
        raise TaskError(f"The sources (--from) have {len(found)} recordings '{name}.wav'. {sources.needs}")
    rate_hz = soundfile.info(found[0]).samplerate
    if rate_hz != _RATE_HZ:
        raise TaskError(f"{found[0]} has {rate_hz} Hz; its shots are placed by samples at {_RATE_HZ} Hz")
    return found[0]


def _shots(path: Path, first: int) -> list[int]:
    """Where shots begin, in samples after sample ``first``."""
    starts: list[int] = []
    done = 0
    with soundfile.SoundFile(path) as sound:
        sound.seek(min(first, sound.frames))
        while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
            loud = np.flatnonzero(np.abs(block.mean(axis=1, dtype=np.float32).astype(np.float64)) >= _THRESHOLD) + done
            for sample in map(int, loud):
                # "more than 25000 samples ago" is noticed one sample later than it could be
                if len(starts) < _SHOTS and (not starts or sample > starts[-1] + _APART + 1):
                    starts.append(sample)
            done += len(block)
    return starts


RECIPE = Recipe(
    values={
        "task_name": "gunshot_triangulation",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 7,
        "sample_duration": 1.5,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive("train", f"{_RECORD}/mic1raw.wav?download=1", "e2f4acad742278c973e9c190fee03b5f"),
            archive("train", f"{_RECORD}/mic2raw16b.wav?download=1", "184d888f457f331f592eeb4ee5fa12e2"),
            archive("train", f"{_RECORD}/mic3raw.wav?download=1", "db2ffa4fdf8b42b98c208670f4578b4b"),
            archive("train", f"{_RECORD}/mic4raw.wav?download=1", "571da84eecf397bf0356a24400769ced"),
        ],
        "default_mode": "full",
        "max_task_duration_by_fold": None,
    },
    modes={
        "full": {},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/gunshot_triangulation.zip", "c24bfa3b60fc9a2f51169fdb9bc336fa")
            ],
            "sample_duration": 1.5,
        },
    },
    read=_read,
    needs="They are four recordings, mic1raw.wav, mic2raw16b.wav, mic3raw.wav and mic4raw.wav.",
)
