"""A task on disk: opened, checked and read.

The folder may have been made by this package, by hearpreprocess or from one of HEAR's archives.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_json, sha256_of_json
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.printable import listed, shortened
from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.catalog import how_to_prepare
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, VOCABULARY, rates_in, read_vocabulary
from hear_audiomosaic.tasks.publishing import prepared_names, put_in_place

__all__ = ["EventLabel", "PreparedTask", "find_task"]

_log = logging.getLogger(__name__)


class EventLabel(TypedDict):
    """One event of a clip; ``start`` and ``end`` in ms from the beginning of the clip."""

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class PreparedTask:
    """A task folder whose card, vocabulary and labels have been read and agree with one another.

    Attributes:
        directory: the folder.
        card: the task in figures, from ``task_metadata.json``.
        vocabulary: labels; their positions are the classes.
        rates_hz: sample rates for which there is a folder of audio, ascending; may be empty.
        digest: SHA-256 over metadata, vocabulary, and the labels of all splits in the order of their files. Groups and
            audio have digests of their own: :attr:`groups_digest` and
            :func:`hear_audiomosaic.embedding.task_audio`.
    """

    directory: Path
    card: TaskCard
    vocabulary: tuple[str, ...]
    rates_hz: tuple[int, ...]
    digest: str
    _labels: Mapping[str, dict[str, list[Any]]] = field(repr=False, compare=False)
    _groups: Mapping[str, str] = field(repr=False, compare=False)

    @classmethod
    def open(cls, directory: Path) -> PreparedTask:
        """Read and check a task folder (not its audio; see :meth:`missing_audio`).

        Raises:
            TaskError: a file is missing or malformed, a split or a clip has a name that is no plain file name, a label
                is not in the vocabulary, a multiclass clip has not exactly one label, or an event is not
                ``{label, start, end}`` with ``0 <= start <= end``.
        """
        if plain_name_fault(directory.name, "folder"):
            directory = directory.resolve()  # "." and "x/..": stores and results call their folders by its name
            if fault := plain_name_fault(directory.name, "task folder"):
                raise TaskError(f"{directory}: {fault}")
        put_in_place(directory)
        metadata = _read(directory / METADATA)
        card = TaskCard.from_metadata(metadata, str(directory / METADATA))
        vocabulary = read_vocabulary(directory / VOCABULARY)
        labels: dict[str, dict[str, list[Any]]] = {}
        raw: dict[str, Any] = {}
        for split in card.splits:
            path = directory / f"{split}.json"
            raw[split] = _read(path)
            labels[split] = _checked_labels(raw[split], path, card, frozenset(vocabulary))
        _warn_of_shared_names(labels, directory)
        groups_path = directory / GROUPS
        groups = _checked_groups(_read(groups_path), groups_path) if groups_path.is_file() else {}
        in_order = [[split, list(raw[split].items())] for split in card.splits]
        digest = sha256_of_json([metadata, list(vocabulary), in_order])
        return cls(directory, card, vocabulary, rates_in(directory), digest, labels, groups)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, as in the card."""
        return self.card.splits

    def labels(self, split: str) -> dict[str, list[Any]]:
        """Labels of a split in the order of its JSON file.

        Returns:
            Scene tasks: file -> list of labels. Event tasks: file -> list of :class:`EventLabel`. Labels are strings
            here whatever they are in the file (MAESTRO's are integers).

        Raises:
            TaskError: there is no such split.
        """
        if split not in self._labels:
            raise TaskError(f"Task {self.card.name} has no split '{split}'; it has {', '.join(self.splits)}")
        return self._labels[split]

    def files(self, split: str) -> tuple[str, ...]:
        """File names of a split in the order of its JSON file."""
        return tuple(self.labels(split))

    def audio_path(self, split: str, file: str, rate_hz: int) -> Path:
        """Where a clip's WAV file stands (or would stand) at a sample rate."""
        return self.directory / str(rate_hz) / split / file

    def best_rate(self, rate_hz: int) -> int:
        """The folder to read for an encoder of ``rate_hz``: that rate, else the next higher, else the highest.

        Raises:
            TaskError: there is no audio at all.
        """
        if not self.rates_hz:
            raise TaskError(f"{self.directory} has no audio: expected a folder such as {rate_hz}/{self.splits[0]}/")
        return min((rate for rate in self.rates_hz if rate >= rate_hz), default=self.rates_hz[-1])

    def groups(self, split: str) -> dict[str, str]:
        """File -> group for the files of a split that have one; empty if the task has no groups."""
        return {file: self._groups[file] for file in self.labels(split) if file in self._groups}

    @property
    def groups_digest(self) -> str | None:
        """SHA-256 over the groups of the splits' clips, whatever their order; None if no clip has one."""
        groups = {split: self.groups(split) for split in self.splits}
        return sha256_of_json(groups) if any(groups.values()) else None

    @property
    def n_groups(self) -> int | None:
        """Groups of all test clips (a clip without a group is one of its own); None if no clip has one."""
        if self.groups_digest is None:
            return None
        tested = dict.fromkeys(fold.test for fold in self.card.folds)
        return len({self._group(split, file) for split in tested for file in self.labels(split)})

    @property
    def shared_group_clips(self) -> int | None:
        """Test clips whose group also stands in train or valid of their fold; None if no clip has a group."""
        if self.groups_digest is None:
            return None
        shared = 0
        for fold in self.card.folds:
            others = {self._group(split, file) for split in (*fold.train, fold.valid) for file in self.labels(split)}
            shared += sum(self._group(fold.test, file) in others for file in self.labels(fold.test))
        return shared

    def _group(self, split: str, file: str) -> tuple[str, ...]:
        """A clip's group; of a clip without one, itself."""
        return (self._groups[file],) if file in self._groups else (split, file)

    def missing_audio(self) -> list[Path]:
        """Audio files that the labels name but that are absent or empty, over all rates."""
        missing: list[Path] = []
        for rate_hz in self.rates_hz:
            for split in self.splits:
                paths = (self.audio_path(split, file, rate_hz) for file in self.labels(split))
                missing.extend(path for path in paths if not path.is_file() or path.stat().st_size == 0)
        return missing


def find_task(name: str, tasks_dir: Path) -> PreparedTask:
    """Open a prepared task by its folder name, or by a name that only one folder starts with (before a hyphen).

    Raises:
        TaskError: no such task is prepared, or several are; the message lists what is there and the command.
    """
    if plain_name_fault(name, "task"):
        raise TaskError(f"'{name}' is not a task name; give NAME or NAME-VERSION-MODE, and the folder by --tasks-dir")
    prepared = prepared_names(tasks_dir)
    if name in prepared:
        return PreparedTask.open(tasks_dir / name)
    matching = [folder for folder in prepared if folder.startswith(f"{name}-")]
    if len(matching) == 1:
        return PreparedTask.open(tasks_dir / matching[0])
    if matching:
        raise TaskError(f"'{name}' names several tasks in {tasks_dir}: {listed(matching)}; give the whole name")
    there = listed(prepared, most=20) if prepared else "nothing"
    raise TaskError(f"Task '{name}' is not prepared in {tasks_dir} (there: {there}). {how_to_prepare(name)}")


def _read(path: Path) -> Any:
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TaskError(f"{path.parent} is not a task folder in HEAR's layout: it has no {path.name}") from error
    except OSError as error:
        raise TaskError(described(error, "read", path)) from error
    except ValueError as error:
        raise TaskError(f"{path} cannot be read: {error}; prepare the task again") from error
    if not isinstance(content, dict):
        raise TaskError(f"{path} must be a JSON object")
    return content


def _checked_labels(content: dict[str, Any], path: Path, card: TaskCard, known: frozenset[str]) -> dict[str, list[Any]]:
    """Labels as strings, or a TaskError naming the first clip that is wrong."""
    if not content:
        raise TaskError(f"{path} names no clip; every split needs at least one")
    checked: dict[str, list[Any]] = {}
    for file, given in content.items():
        if fault := plain_name_fault(file, "clip"):
            raise TaskError(f"{path}: {fault}")
        if not isinstance(given, list):
            raise TaskError(f"{path}: '{file}' must have a list of labels, found {shortened(repr(given))}")
        values = [_event(item, file, path) if card.embedding_type == "event" else _label(item) for item in given]
        for value in values:
            label = value["label"] if isinstance(value, dict) else value
            if label not in known:
                raise TaskError(
                    f"{path}: '{file}' has the label '{shortened(label)}', which {VOCABULARY} does not list; "
                    "add it there or prepare the task again"
                )
        if card.prediction_type == "multiclass" and len(values) != 1:
            raise TaskError(f"{path}: '{file}' has {len(values)} labels; a multiclass clip has exactly one")
        checked[file] = values
    return checked


def _event(item: Any, file: str, path: Path) -> EventLabel:
    try:
        event = EventLabel(label=str(_label(item["label"])), start=_time(item["start"]), end=_time(item["end"]))
    except (KeyError, TypeError, OverflowError) as error:
        raise TaskError(
            f"{path}: '{file}' has the event {shortened(repr(item))}; expected label, start and end in ms"
        ) from error
    if not 0 <= event["start"] <= event["end"] < float("inf"):
        raise TaskError(f"{path}: '{file}' has the event {shortened(repr(item))}; expected 0 <= start <= end")
    return event


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _label(item: Any) -> Any:
    """A label as text; what is neither a text nor a whole number is left for the vocabulary to refuse."""
    return str(item) if isinstance(item, str | int) and not isinstance(item, bool) else f"{item!r} (no text)"


def _checked_groups(content: dict[str, Any], path: Path) -> dict[str, str]:
    for file, group in content.items():
        if not isinstance(group, str):
            raise TaskError(f"{path}: the group of '{file}' must be a text, found {shortened(repr(group))}")
    return content


def _warn_of_shared_names(labels: Mapping[str, Mapping[str, Any]], directory: Path) -> None:
    """Log names that stand in two splits: allowed, since each split has its folder, but often a leak."""
    seen: dict[str, str] = {}
    shared = [file for split, files in labels.items() for file in files if seen.setdefault(file, split) != split]
    if shared:
        _log.warning(
            "%s: %d file names stand in more than one split (%s, ...); make sure that they are different recordings",
            directory,
            len(shared),
            shared[0],
        )
