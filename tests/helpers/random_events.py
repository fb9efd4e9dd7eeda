"""Made-up sound events, and how to score them without warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hear_audiomosaic.metrics import Events

NAMES = ["event_onset_200ms_fms", "event_onset_50ms_fms", "event_onset_offset_50ms_20perc_fms", "segment_1s_er"]
EMPTY = Events(np.array([]), np.array([]), np.array([]), np.array([]))
Rows = list[tuple[int, int, float, float]]


def make(*rows: tuple[int, int, float, float]) -> Events:
    """(file, label, start, end) in milliseconds each."""
    file, label, start, end = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Events(file.astype(int), label.astype(int), start, end)


def rows_of(some: Events) -> Rows:
    columns = (some.file.tolist(), some.label.tolist(), some.start_ms.tolist(), some.end_ms.tolist())
    return list(zip(*columns, strict=True))


def quietly(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(*arguments, **keywords)


def random_events(rng: np.random.Generator, files: int, events_per_file: int, labels: int, step_ms: float) -> Events:
    """Crowded events on a grid (step 50: collars are met exactly; 0: no grid), some without length."""
    count = int(rng.integers(0, files * events_per_file + 1))
    start, length = rng.uniform(0, 2500, count), rng.exponential(400, count) * (rng.random(count) < 0.9)
    end = start + length
    if step_ms:
        start, end = np.round(start / step_ms) * step_ms, np.round(end / step_ms) * step_ms
    return Events(rng.integers(0, files, count), rng.integers(0, labels, count), start, end)


def random_cases(seed: int, count: int, files: int = 1) -> list[tuple[Events, Events]]:
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        labels, per_file = int(rng.integers(1, 4)), int(rng.integers(1, 12))
        step_ms = float(rng.choice([0.0, 10.0, 50.0, 100.0]))
        first, second = (random_events(rng, files, per_file, labels, step_ms) for _ in range(2))
        if rng.random() < 0.5 and len(first):  # a prediction like the reference, some of it an exact collar away
            shift = rng.choice([-200.0, -50.0, 0.0, 30.0, 50.0, 200.0], len(first))
            start = np.maximum(first.start_ms + shift, 0)
            end = np.maximum(first.end_ms + rng.choice([-50.0, 0.0, 50.0], len(first)), start)
            second = Events(first.file, first.label, start, end)
        cases.append((first, second))
    return cases
