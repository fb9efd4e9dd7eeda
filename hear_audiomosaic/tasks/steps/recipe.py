"""What a preparer says about its task: the values that hearpreprocess writes down, and the clips that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlparse

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = [
    "OPEN",
    "RULES_OF_PAPERS",
    "SECRET",
    "Found",
    "Published",
    "Recipe",
    "Settings",
    "archive",
    "hours_by_split",
    "whole_splits",
]

OPEN = "https://github.com/hearbenchmark/hear2021-open-tasks-downsampled/raw/main"
"""Where the small archives of the open tasks of 2021 stand."""
SECRET = "https://github.com/kmarufraj/s-task/raw/main"  # noqa: S105 - a place, not a password
"""Where the small archives of the tasks that were secret in 2021 stand."""
RULES_OF_PAPERS = "the papers' sets 1, resampled without dither"
"""What the tasks of the suite "papers" are made by; changes when the same sources would give other clips."""

_RULES = "hearpreprocess 2021.1.1, resampled without dither"

_TRAIN_VALID_TEST = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Found:
    """A clip that a data set has, and what it is labelled with.

    Attributes:
        audio: path of the recording.
        stem: name of the clip without ".wav"; unique in the task.
        labels: as they are to stand in the split files; in event tasks (start in ms, end in ms, label).
        split: where the data set puts it; "train" if it has no splits.
        key: what must stay in one split (firearm, instrument, ...); the stem if nothing more is said.
        cut: first sample and number of samples of the clip in its recording; None: from its beginning.
        n_later: events after the clip's end, which are not in ``labels`` but count when hearpreprocess draws an order.
    """

    audio: str
    stem: str
    labels: tuple[Any, ...]
    split: str = "train"
    key: str = ""
    cut: tuple[int, int] | None = None
    n_later: int = 0


@dataclass(frozen=True)
class Published:
    """A file as it is published: name, MD5 (empty: not known) and address."""

    name: str
    md5: str
    url: str


@dataclass(frozen=True)
class Settings:
    """A task in one mode: what :class:`Recipe` says, with the mode's own values.

    ``labels`` are those that the caller chose, for tasks that keep some of a data set's labels; empty: by the rule.
    ``drops_missing``, ``lacks_labels`` and ``keeps_groups`` are the recipe's.
    """

    mode: str
    values: Mapping[str, Any]
    labels: tuple[str, ...] = ()
    drops_missing: bool = False
    lacks_labels: bool = False
    keeps_groups: bool = False

    @property
    def folder(self) -> str:
        """Name of the task's folder."""
        return f"{self.values['task_name']}-{self.values['version']}-{self.mode}"

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        if self.values["split_mode"] == "trainvaltest":
            return _TRAIN_VALID_TEST
        return tuple(f"fold{i:02d}" for i in range(self.values["nfolds"]))

    @property
    def is_small(self) -> bool:
        """Whether this is the mode for trying things, in which clips without a recording are dropped."""
        return self.mode == "small"

    @property
    def is_event(self) -> bool:
        """Whether labels are events."""
        return bool(self.values["embedding_type"] == "event")

    @property
    def duration_s(self) -> float | None:
        """Seconds of every clip; None: as long as it is."""
        duration: float | None = self.values["sample_duration"]
        return duration

    def most_seconds(self, split: str) -> float | None:
        """Of audio in a split; None: all of it."""
        if self.values["split_mode"] == "trainvaltest":
            most: float | None = self.values["max_task_duration_by_split"][split]
        else:
            most = self.values["max_task_duration_by_fold"]
        return most

    @property
    def metadata(self) -> dict[str, Any]:
        """Content of ``task_metadata.json``, in hearpreprocess's order of keys."""
        return {**self.values, "tmp_dir": "_workdir", "mode": self.mode, "splits": list(self.splits)}


@dataclass(frozen=True)
class Recipe:
    """How one task is made from its data set.

    Attributes:
        values: hearpreprocess's ``generic_task_config`` without ``modes``, in its order.
        modes: mode -> values that it replaces or adds.
        read: finds the clips; in no particular order, with unique stems.
        needs: what the sources must hold, for the message when they do not.
        chooses_labels: whether it keeps some of the data set's labels only.
        rules: what it is made by, for ``preparation.json``; changes when the same sources would give other clips.
        drops_missing: whether recordings that its tables name may be missing, as of videos that were withdrawn.
        lacks_labels: whether a split may lack labels that another has.
        keeps_groups: whether the keys of clips (recording, speaker, instrument) are written as ``groups.json``, which
            hearpreprocess does not have: clips of one group are no independent units of a test.
    """

    values: Mapping[str, Any]
    modes: Mapping[str, Mapping[str, Any]]
    read: Callable[[Sources, Settings], Iterable[Found]]
    needs: str = ""
    chooses_labels: bool = False
    rules: str = _RULES
    drops_missing: bool = False
    lacks_labels: bool = False
    keeps_groups: bool = False

    @property
    def name(self) -> str:
        """Task name without version and mode."""
        return str(self.values["task_name"])

    @property
    def folders(self) -> dict[str, str]:
        """Mode -> name of the task's folder."""
        return {mode: self.settings(mode).folder for mode in self.modes}

    def settings(self, mode: str, labels: Sequence[str] = ()) -> Settings:
        """The task in a mode.

        Args:
            mode: "full", "5h", "50h" or "small".
            labels: labels to keep, for a task that chooses; by default it goes by its rule.

        Raises:
            TaskError: it has no such mode, or does not choose labels.
        """
        if labels and not self.chooses_labels:
            raise TaskError(f"{self.name} has all labels of its data set; labels can be chosen for others only")
        if mode not in self.modes:
            raise TaskError(f"{self.name} has the modes {', '.join(self.modes)}; found '{mode}'")
        values = {**self.values, **self.modes[mode]}
        return Settings(mode, values, tuple(labels), self.drops_missing, self.lacks_labels, self.keeps_groups)

    @cached_property
    def published(self) -> dict[str, tuple[Published, ...]]:
        """Mode -> the files that it is made from; none where hearpreprocess has TensorFlow fetch them."""
        return {mode: tuple(_files(self.settings(mode).values.get("download_urls", ()))) for mode in self.modes}


def archive(split: str, url: str, md5: str = "", name: str | None = None) -> dict[str, str]:
    """An entry of ``download_urls``; without an MD5 the file is known by its name only."""
    return {"split": split, **({} if name is None else {"name": name}), "url": url, "md5": md5}


def whole_splits(order: Sequence[str] = _TRAIN_VALID_TEST) -> dict[str, float | None]:
    """``max_task_duration_by_split`` without a limit, its keys in ``order``."""
    return dict.fromkeys(order)


def hours_by_split(hours: float) -> dict[str, float | None]:
    """``max_task_duration_by_split`` in seconds: ``hours`` in train (80 of 90) and valid (10 of 90); test as valid."""
    return {"train": 3600 * hours * 80 / 90, "valid": 3600 * hours * 10 / 90, "test": 3600 * hours * 10 / 90}


def _files(entries: Iterable[Mapping[str, Any]]) -> Iterable[Published]:
    for entry in entries:
        for part in entry.get("multipart_zip_urls", (entry,)):
            yield Published(PurePosixPath(urlparse(part["url"]).path).name, part["md5"], part["url"])
