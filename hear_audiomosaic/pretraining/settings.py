"""What a pre-training run is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.pretraining.methods import Option

__all__ = ["PretrainSettings"]


@dataclass(frozen=True)
class PretrainSettings:
    """One run. Equal settings and data give equal weights, however often a run was resumed, on one kind of machine with
    the same numbers of threads and processes.

    Attributes:
        method: name of a registered objective, see :func:`hear_audiomosaic.pretraining.methods.registered_methods`.
        data: folders, lists of files or tar shards.
        out: folder of the run.
        size: micro, tiny, small or base.
        n_steps: optimiser steps.
        batch_size: clips per step, over all processes.
        seed: of weights, order, crops, augmentation and masks.
        crop_s: length of a crop in seconds.
        options: of the method, by name; what its ``build_objective`` takes.
        peak_lr: learning rate after the warm-up; None is the method's own, times the square root of the batch's size
            over the method's own batch, and never more than its own.
        warm_up: share of the steps with a rising learning rate; None is the method's own.
        clip_norm: largest norm of the gradient; None is the method's own.
        precision: "fp32" or "bf16" (autocast).
        accumulate: parts that a process's batch is computed in; contrastive losses see the negatives of one part.
        checkpoint_blocks: whether transformer blocks are computed twice to save memory.
        compile: whether the step is compiled by ``torch.compile``.
        n_workers: processes that read ahead; 0 reads in the training process.
        log_every: steps between rows of the log.
        save_every: steps between checkpoints.
        device: "cpu" or "cuda".
    """

    method: str
    data: tuple[str, ...]
    out: Path
    size: str = "micro"
    n_steps: int = 1000
    batch_size: int = 128
    seed: int = 0
    crop_s: float = 2.08
    options: Mapping[str, Option] = field(default_factory=dict)
    peak_lr: float | None = None
    warm_up: float | None = None
    clip_norm: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    accumulate: int = 1
    checkpoint_blocks: bool = False
    compile: bool = False
    n_workers: int = 1
    log_every: int = 10
    save_every: int = 100
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size", "accumulate", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise PretrainingError(f"{name} = {getattr(self, name)}; expected at least 1.")
        if self.seed < 0 or self.n_workers < 0:
            raise PretrainingError(f"seed = {self.seed}, n_workers = {self.n_workers}; expected 0 or more.")
        if self.precision not in ("fp32", "bf16"):
            raise PretrainingError(f"precision = {self.precision!r}; expected fp32 or bf16.")
        if not (math.isfinite(self.crop_s) and self.crop_s >= 0.2):
            raise PretrainingError(f"crop_s = {self.crop_s}; expected 0.2 s or more.")

    def recorded(self) -> dict[str, Any]:
        """What decides the outcome, as JSON: all but where it is written, how it is read and how often it is saved."""
        left_out = {"out", "n_workers", "log_every", "save_every", "device", "compile", "checkpoint_blocks"}
        record = asdict(self)
        return {f.name: record[f.name] for f in fields(self) if f.name not in left_out} | {
            "data": list(self.data),
            "options": dict(sorted(self.options.items())),
        }
