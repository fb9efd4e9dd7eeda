"""What a method gives to be pre-trained: views of a batch, a loss, what to log. The engine does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = ["Augment", "Logs", "Objective", "OptimiserSettings"]

Waveform = npt.NDArray[np.float32]
Augment = Callable[[Waveform, int, np.random.Generator], Waveform]
"""Waveform (S,), its rate in Hz and a source of randomness -> waveform (S,). Runs in the loader's workers."""
Logs = dict[str, Tensor]

_NEVER_DECAYED = ("cls_token", "pos_embed", "mask_token")


@dataclass(frozen=True)
class OptimiserSettings:
    """How an objective wants to be optimised: AdamW, linear warm-up, half-cosine decay.

    Attributes:
        peak_lr: learning rate at the end of the warm-up, for ``clips_per_step``; not scaled by itself.
        final_lr: where the cosine ends, one step after the last.
        betas: of AdamW.
        weight_decay: of AdamW, on tensors of two or more axes; see :meth:`Objective.decays`.
        warm_up: share of the steps with a rising learning rate.
        clip_norm: largest norm of the gradient; None does not clip.
        clips_per_step: the method's own global batch.
    """

    peak_lr: float
    final_lr: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.05
    warm_up: float = 0.05
    clip_norm: float | None = None
    clips_per_step: int = 256


class Objective(nn.Module):
    """Base class of all pre-training objectives.

    One step is ``before_step``, ``draw`` (all randomness, for the global batch, so that it does not depend on the
    number of processes), ``views`` (no gradient, no autocast), ``forward`` (autocast) and, after the optimiser,
    ``after_step``.

    Attributes:
        rate_hz: sample rate of the waveforms it takes.
        n_views: waveforms per clip; with two or more, each is augmented on its own.
        augment: what the loader applies to each waveform; None for nothing.
        optimiser: see :class:`OptimiserSettings`.
    """

    rate_hz: int = 16000
    n_views: int = 1
    augment: Augment | None = None
    optimiser: OptimiserSettings = OptimiserSettings(peak_lr=1e-3)

    @classmethod
    def n_samples(cls, crop_s: float) -> int:
        """S of a crop of that many seconds."""
        return round(crop_s * cls.rate_hz)

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """All randomness of one step.

        Args:
            n_clips: clips of the global batch, over all processes.
            n_samples: S, of a waveform.
            generator: on the CPU.

        Returns:
            CPU tensors by name, each with ``n_clips`` rows, of which a process takes those of its clips.
        """
        return {}

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, V, S) -> what :meth:`forward` takes; in float32, without gradient."""
        raise NotImplementedError

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """Loss of one batch.

        Args:
            views: from :meth:`views`.
            drawn: this process's rows of :meth:`draw`.
            detailed: whether diagnostics that cost time are wanted, too.

        Returns:
            ``(loss, logs)``: float32 scalar with gradient; detached scalars by name. The names depend on ``detailed``
            alone, since the means over processes are taken name by name; NaN is "not told this time".
        """
        raise NotImplementedError

    def before_step(self, progress: float) -> None:
        """Called before every step, the first one of a resumed run too, with the share of training done, in [0, 1)."""

    def after_step(self, progress: float) -> None:
        """Called after every optimiser step with the share of training that is done, in (0, 1]."""

    def save_encoder(self, path: Path) -> None:
        """Write what pre-training is for, in the format that the method's ``load_model`` reads.

        Args:
            path: ``.safetensors`` file; replaced, never left half-written.
        """
        raise NotImplementedError

    def decays(self, name: str, parameter: nn.Parameter) -> bool:
        """Whether weight decay applies: to tensors of two or more axes that are no tokens or position tables."""
        return parameter.ndim > 1 and name.rsplit(".", 1)[-1] not in _NEVER_DECAYED
