"""A result to be, and whether the result in its file is that one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.bench.unloaded import UnloadedEncoder
from hear_audiomosaic.embedding import TaskAudio
from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing.probe import RunSettings
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.results.schema import Result
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["Cell", "cells_of", "differences"]


@dataclass(frozen=True)
class Cell:
    """One result to be: an encoder on a task by a protocol with a seed."""

    encoder: Encoder | UnloadedEncoder
    task: PreparedTask
    audio: TaskAudio | None
    """What the encoder reads of the task; None where it cannot be read."""
    embeddings: str | None
    """Digest of those that the store has of all clips; None where it does not have them."""
    protocol: Protocol
    seed: int
    precision: str
    """"fp32" or "bf16", of the probe, as it can follow it."""
    path: Path
    """Of the result file."""
    store_dtype: Dtype
    """Of the stored embeddings."""


def cells_of(
    plan: Plan,
    encoder: Encoder | UnloadedEncoder,
    task: PreparedTask,
    audio: TaskAudio | None,
    embeddings: str | None = None,
) -> Iterator[Cell]:
    """The results that a plan asks of one encoder on one task.

    A protocol that draws nothing has one result, that of the first seed. A probe that cannot follow the plan's
    precision has the one it computes in.

    Args:
        plan: what to run.
        encoder: the loaded encoder, or what is known of one that could not be loaded.
        task: the prepared task.
        audio: what the encoder reads of it; None where it cannot be read.
        embeddings: digest of those that the store has; None where it lacks any. (Default: None)
    """
    folder = plan.out / encoder.ref.slug / task.directory.name
    for asked in plan.protocols:
        protocol = dataclasses.replace(asked, strict=asked.strict or plan.strict)
        precision = protocol.probe.resolve(RunSettings(plan.device, plan.precision, protocol.strict)).precision
        suffix = ("-strict" if protocol.strict else "") + ("" if precision == "fp32" else f"-{precision}")
        suffix += "" if plan.store_dtype == "float32" else f"-{plan.store_dtype}"
        is_random = protocol.probe.is_random or protocol.shots is not None
        for seed in plan.seeds if is_random else plan.seeds[:1]:
            path = folder / f"{protocol.name}-seed{seed}{suffix}.json"
            yield Cell(encoder, task, audio, embeddings, protocol, seed, precision, path, plan.store_dtype)


def differences(result: Result, cell: Cell) -> list[str]:
    """In what a result was made from something else than the cell has; empty if it is the cell's result.

    A result of before a fact was recorded differs in it. Where the cell's audio cannot be read, it counts as the same,
    and so do embeddings that the store does not have: all else then says what they would be.
    """
    task, protocol, audio = result.task, result.protocol, cell.audio
    made_and_wanted = {
        _encoder_words(result, cell.encoder): (result.encoder.fingerprint, cell.encoder.fingerprint),
        "labels or metadata": (task.digest, cell.task.digest),
        "groups": (task.groups_digest, cell.task.groups_digest),
        "protocol": (protocol.fingerprint, cell.protocol.fingerprint),
        "precision": (protocol.precision, cell.precision),
        "type of the stored embeddings": (result.store_dtype, cell.store_dtype),
        "seed": (protocol.seed, cell.seed),
        "scoring code": (result.manifest.scoring_version, SCORING_VERSION),
    }
    if audio is not None:
        made_and_wanted["rate of the audio"] = (task.audio_rate_hz, audio.rate_hz)
        made_and_wanted["audio"] = (task.audio_digest, audio.digest)
    if cell.embeddings is not None:
        made_and_wanted["embeddings"] = (result.embeddings_digest, cell.embeddings)
    return [name for name, (made, wanted) in made_and_wanted.items() if made != wanted]


def _encoder_words(result: Result, encoder: Encoder | UnloadedEncoder) -> str:
    """The encoder, with the parts of it that changed as far as the result recorded them."""
    parts, inventory = result.encoder.parts, encoder.inventory
    changed = [] if parts is None or inventory is None else inventory.changed_since(parts)
    return f"encoder ({', '.join(changed)})" if changed else "encoder"
