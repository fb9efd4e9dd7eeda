"""Protocols and rows that train in a blink."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np

from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import Protocol, SplitRows, get_protocol

SPLITS = {"train": 60, "valid": 30, "test": 30}


def changed(name: str = "small", **grid: tuple) -> Protocol:
    """hear-2021 with a few entries changed, small by default."""
    small = {"hidden_dim": (16,), "max_epochs": (12,), "patience": (2,), "lr": (1e-2, 1e-3)}
    base = get_protocol("hear-2021")
    return dataclasses.replace(base, name=name, grid=MappingProxyType({**base.grid, **small, **grid}))


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
