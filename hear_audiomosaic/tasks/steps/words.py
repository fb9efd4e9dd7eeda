"""Speech Commands as it is published: a folder a word, lists of what validates and tests, and the rule behind them.

Source: Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv 1804.03209;
download.tensorflow.org/data. The rule is that of the archive's ``README.md`` (``which_set``), which made the lists.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.names import hashed_percent
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, archive, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["spoken_words", "words_recipe"]

_LISTS = {"valid": "validation_list.txt", "test": "testing_list.txt"}
_NOISE = "_background_noise_"

_log = logging.getLogger(__name__)


def words_recipe(name: str, version: str, words: Collection[str], md5: str | None = None) -> Recipe:
    """The task of one edition.

    Args:
        name: of the task.
        version: of the set, "v0.01" or "v0.02".
        words: that it has.
        md5: of its archive, where it is known.
    """
    edition = f"speech_commands_{version}"
    url = f"http://download.tensorflow.org/data/{edition}.tar.gz"

    def read(sources: Sources, settings: Settings) -> Iterator[Found]:
        return spoken_words(sources, words, edition)

    return Recipe(
        values={
            "task_name": name,
            "version": version,
            "embedding_type": "scene",
            "prediction_type": "multiclass",
            "split_mode": "trainvaltest",
            "sample_duration": 1.0,
            "evaluation": ["top1_acc"],
            "download_urls": [archive("train", url) if md5 is None else archive("train", url, md5)],
            "default_mode": "full",
        },
        modes={"full": {"max_task_duration_by_split": whole_splits()}},
        read=read,
        needs=f"The folders of words and the two lists are in {edition}.tar.gz (download.tensorflow.org/data).",
        rules=RULES_OF_PAPERS,
        keeps_groups=True,
    )


def spoken_words(sources: Sources, words: Collection[str], edition: str) -> Iterator[Found]:
    """All recordings of words; what no list names is train. Background noise is none. The speaker is the group.

    Where both lists are absent, the rule of the set's README takes their place: of the speaker's hash, the first tenth
    is valid, the second is test.

    Args:
        sources: where the set is.
        words: that it has.
        edition: what it is called, for messages.

    Raises:
        TaskError: a folder of a word or one of the two lists is absent, or there are words that the edition lacks.
    """
    root = sources.get(f"{min(words)}").parent
    there = {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}
    if there != set(words):
        odd = min(there ^ set(words))
        what = "lacks" if odd in words else "has"
        raise TaskError(
            f"{root} {what} the word '{odd}'; {edition} has the {len(words)} words {', '.join(sorted(words))}. Is it "
            "whole, and of this version?"
        )
    split_of = _listed(root, edition)
    for name, split in split_of.items():
        yield _clip(root, name, split)
    for path in sorted(root.glob("*/*.wav")):
        name = path.relative_to(root).as_posix()
        if path.parent.name in words and name not in split_of:
            yield _clip(root, name, "train")


def _listed(root: Path, edition: str) -> Mapping[str, str]:
    """Inner name -> valid or test."""
    absent = [name for name in _LISTS.values() if not (root / name).is_file()]
    if len(absent) == 1:
        raise TaskError(f"{root} has no '{absent[0]}'; it is in the archive of {edition}, beside the folders of words")
    if absent:
        _log.warning("%s has no lists of what validates and tests; the hash rule of the set's README decides", root)
        names = (path.relative_to(root).as_posix() for path in sorted(root.glob("[!_.]*/*.wav")))
        return {name: split for name in names if (split := _by_rule(name)) != "train"}
    split_of: dict[str, str] = {}
    for split, table in _LISTS.items():
        for name in (root / table).read_text(encoding="utf-8").split():
            if split_of.setdefault(name, split) != split:
                raise TaskError(f"{root}: {' and '.join(_LISTS.values())} both name '{name}'")
    return split_of


def _by_rule(name: str) -> str:
    percent = hashed_percent(_speaker(name))
    return "valid" if percent < 10 else "test" if percent < 20 else "train"


def _speaker(name: str) -> str:
    return re.sub(r"_nohash_.*$", "", name.rsplit("/", 1)[-1])


def _clip(root: Path, name: str, split: str) -> Found:
    word, _, file = name.partition("/")
    if word == _NOISE or not file.endswith(".wav"):
        raise TaskError(f"{root}: a list names '{name}', which is no recording of a word")
    return Found(str(root / name), f"{word}_{file.removesuffix('.wav')}", (word,), split, key=_speaker(name))
