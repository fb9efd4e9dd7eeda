"""Teachers that follow a student: exponential moving averages of weights (mean teacher, arXiv 1703.01780)."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

__all__ = ["ema_momentum", "ema_update", "frozen_copy"]


ModuleT = TypeVar("ModuleT", bound=nn.Module)


def frozen_copy(module: ModuleT) -> ModuleT:
    """A copy in eval mode whose parameters take no gradient."""
    return copy.deepcopy(module).eval().requires_grad_(False)


@torch.no_grad()
def ema_update(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Set the teacher to momentum * teacher + (1 - momentum) * student, for parameters; buffers are copied.

    Args:
        teacher: from :func:`frozen_copy` of the student.
        student: the module that is trained.
        momentum: in [0, 1].
    """
    own = dict(teacher.named_parameters())
    theirs = dict(student.named_parameters())
    if own.keys() != theirs.keys():
        raise ValueError(f"The teacher is no copy of the student: they differ in {sorted(own.keys() ^ theirs.keys())}.")
    torch._foreach_lerp_(list(own.values()), [theirs[name].detach() for name in own], 1.0 - momentum)
    buffers = dict(student.named_buffers())
    for name, buffer in teacher.named_buffers():
        buffer.copy_(buffers[name])


def ema_momentum(progress: float, start: float, end: float, ramp: float = 1.0) -> float:
    """Momentum that rises linearly from ``start`` to ``end`` over the first ``ramp`` of training, then stays.

    Args:
        progress: share of training done, in [0, 1].
        start: momentum at the beginning.
        end: momentum at the end of the ramp.
        ramp: share of training that the ramp takes, in (0, 1].
    """
    return start + (end - start) * min(1.0, max(0.0, progress) / ramp)
