"""AdamW with warm-up and half-cosine decay, for every method alike."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from hear_audiomosaic.nn.objective import Objective, OptimiserSettings

__all__ = ["adamw", "learning_rate", "scaled"]


def scaled(own: OptimiserSettings, batch_size: int) -> OptimiserSettings:
    """A method's own settings for another batch: learning rate times the square root of the ratio, never raised.

    Source: square-root scaling for adaptive optimisers (Malladi et al., arXiv 2205.10287).
    """
    factor = min(1.0, math.sqrt(batch_size / own.clips_per_step))
    return replace(own, peak_lr=own.peak_lr * factor, final_lr=own.final_lr * factor, clips_per_step=batch_size)


def learning_rate(step: int, n_steps: int, settings: OptimiserSettings) -> float:
    """Of step 0 .. n_steps - 1: linear from 0 over the warm-up, then half a cosine, at ``n_steps`` on ``final_lr``."""
    warm = max(1, round(settings.warm_up * n_steps))
    if step < warm:
        return settings.peak_lr * (step + 1) / warm
    progress = (step - warm) / max(1, n_steps - warm)
    low, high = settings.final_lr, settings.peak_lr
    return low + (high - low) * 0.5 * (1.0 + math.cos(math.pi * progress))


def adamw(objective: Objective, settings: OptimiserSettings) -> tuple[torch.optim.AdamW, list[str]]:
    """AdamW over what is trainable, in two groups: with weight decay and without.

    Returns:
        The optimiser, and the parameters' names in its order.
    """
    trainable = [(name, p) for name, p in objective.named_parameters() if p.requires_grad]
    decayed = [(name, p) for name, p in trainable if objective.decays(name, p)]
    kept = {name for name, _ in decayed}
    others = [(name, p) for name, p in trainable if name not in kept]
    groups = [
        {"params": [p for _, p in decayed], "weight_decay": settings.weight_decay},
        {"params": [p for _, p in others], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.peak_lr, betas=settings.betas
    )
    return optimiser, [name for name, _ in decayed + others]
