"""What to run, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.results.schema import Result, read_result
from hear_audiomosaic.tasks import PreparedTask, expand, find_task, prepare_synthetic, synthetic_names

__all__ = ["Plan", "Summary", "prepared_tasks"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run.

    Attributes:
        encoders: encoder references.
        tasks: prepared tasks.
        protocols: protocols.
        seeds: one result each.
        out: folder of the result files.
        store_dir: root of the embedding store.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16", of the probes.
    """

    encoders: Sequence[str]
    tasks: Sequence[PreparedTask]
    protocols: Sequence[Protocol]
    seeds: Sequence[int]
    out: Path
    store_dir: Path
    device: str = "cpu"
    precision: str = "fp32"


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        finished: result files written now.
        kept: result files that were there already, of the same encoder, task and protocol.
        failures: one line per thing that failed.
    """

    finished: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line of a table per result, in the order of the files' names."""
        yield from (_row(read_result(path)) for path in sorted([*self.finished, *self.kept]))


def prepared_tasks(names: Sequence[str], tasks_dir: Path) -> list[PreparedTask]:
    """Open the tasks and suites that are named; synthetic tasks that are not there yet are made.

    Raises:
        TaskError: no such task, or one that is not prepared; the message has the command that prepares it.
    """
    tasks = []
    for name in expand(names, tasks_dir):
        short, is_there = name.split("-")[0], (tasks_dir / name).is_dir()
        made = short in synthetic_names() and not is_there
        tasks.append(prepare_synthetic(short, tasks_dir) if made else find_task(name, tasks_dir))
    return tasks


def _row(result: Result) -> dict[str, Any]:
    return {
        "encoder": result.encoder.label,
        "task": result.task.name,
        "protocol": result.protocol.name,
        "seed": result.protocol.seed,
        "score": result.score_name,
        "value": None if result.score is None else f"{result.score:.3f}",
        "std over folds": None if result.score_std is None else f"{result.score_std:.3f}",
        "chance": None if result.task.chance is None else f"{result.task.chance:.3f}",
    }
