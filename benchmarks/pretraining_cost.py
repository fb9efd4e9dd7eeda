"""What pre-training costs at scale: multiply-adds of a step, counted by torch, and what they come to on a card.

Counted are matrix products, convolutions and attention of the loss and its backward pass, at the given size and crop,
for a batch of a few clips; a clip's share does not depend on the batch but for the contrastive logits.

    python benchmarks/pretraining_cost.py [--size base] [--crop 10] [--clips 2042000] [--epochs 100] [--tflops 300]
"""

from __future__ import annotations

import argparse

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hear_audiomosaic.pretraining.methods import build_objective

METHODS: dict[str, dict[str, str | int | float | bool]] = {
    "audiomosaic": {"augment": "off"},
    "msm-mae": {},
    "aasp": {},
    "adversarial-negatives": {"selection": "scores"},
}


def main() -> None:
    """Count every method's step and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="base")
    parser.add_argument("--crop", type=float, default=10.0)
    parser.add_argument("--clips", type=int, default=2_042_000, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--tflops", type=float, default=300.0, help="reached by the card, 1e12 operations a second")
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    print(f"{'method':<24}{'GFLOP a clip':>14}{'GPU hours an epoch':>20}{f'{options.epochs} epochs':>14}")
    for method, chosen in METHODS.items():
        flops = counted(method, chosen, options) / options.batch
        hours = flops * options.clips / (options.tflops * 1e12) / 3600
        print(f"{method:<24}{flops / 1e9:14.1f}{hours:20.2f}{hours * options.epochs:14.0f}", flush=True)


def counted(method: str, chosen: dict[str, str | int | float | bool], options: argparse.Namespace) -> float:
    """Operations (two per multiply-add) of one step."""
    objective = build_objective(method, options.size, options.crop, chosen).train()
    objective.before_step(1.0)
    n_samples = objective.n_samples(options.crop)
    drawn = objective.draw(options.batch, n_samples, torch.Generator().manual_seed(0))
    with torch.no_grad():
        views = objective.views(0.1 * torch.randn(options.batch, objective.n_views, n_samples))
    # Written out: the counter does not know the fused kernel of a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss, _ = objective(views, drawn)
        loss.backward()
    return float(counter.get_total_flops())


if __name__ == "__main__":
    main()
