"""The most confident mistakes: the clips to listen to when a score is low.

- :func:`mistakes`: which clips, from stored predictions alone.
- :class:`AudioPlayback`: whether and how they can be played on the page.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np

from hear_audiomosaic.errors import AudioError, ResultError, TaskError
from hear_audiomosaic.reporting.render.html.clip_audio import MOST_SECONDS, ogg_data_uri
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result, TaskFacts
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["AudioPlayback", "ListenMode", "Mistake", "mistakes"]

_log = logging.getLogger(__name__)

ListenMode = Literal["none", "link", "embed"]
"""Only the names of the clips; links to the prepared task's audio; the audio itself, inside the page."""


@dataclass(frozen=True)
class Mistake:
    """A clip with a wrong prediction."""

    split: str
    file: str
    expected: tuple[str, ...]
    """Its labels."""
    predicted: str
    """Multiclass: the most probable label. Multilabel: the label with the largest error."""
    probability: float
    """Of ``predicted``, 0 to 1."""
    kind: Literal["mistaken", "false alarm", "missed"]
    """Multiclass is always mistaken; a label of a multilabel clip is a false alarm, or missed."""
    audio: Path | None = None
    """The clip, where the task's folder was given and is the one that was probed."""


def mistakes(
    result: Result, predictions: Sequence[FoldPredictions], tasks_dir: Path | None = None, n: int = 6
) -> tuple[Mistake, ...]:
    """Find the wrong predictions that were made with the most confidence.

    Multiclass: clips whose most probable class is not theirs, by its probability. Multilabel: clips by their label
    with the largest distance between probability and truth (0 or 1), from one half upwards.

    Args:
        result: of a scene task.
        predictions: its test predictions, one per fold.
        tasks_dir: folder of prepared tasks; None: clips have names only. (Default: None)
        n: largest number of mistakes. (Default: 6)

    Returns:
        The most confident first, of all folds; ties in the order of folds and clips.

    Raises:
        TaskError: ``tasks_dir`` has no task of this name, or another one.
    """
    return _mistakes(result, predictions, None if tasks_dir is None else _open_task(result.task, tasks_dir), n)


def _mistakes(
    result: Result, predictions: Sequence[FoldPredictions], task: PreparedTask | None, n: int
) -> tuple[Mistake, ...]:
    multiclass = result.task.prediction_type == "multiclass"
    ranked: list[tuple[float, Mistake]] = []
    for one in predictions:
        truth, files = one.targets > 0, one.row_names
        probabilities = one.probabilities.astype(np.float64)
        error = np.abs(probabilities - truth)  # (n, C)
        label = probabilities.argmax(axis=1) if multiclass else error.argmax(axis=1)  # (n,)
        rows = np.arange(len(label))
        is_label = truth[rows, label]
        confidence = probabilities[rows, label] if multiclass else error[rows, label]
        wrong = ~is_label if multiclass else confidence >= 0.5
        order = np.argsort(-confidence, kind="stable")
        for row in order[wrong[order]][:n].tolist():
            mistake = Mistake(
                split=one.split,
                file=files[row],
                expected=tuple(result.task.vocabulary[c] for c in np.flatnonzero(truth[row])),
                predicted=result.task.vocabulary[label[row]],
                probability=float(probabilities[row, label[row]]),
                kind="mistaken" if multiclass else "missed" if is_label[row] else "false alarm",
                audio=None if task is None else _audio(task, one.split, files[row], result.encoder.sample_rate_hz),
            )
            ranked.append((float(confidence[row]), mistake))
    ranked.sort(key=lambda pair: -pair[0])
    return tuple(mistake for _, mistake in ranked[:n])


def _open_task(facts: TaskFacts, tasks_dir: Path) -> PreparedTask:
    if Path(facts.directory).name != facts.directory:
        raise TaskError(f"'{facts.directory}' is not the name of a task folder")
    task = PreparedTask.open(tasks_dir / facts.directory)
    if task.digest != facts.digest:
        raise TaskError(f"{task.directory} has other labels than those that were probed, so its clips may be others")
    return task


def _audio(task: PreparedTask, split: str, file: str, rate_hz: int) -> Path | None:
    """The clip at the encoder's rate; None for a name that the task does not have (it could be any path)."""
    if split not in task.splits or file not in task.labels(split) or not task.rates_hz or Path(file).name != file:
        return None
    path = task.audio_path(split, file, task.best_rate(rate_hz))
    return path if path.is_file() else None


@dataclass
class AudioPlayback:
    """Whether and how mistakes can be played on the page. By default it has only their names and no audio is read.

    Args:
        mode: see :data:`ListenMode`.
        tasks_dir: folder of prepared tasks; required except for ``none``.
        page_dir: folder of the page, to which links are relative; required for ``link``.
        most_kb: limit of all embedded audio of a page, in kilobytes of the file (1000 bytes). (Default: 4000)

    Raises:
        ResultError: a required folder is not given.
    """

    mode: ListenMode = "none"
    tasks_dir: Path | None = None
    page_dir: Path | None = None
    most_kb: int = 4000
    _sources: dict[Path, str] = field(default_factory=dict, init=False)
    _used: int = field(default=0, init=False)
    _left_out: int = field(default=0, init=False)
    _tasks: dict[tuple[str, str], PreparedTask | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.mode != "none" and self.tasks_dir is None:
            raise ResultError(f"listening by '{self.mode}' needs the folder of prepared tasks: add --tasks-dir FOLDER")
        if self.mode == "link" and self.page_dir is None:
            raise ResultError("links to audio need the folder that the page is written into")

    def mistakes(self, result: Result, predictions: Sequence[FoldPredictions], n: int = 6) -> tuple[Mistake, ...]:
        """:func:`mistakes`, with audio where requested and available; if not, the reason is logged once per task."""
        return _mistakes(result, predictions, None if self.mode == "none" else self._task(result.task), n)

    def source(self, mistake: Mistake) -> str:
        """The source of the audio element: a relative link, a data URI, or an empty string."""
        if mistake.audio is None or self.mode == "none":
            return ""
        if self.mode == "link":
            return _link(mistake.audio, self._page_dir)
        return self._embedded(mistake.audio)

    @property
    def n_left_out(self) -> int:
        """Clips that were not embedded, because of the limit or because they cannot be read."""
        return self._left_out

    @property
    def about(self) -> str:
        """The note on the page; to be read after all sources."""
        if self.mode == "embed":
            full = f" {self._left_out} clips did not fit or could not be read and have names only."
            return f"The first {MOST_SECONDS:g} s of each clip." + (full if self._left_out else "")
        return "The clips are files beside this report." if self.mode == "link" else ""

    @cached_property
    def _page_dir(self) -> Path:
        return (self.page_dir or Path()).resolve()

    def _task(self, facts: TaskFacts) -> PreparedTask | None:
        key = facts.directory, facts.digest
        if key not in self._tasks:
            try:
                self._tasks[key] = _open_task(facts, self.tasks_dir or Path())
            except TaskError as error:
                _log.warning("no audio of %s in the report: %s", facts.directory, error)
                self._tasks[key] = None
        return self._tasks[key]

    def _embedded(self, path: Path) -> str:
        if path not in self._sources:
            try:
                self._sources[path] = ogg_data_uri(path)
            except AudioError as error:
                _log.warning("%s", error)
                self._sources[path] = ""
        uri = self._sources[path]
        if not uri or self._used + len(uri) > 1000 * self.most_kb:
            self._left_out += 1
            return ""
        self._used += len(uri)
        return uri


def _link(path: Path, start: Path) -> str:
    """A path as a relative link, each part escaped."""
    relative = Path(os.path.relpath(path.resolve(), start))
    return "/".join(quote(part) for part in relative.parts)
