"""The audio that an encoder reads of a task: at which rate, and the digest of every clip.

This is the one place that hashes the audio of a task. A digest is remembered in ``STORE/digests/<task>.txt``, so that a
second run stats a task of 50 GB and does not read it (:mod:`hear_audiomosaic.file_digests`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_digests import FileDigests
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.threads import in_threads

__all__ = ["TaskAudio", "task_audio"]

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
    with FileDigests(store_dir / "digests" / f"{task.directory.name}.txt") as digests:

        def digests_of(part: Sequence[tuple[str, str]]) -> list[str]:
            return [_digest(digests, task, task.audio_path(split, file, rate)) for split, file in part]

        n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
        for part, found in zip(parts, in_threads(digests_of, parts, n_threads, 2 * n_threads), strict=True):
            for (split, file), digest in zip(part, found, strict=True):
                clips[split][file] = digest
    return TaskAudio(rate, clips)


def _digest(digests: FileDigests, task: PreparedTask, path: Path) -> str:
    try:
        return digests.of(path)
    except FileNotFoundError as error:
        raise AudioError(f"Task {task.card.name} names {path}, which is not there; prepare the task again.") from error
    except OSError as error:
        raise AudioError(described(error, "read", path)) from error
