"""Whether and how mistakes can be played on the page."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from hear_audiomosaic.errors import AudioError, ResultError, TaskError
from hear_audiomosaic.reporting.analysis.mistakes import Mistake, mistakes, open_probed_task
from hear_audiomosaic.reporting.render.html.clip_audio import MOST_SECONDS, ogg_data_uri
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.results.schema import Result, TaskFacts
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["AudioPlayback", "PlaybackMode"]

_log = logging.getLogger(__name__)

PlaybackMode = Literal["none", "link", "embed"]
"""Only the names of the clips; links to the prepared task's audio; the audio itself, inside the page."""


@dataclass
class AudioPlayback:
    """Whether and how mistakes can be played on the page. By default it has only their names and no audio is read.

    Args:
        mode: see :data:`PlaybackMode`.
        tasks_dir: folder of prepared tasks; required except for ``none``.
        page_dir: folder of the page, to which links are relative; required for ``link``.
        most_kb: limit of all embedded audio of a page, in kilobytes of the file (1000 bytes). (Default: 4000)

    Raises:
        ResultError: a required folder is not given.
    """

    mode: PlaybackMode = "none"
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
        return mistakes(result, predictions, None if self.mode == "none" else self._task(result.task), n)

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
                self._tasks[key] = open_probed_task(facts, self.tasks_dir or Path())
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
