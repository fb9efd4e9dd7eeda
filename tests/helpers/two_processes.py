"""What each of two processes does in the tests of distributed training: ``python two_processes.py RANK FOLDER``."""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hear_adversarial.objective import AdversarialObjective
from hear_audiomosaic.nn.distributed import gather_rows, synchronise_batch_norms
from hear_audiomosaic.nn.objective import Objective
from hear_audiomosaic.pretraining.methods import build_objective

OPTIONS: dict[str, dict[str, str | int | float | bool]] = {
    "audiomosaic": {"augment": "off", "drop_path": 0.0},
    "msm-mae": {},
    "aasp": {"n_masks": 2, "predictor_depth": 1},
    # What it makes of a batch, it draws from the seed of the first clip; so all clips share one here, and no view is
    # drawn at random beyond the choice of crops, of which a clip of 1 s leaves none.
    "adversarial-negatives": {"selection": "uniform", "gamma": 0.0, "variant": "V1"},
}
N_SAMPLES = 16000


def made(method: str) -> Objective:
    torch.manual_seed(0)
    objective = build_objective(method, "micro", N_SAMPLES / 16000, OPTIONS[method]).train()
    for name, parameter in objective.named_parameters():
        if name.endswith("cls_token"):  # it starts so close to 0 that the LayerNorm after it multiplies rounding errors
            nn.init.normal_(parameter, std=0.02)
    if isinstance(objective, AdversarialObjective):
        objective.settings = replace(objective.settings, augment=False, control=0.0, noise=0.0)
        object.__setattr__(objective, "_disturbed", lambda guarded, offset, *_: guarded[:, offset : offset + 64])
    return objective


def step(model: nn.Module, objective: Objective, rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    audio = 0.02 * torch.randn(4, objective.n_views, N_SAMPLES, generator=generator)
    # Clips that sound alike would leave batch normalisation only rounding errors to divide by.
    hz = torch.tensor([150.0, 500.0, 1500.0, 5000.0])[:, None, None]
    audio += 0.2 * torch.sin(2 * torch.pi * hz / 16000 * torch.arange(N_SAMPLES))
    drawn = {name: values[rows] for name, values in objective.draw(4, N_SAMPLES, generator).items()}
    if "seed" in drawn:
        drawn["seed"] = torch.zeros_like(drawn["seed"])
    loss, _ = model(objective.views(audio[rows]), drawn)
    loss.backward()
    return loss.detach(), {n: p.grad for n, p in objective.named_parameters() if p.grad is not None}


def half(rank: int, folder: str) -> None:
    """Half a batch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = {}
    for method in OPTIONS:
        objective = made(method)
        synchronise_batch_norms(objective)
        model = nn.parallel.DistributedDataParallel(objective)
        loss, gradients = step(model, objective, slice(2 * rank, 2 * rank + 2))
        dist.all_reduce(loss)
        found[method] = (loss / 2, gradients, {name: b.clone() for name, b in objective.named_buffers()})
    x = torch.arange(12.0).reshape(4, 3).requires_grad_()
    everything = gather_rows(x[2 * rank : 2 * rank + 2])
    (everything.square().sum() / 2).backward()  # both processes ask the same of every row
    torch.save({"found": found, "gathered": everything.detach(), "gradient": x.grad}, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    half(int(sys.argv[1]), sys.argv[2])
