"""Protocols and rows that train quickly."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np

from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import ProbeTask, Protocol, SplitRows, get_protocol
from hear_audiomosaic.tasks import TaskCard

SPLITS = {"train": 60, "valid": 30, "test": 30}


def changed(name: str = "small", **grid: tuple) -> Protocol:
    """hear-2021 with a few entries changed, small by default."""
    small = {"hidden_dim": (16,), "max_epochs": (12,), "patience": (2,), "lr": (1e-2, 1e-3)}
    base = get_protocol("hear-2021")
    probe = dataclasses.replace(base.probe, grid=MappingProxyType({**base.probe.grid, **small, **grid}))
    return dataclasses.replace(base, name=name, probe=probe)


def task_of(
    name: str,
    splits: dict[str, SplitRows],
    vocabulary: tuple[str, ...],
    evaluation: tuple[str, ...],
    split_mode: str = "trainvaltest",
    prediction_type: str = "multilabel",
    embedding_type: str = "scene",
) -> ProbeTask:
    """A task of such rows."""
    fields = {
        "name": name,
        "embedding_type": embedding_type,
        "prediction_type": prediction_type,
        "split_mode": split_mode,
        "splits": tuple(splits),
        "evaluation": evaluation,
    }
    return ProbeTask(TaskCard.from_fields(fields, name), splits, vocabulary)


def with_card(task: ProbeTask, **changes: object) -> ProbeTask:
    """The task with fields of its card changed."""
    card = TaskCard.from_fields(task.card.model_dump() | changes, task.name)
    return dataclasses.replace(task, card=card)


def clusters(rng: np.random.Generator, n: int, C: int, D: int, multilabel: bool = False) -> SplitRows:
    """Rows around one centre per class; multi-label rows are sums of centres."""
    centres = np.random.default_rng(0).normal(size=(C, D))
    targets = (rng.random((n, C)) < 0.4) if multilabel else np.eye(C)[np.arange(n) % C]
    values = targets @ centres + 0.5 * rng.normal(size=(n, D))
    files = tuple(f"clip{i}.wav" for i in range(n))
    return SplitRows(values.astype(np.float32), targets.astype(np.float32), files, np.arange(n))


def event_rows(rng: np.random.Generator, n_files: int, n_frames: int, C: int, D: int) -> SplitRows:
    """Files with one event per class; frames within it carry the class's centre."""
    centres = np.random.default_rng(0).normal(size=(C, D))
    times = np.tile(25.0 + 50.0 * np.arange(n_frames), n_files)
    row_file = np.repeat(np.arange(n_files), n_frames)
    file, label = (index.ravel() for index in np.meshgrid(np.arange(n_files), np.arange(C), indexing="ij"))
    start = rng.uniform(0, 25.0 * n_frames, size=file.size)
    events = Events(file, label, start, start + rng.uniform(300, 1000, size=file.size))
    targets = np.zeros((len(times), C), dtype=np.float32)
    for f, c, begin, end in zip(file, label, events.start_ms, events.end_ms, strict=True):
        targets[(row_file == f) & (times >= begin) & (times < end), c] = 1
    values = targets @ centres + 0.1 * rng.normal(size=(len(times), D))
    files = tuple(f"mix{i}.wav" for i in range(n_files))
    return SplitRows(values.astype(np.float32), targets, files, row_file, times, events)
