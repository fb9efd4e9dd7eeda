"""``hear-audiomosaic pretrain``: an encoder from audio without labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, Device, examples, print_facts

EXAMPLES = examples(
    "pretrain audiomosaic --data recordings/ --size micro --steps 1000 --out runs/audiomosaic",
    "pretrain msm-mae --data recordings/ --size tiny --steps 1000 --option patch_size=16x8 --out runs/msm-mae",
)


def pretrain(
    method: Annotated[str, typer.Argument(help="A method that can be pre-trained, such as audiomosaic.")],
    data: Annotated[list[str], typer.Option("--data", help="Folders, lists of files, or tar shards (paths or URLs).")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run; the same command resumes it.")],
    size: Annotated[str, typer.Option("--size", help="micro, tiny, small or base.")] = "micro",
    steps: Annotated[int, typer.Option("--steps", help="Optimiser steps.")] = 1000,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Clips per step, over all processes.")] = 128,
    seed: Annotated[int, typer.Option("--seed", help="Of weights, order, crops and masks.")] = 0,
    crop_s: Annotated[float, typer.Option("--crop", help="Seconds of a crop.")] = 2.08,
    option: Annotated[list[str] | None, typer.Option("--option", help="NAME=VALUE, of the method.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")] = None,
    warm_up: Annotated[float | None, typer.Option("--warm-up", help="Share of the steps.")] = None,
    clip_norm: Annotated[float | None, typer.Option("--clip-norm", help="Largest norm of the gradient.")] = None,
    accumulate: Annotated[int, typer.Option("--accumulate", help="Parts a batch is computed in.")] = 1,
    checkpoint_blocks: Annotated[bool, typer.Option("--checkpoint-blocks", help="Less memory, more work.")] = False,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the step.")] = False,
    workers: Annotated[int, typer.Option("--workers", help="Processes that read ahead.")] = 1,
    log_every: Annotated[int, typer.Option("--log-every", help="Steps.")] = 10,
    save_every: Annotated[int, typer.Option("--save-every", help="Steps.")] = 100,
    precision: Annotated[str, typer.Option("--precision", help="fp32, or bf16 autocast.")] = "fp32",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Pre-train an encoder; under torchrun, on several processes or machines."""
    from hear_audiomosaic.pretraining import PretrainSettings
    from hear_audiomosaic.pretraining import pretrain as run
    from hear_audiomosaic.pretraining.methods import parse_options

    settings = PretrainSettings(
        method=method,
        data=tuple(data),
        out=out,
        size=size,
        n_steps=steps,
        batch_size=batch_size,
        seed=seed,
        crop_s=crop_s,
        options=parse_options(option or []),
        peak_lr=lr,
        warm_up=warm_up,
        clip_norm=clip_norm,
        precision=precision,  # type: ignore[arg-type]  # checked there
        accumulate=accumulate,
        checkpoint_blocks=checkpoint_blocks,
        compile=compiled,
        n_workers=workers,
        log_every=log_every,
        save_every=save_every,
        device=device,
    )
    trained = run(settings)
    if os.environ.get("RANK", "0") == "0":  # under torchrun, one process prints for all
        print_facts({"encoder": str(trained.encoder), **trained.facts}, as_json)
