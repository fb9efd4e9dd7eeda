"""The audio that an encoder reads of a task: at which rate, and the digest of every clip.

This is the one place that hashes the audio of a task. A digest is remembered in ``STORE/digests/<task>.txt``, so that a
second run stats a task of 50 GB and does not read it (:mod:`hear_audiomosaic.file_digests`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_digests import FileDigests
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["TaskAudio", "task_audio"]


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
    with FileDigests(store_dir / "digests" / f"{task.directory.name}.txt") as digests:
        clips: dict[str, dict[str, str]] = {}
        for split in task.splits:
            clips[split] = {}
            for file in task.labels(split):
                path = task.audio_path(split, file, rate)
                if not path.is_file():
                    raise AudioError(f"Task {task.card.name} names {path}, which is not there; prepare the task again.")
                try:
                    clips[split][file] = digests.of(path)
                except OSError as error:
                    raise AudioError(described(error, "read", path)) from error
    return TaskAudio(rate, clips)
