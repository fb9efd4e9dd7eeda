"""What dropping masked tokens saves: a step of AudioMosaic beside an unmasked two-view step, and MSM-MAE's.

All at equal batch, size and crop; a step is loss, backward pass and optimiser. Each measurement runs in a process of
its own, kinds in turn, so that memory is each kind's alone: the peak of the process above what it held before the first
step (CPU), or of the card's allocator (CUDA). Times are medians. The views are made beforehand: they are the same for
both, and the loader's workers make the larger part of them.

    python benchmarks/pretraining_step.py [--size micro] [--crop 2.08] [--batches 64 128 256] [--device cpu]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch

from hear_audiomosaic.pretraining.methods import build_objective

KINDS: dict[str, tuple[str, dict[str, str | int | float | bool]]] = {
    "masked": ("audiomosaic", {"augment": "off"}),
    "unmasked": ("audiomosaic", {"augment": "off", "time_ratio": 0.0, "frequency_ratio": 0.0}),
    "msm-mae": ("msm-mae", {}),
}


def main() -> None:
    """Measure every kind and batch and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="micro")
    parser.add_argument("--crop", type=float, default=2.08)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options)))
        return
    print(f"{options.size}, {options.crop} s, {options.device}, {options.precision}, torch {torch.__version__}")
    print("batch   masked s  unmasked s  speed-up   masked MB  unmasked MB   share   msm-mae s   msm-mae MB")
    for batch in options.batches:
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        for _ in range(options.repeats):
            for kind, rows in found.items():
                command = [sys.executable, *sys.argv, "--one", f"{kind}:{batch}"]
                rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        s, mb = (
            {kind: statistics.median(row[key] for row in rows) for kind, rows in found.items()} for key in ("s", "mb")
        )
        print(
            f"{batch:5}{s['masked']:11.3f}{s['unmasked']:12.3f}{s['unmasked'] / s['masked']:9.2f}x"
            f"{mb['masked']:12.0f}{mb['unmasked']:13.0f}{mb['masked'] / mb['unmasked']:8.2f}"
            f"{s['msm-mae']:12.3f}{mb['msm-mae']:13.0f}",
            flush=True,
        )


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds per step and peak memory of one kind, in this process."""
    kind, _, batch = options.one.partition(":")
    method, chosen = KINDS[kind]
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    device = torch.device(options.device)
    objective = build_objective(method, options.size, options.crop, chosen).to(device).train()
    optimiser = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], 1e-4)
    n_samples = objective.n_samples(options.crop)
    drawn = {key: value.to(device) for key, value in objective.draw(int(batch), n_samples, generator).items()}
    audio = 0.1 * torch.randn(int(batch), objective.n_views, n_samples, generator=generator)
    with torch.no_grad():
        views = objective.views(audio.to(device))
    del audio
    before = _memory(device, start=True)
    seconds = []
    for _ in range(options.steps):
        begin = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            loss, _ = objective(views, drawn)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return {"s": statistics.median(seconds[1:]), "mb": (_memory(device) - before) / 1e6}


def _memory(device: torch.device, start: bool = False) -> float:
    """Bytes: the process's peak (CPU), or the allocator's (CUDA)."""
    if device.type == "cuda":
        if start:
            torch.cuda.reset_peak_memory_stats()
            return float(torch.cuda.memory_allocated())
        return float(torch.cuda.max_memory_allocated())
    if start:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123 - resets the peak
            file.write("5")
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
        lines = dict(line.split(":", 1) for line in file)
    return 1024.0 * float(lines["VmHWM"].split()[0])


if __name__ == "__main__":
    main()
