"""Speech Commands v0.02: ten words, other words, silence; 1 s each; the set's own splits.

Source: Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv 1804.03209;
download.tensorflow.org/data. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``speech_commands.py``: valid is what
``validation_list.txt`` names, test is the separate test set, clips in ``testing_list.txt`` are dropped. Background
noise is cut into seconds, half a second apart, and is silence: running_tap in valid, the rest in train. A clip is
called after its folder and its file. The mode 5h takes 16000 s of train and 2000 s of valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import soundfile

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import OPEN, Found, Recipe, Settings, archive, hours_by_split, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_WORDS = frozenset(("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"))
_SILENCE, _UNKNOWN, _NOISE = "_silence_", "_unknown_", "_background_noise_"
_SITE = "http://download.tensorflow.org/data"


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    listed = sources.get("validation_list.txt")
    train, test = listed.parent, sources.get(_UNKNOWN).parent
    valid, not_used = _names(listed), _names(train / "testing_list.txt")
    for path in sorted(test.glob("*/*.wav")):
        yield _clip(path, "test")
    for name in sorted(valid):
        yield _clip(train / name, "valid")
    for path in sorted(train.glob("[!_]*/*.wav")):
        if path.relative_to(train).as_posix() not in valid | not_used:
            yield _clip(path, "train")
    for path in sorted((train / _NOISE).glob("*.wav")):
        yield from _silence(path)


def _names(path: Path) -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8").split())


def _clip(path: Path, split: str) -> Found:
    word = path.parent.name
    stem = f"{word}_{path.stem}"
    label = word if word in _WORDS or word == _SILENCE else _UNKNOWN
    return Found(str(path), stem, (label,), split, key=re.sub(r"_nohash_.*$", "", stem))


def _silence(path: Path) -> Iterator[Found]:
    info = soundfile.info(path)
    if info.channels != 1:
        raise TaskError(f"{path} has {info.channels} channels; expected one")
    second = info.samplerate
    split = "valid" if path.stem.startswith("running_tap") else "train"
    for start in range(0, info.frames - second, second // 2):
        stem = f"{_SILENCE}_{path.stem}-{start}"
        yield Found(str(path), stem, (_SILENCE,), split, cut=(start, second))


RECIPE = Recipe(
    values={
        "task_name": "speech_commands",
        "version": "v0.0.2",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 1.0,
        "evaluation": ["top1_acc"],
        "download_urls": [
            archive("train", f"{_SITE}/speech_commands_v0.02.tar.gz", "6b74f3901214cb2c2934e98196829835"),
            archive("test", f"{_SITE}/speech_commands_test_set_v0.02.tar.gz", "854c580ee90bff80c516491c84544e32"),
        ],
        "default_mode": "5h",
    },
    modes={
        "5h": {"max_task_duration_by_split": hours_by_split(5) | {"test": None}},
        "full": {"max_task_duration_by_split": whole_splits(("test", "train", "valid"))},
        "small": {
            "download_urls": [
                archive("train", f"{OPEN}/speech_commands_v0.02-small.zip", "455123a88b8410d1f955c77ad331524f"),
                archive("test", f"{OPEN}/speech_commands_test_set_v0.02-small.zip", "26d08374a7abd13ca2f4a4b8424f41d0"),
            ],
            "max_task_duration_by_split": whole_splits(),
        },
    },
    read=_read,
    needs="They are in speech_commands_v0.02 and speech_commands_test_set_v0.02.",
)
