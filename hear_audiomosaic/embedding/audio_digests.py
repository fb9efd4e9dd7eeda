"""The audio that an encoder reads of a task: at which rate, and the digest of every clip.

This is the one place that hashes the audio of a task: before it is embedded (:func:`task_audio`), or, where the store
has nothing of the task yet, while it is read for that (:class:`DigestingReader`), which costs no second pass over the
files. A digest is remembered in ``STORE/digests/<task>.txt``, so that a second run stats a task of 50 GB and does not
read it (:mod:`hear_audiomosaic.file_digests`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding.reading import Clip
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_digests import FileDigests
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.threads import in_threads

__all__ = ["DigestingReader", "TaskAudio", "task_audio"]

T = TypeVar("T")

_MOST_THREADS = 8
_AT_ONCE = 64  # clips: hashing runs in parallel, telling of it does not


@dataclass(frozen=True)
class TaskAudio:
    """The audio of all clips of a task at one rate.

    Attributes:
        rate_hz: the folder that is read, as :meth:`~hear_audiomosaic.tasks.PreparedTask.best_rate` has it.
        clips: split -> file -> SHA-256 of its bytes.
    """

    rate_hz: int
    clips: Mapping[str, Mapping[str, str]]

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all clips, whatever their order."""
        return sha256_of_json(self.clips)


def task_audio(task: PreparedTask, rate_hz: int, store_dir: Path) -> TaskAudio:
    """Digests of the clips that an encoder of ``rate_hz`` reads.

    Args:
        task: the prepared task.
        rate_hz: the encoder's rate.
        store_dir: root of the embedding store, where digests are remembered.

    Raises:
        AudioError: a clip is missing or cannot be read; the file is named.
        TaskError: the task has no audio at all.
    """
    rate = task.best_rate(rate_hz)
    named = [(split, file) for split in task.splits for file in task.labels(split)]
    parts = [named[i : i + _AT_ONCE] for i in range(0, len(named), _AT_ONCE)]
    clips: dict[str, dict[str, str]] = {split: {} for split in task.splits}
    with _digests(task, store_dir) as digests:

        def digests_of(part: Sequence[tuple[str, str]]) -> list[str]:
            paths = [task.audio_path(split, file, rate) for split, file in part]
            return [_told(digests.of, task, path) for path in paths]

        n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
        for part, found in zip(parts, in_threads(digests_of, parts, n_threads, 2 * n_threads), strict=True):
            for (split, file), digest in zip(part, found, strict=True):
                clips[split][file] = digest
    return TaskAudio(rate, clips)


class DigestingReader:
    """Reads the clips of a task and makes their digests in one pass (inside ``with``).

    Attributes:
        audio: of the task; a clip's digest is empty until the clip is read.

    Args:
        task: the prepared task.
        rate_hz: the encoder's rate.
        store_dir: root of the embedding store, where digests are remembered.

    Raises:
        TaskError: the task has no audio at all.
    """

    def __init__(self, task: PreparedTask, rate_hz: int, store_dir: Path) -> None:
        self._task, self._rate_hz = task, rate_hz
        self._clips = {split: dict.fromkeys(task.labels(split), "") for split in task.splits}
        self._digests = _digests(task, store_dir)
        self.audio = TaskAudio(task.best_rate(rate_hz), self._clips)

    def __enter__(self) -> DigestingReader:
        self._digests.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._digests.__exit__(*error)

    def read(self, clip: Clip) -> tuple[Clip, npt.NDArray[np.float32]]:
        """The clip with its digest, and its samples (S,) at the encoder's rate; from any thread.

        Raises:
            AudioError: it is missing or cannot be read, or as of :func:`~hear_audiomosaic.audio.read_audio`.
        """
        content = None
        if clip.path.suffix == ".wav":  # others may be too large to be held beside their samples
            content, digest = _told(self._digests.read, self._task, clip.path)
        else:
            digest = _told(self._digests.of, self._task, clip.path)
        samples, _ = read_audio(clip.path, self._rate_hz, content)
        self._clips[clip.split][clip.file] = digest
        return replace(clip, audio=digest), samples


def _digests(task: PreparedTask, store_dir: Path) -> FileDigests:
    return FileDigests(store_dir / "digests" / f"{task.directory.name}.txt")


def _told(read: Callable[[Path], T], task: PreparedTask, path: Path) -> T:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise AudioError(f"Task {task.card.name} names {path}, which is not there; prepare the task again.") from error
    except OSError as error:
        raise AudioError(described(error, "read", path)) from error
