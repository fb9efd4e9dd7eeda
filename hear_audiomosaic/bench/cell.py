"""A result to be, and whether the result in its file is that one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.embedding import TaskAudio
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.results.schema import Result
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["Cell", "differences"]


@dataclass(frozen=True)
class Cell:
    """One result to be: an encoder on a task by a protocol with a seed."""

    encoder: Encoder
    task: PreparedTask
    audio: TaskAudio | None
    """What the encoder reads of the task; None where it cannot be read."""
    protocol: Protocol
    seed: int
    precision: str
    """"fp32" or "bf16", of the probe, as it can follow it."""
    path: Path
    """Of the result file."""


def differences(result: Result, cell: Cell) -> list[str]:
    """In what a result was made from something else than the cell has; empty if it is the cell's result.

    A result of before a fact was recorded differs in it. Where the cell's audio cannot be read, it counts as the same.
    """
    task, protocol, audio = result.task, result.protocol, cell.audio
    made_and_wanted = {
        "encoder": (result.encoder.fingerprint, cell.encoder.fingerprint),
        "labels or metadata": (task.digest, cell.task.digest),
        "groups": (task.groups_digest, cell.task.groups_digest),
        "protocol": (protocol.fingerprint, cell.protocol.fingerprint),
        "precision": (protocol.precision, cell.precision),
        "seed": (protocol.seed, cell.seed),
        "scoring code": (result.manifest.scoring_version, SCORING_VERSION),
    }
    if audio is not None:
        made_and_wanted["rate of the audio"] = (task.audio_rate_hz, audio.rate_hz)
        made_and_wanted["audio"] = (task.audio_digest, audio.digest)
    return [name for name, (made, wanted) in made_and_wanted.items() if made != wanted]
