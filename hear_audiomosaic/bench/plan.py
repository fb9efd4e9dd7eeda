"""What to run, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.hear.objects import EncoderLike, Labelled
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.tasks import PreparedTask, expand, find_task, prepare_synthetic, synthetic_names

__all__ = ["Plan", "Summary", "prepared_tasks"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run.

    Attributes:
        encoders: encoder references or objects, with labels or without.
        tasks: prepared tasks.
        protocols: protocols.
        seeds: one result each; of the first one only where a protocol draws nothing.
        out: folder of the result files.
        store_dir: root of the embedding store.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16", of the probes that have both; a result records what its probe computed in.
        strict: stop or crash where heareval does; the protocols of such results are named "NAME (strict)".
        store_dtype: how embeddings are stored; what is probed is what was stored.
    """

    encoders: Sequence[EncoderLike | Labelled]
    tasks: Sequence[PreparedTask]
    protocols: Sequence[Protocol]
    seeds: Sequence[int]
    out: Path
    store_dir: Path
    device: str = "cpu"
    precision: str = "fp32"
    strict: bool = False
    store_dtype: Dtype = "float32"


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        finished: result files written now.
        kept: result files that were there already, of the same encoder, task and protocol.
        failures: one line per thing that failed.
        asked: result files of the plan, be they there or not.
    """

    finished: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    asked: list[Path] = field(default_factory=list)


def prepared_tasks(tasks: Sequence[str | PreparedTask], tasks_dir: Path) -> list[PreparedTask]:
    """Open the tasks and suites that are named; synthetic tasks that are not there yet are made.

    Args:
        tasks: names of tasks or suites, or tasks that are open already.
        tasks_dir: folder of prepared tasks.

    Raises:
        TaskError: no such task, or one that is not prepared; the message has the command that prepares it.
    """
    opened = []
    for task in tasks:
        if isinstance(task, PreparedTask):
            opened.append(task)
            continue
        for name in expand([task], tasks_dir):
            short, is_there = name.split("-")[0], (tasks_dir / name).is_dir()
            made = short in synthetic_names() and not is_there
            opened.append(prepare_synthetic(short, tasks_dir) if made else find_task(name, tasks_dir))
    return opened
