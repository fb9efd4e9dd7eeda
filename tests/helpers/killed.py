"""Probes that are killed, inside one process: stopped by what no ``except Exception`` holds, and started again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hear_audiomosaic.probing import ProbeResult
from hear_audiomosaic.probing.fused.kernels import Chunk
from hear_audiomosaic.probing.unfinished import Unfinished

__all__ = ["Killed", "Saving", "content", "killed_at_step", "outlive"]


class Killed(BaseException):
    """Stands for a kill."""


class Saving(Unfinished):
    """Saves whenever it is told a state; killed after ``lives`` saves, where that is given."""

    def __init__(self, folder: Path, lives: float = math.inf) -> None:
        super().__init__(folder, interval_s=0, largest_share=math.inf)
        self.n_saves, self._lives = 0, lives

    def _save(self) -> None:
        super()._save()
        self.n_saves += 1
        if self.n_saves >= self._lives:
            raise Killed


def outlive(probe: Callable[[Unfinished], Any], folder: Path, lives: int = 1, most: int = 500) -> tuple[Any, int]:
    """Start a probe again and again, each time killed after some saves, until it ends.

    Returns:
        What it gave, and how often it was killed.
    """
    for kills in range(most):
        try:
            return probe(Saving(folder, lives)), kills
        except Killed:
            continue
    raise AssertionError(f"not finished after {most} kills")


@contextmanager
def killed_at_step(number: int) -> Iterator[None]:
    """Kill before the optimiser step of this number, from 0."""
    steps, step = iter(range(10**9)), Chunk.step

    def taken(self: Chunk, *args: Any) -> None:
        if next(steps) == number:
            raise Killed
        step(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chunk, "step", taken)
        yield


def content(result: ProbeResult) -> list[str]:
    """All of a result but its times, to the last bit."""
    lines = [f"{f.name} {getattr(result, f.name)!r}" for f in fields(result) if f.name not in _APART]
    lines.append(repr({key: value for key, value in result.aggregated.items() if "time_in_min" not in key}))
    for fold in result.folds:
        lines.append(repr({key: value for key, value in fold.scores.items() if key != "time_in_min"}))
        lines.append(f"{fold.split} {fold.files} {fold.unconverged}")
        arrays = [fold.probabilities, fold.targets, fold.row_file, fold.timestamps_ms]
        for events in (fold.predicted_events, fold.reference_events):
            arrays += [] if events is None else [getattr(events, f.name) for f in fields(events)]
        lines += [
            "none" if a is None else f"{a.dtype} {a.shape} {a.flags.c_contiguous} {a.tobytes()!r}" for a in arrays
        ]
    return lines


_APART = ("folds", "aggregated", "seconds")
