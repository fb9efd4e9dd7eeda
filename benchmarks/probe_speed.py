"""How fast is the fused trainer? Against the reference trainer, and against real heareval.

    python benchmarks/probe_speed.py DIR [--heareval-python PATH] [--precision fp32 bf16] [--threads 2]
    python benchmarks/probe_speed.py --synthetic 2400

DIR is an embeddings directory as heareval writes it. All run on the same embeddings with the same grid, one after
another (heareval in a process of its own, on a copy). Prints seconds (and CPU seconds, which other programs disturb
less), ratios, GEMM FLOPs (of every matrix product executed) and the fraction of the GEMM peak measured here at the same
precision and number of threads.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from hear_audiomosaic.heareval.read import read_heareval_directory
from hear_audiomosaic.heareval.write import write_heareval_directory
from hear_audiomosaic.probing import GridPoint, MlpProbe, ProbeResult, ProbeTask, SplitRows, get_protocol, run_protocol
from hear_audiomosaic.tasks import Fold, TaskCard

PROTOCOL = get_protocol("hear-2021")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--synthetic", type=int, metavar="ROWS", help="make a directory with this many training rows")
    parser.add_argument("--heareval-python", type=Path, help="interpreter that has heareval 2021.1.3")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-reference", action="store_true", help="leave the reference trainer out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory
        if options.synthetic:
            directory = Path(temporary) / "synthetic-v1-full"
            write_heareval_directory(directory, synthetic_task(options.synthetic))
        if directory is None:
            parser.error("give a directory or --synthetic")
        measure(directory, options, Path(temporary))


def measure(directory: Path, options: argparse.Namespace, temporary: Path) -> None:
    """Time everything on one directory."""
    task = read_heareval_directory(directory)
    rows = ", ".join(f"{split} {len(part)}" for split, part in task.splits.items())
    print(f"{directory.name}: {rows} rows x {task.embedding_size}, {len(task.vocabulary)} classes")
    print(f"{options.threads} threads, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, {options.device}")
    seconds: dict[str, float] = {}
    for precision in options.precision:
        before = gemm_peak(precision, options.device)
        started, cpu = time.perf_counter(), time.process_time()
        task = read_heareval_directory(directory)
        result = run_protocol(task, PROTOCOL, precision=precision, device=options.device)
        seconds[f"fused {precision}"] = taken = time.perf_counter() - started
        cpu = time.process_time() - cpu
        peak = max(before, gemm_peak(precision, options.device))
        flops = gemm_flops(task, result)
        print(
            f"fused {precision}: {taken:.2f} s ({cpu:.1f} CPU), score {result.score:.4f}, "
            f"{flops / 1e12:.3f} TFLOP in GEMMs, {flops / taken / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s = "
            f"{flops / taken / peak:.0%} of the measured peak"
        )
    if options.heareval_python:
        seconds["heareval"] = time_heareval(directory, options, temporary)
    if not options.no_reference:
        started, cpu = time.perf_counter(), time.process_time()
        run_protocol(task, PROTOCOL, device=options.device, trainer="reference")
        seconds["reference"] = time.perf_counter() - started
        print(f"reference: {seconds['reference']:.2f} s ({time.process_time() - cpu:.1f} CPU)")
    for slow in ("heareval", "reference"):
        for fast in options.precision:
            if slow in seconds:
                print(f"{slow} / fused {fast}: {seconds[slow] / seconds[f'fused {fast}']:.2f}x")


def gemm_peak(precision: str, device: str) -> float:
    """Best FLOP/s of a large matrix product."""
    n = 2048 if device == "cpu" else 8192
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    out = torch.empty(n, n, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(12):
        synchronise(device)
        started = time.perf_counter()
        torch.mm(a, b, out=out)
        synchronise(device)
        best = min(best, time.perf_counter() - started)
    return 2 * n**3 / best


def synchronise(device: str) -> None:
    """Wait for the device."""
    if device != "cpu":
        torch.cuda.synchronize()


def gemm_flops(task: ProbeTask, result: ProbeResult) -> float:
    """Floating-point operations of every matrix product of training and validation."""
    if not isinstance(PROTOCOL.probe, MlpProbe):
        raise SystemExit(f"{PROTOCOL.name} trains no heads")
    folds = task.card.folds
    points = PROTOCOL.probe.grid_points(task.name, task.card.task_specific_param_grid)
    winner = next(point for point in points if point.hparams() == result.hparams)
    heads = [(folds[0], point, entry.epoch or 0) for point, entry in zip(points, result.grid_points, strict=True)]
    heads += [
        (fold, winner, int(r.scores["epoch"])) for fold, r in zip(folds, result.folds, strict=True) if fold != folds[0]
    ]
    return sum(head_flops(task, *head) for head in heads)


def head_flops(task: ProbeTask, fold: Fold, point: GridPoint, best_epoch: int) -> float:
    """Of one head: forward, weight gradients, and gradients of every layer's input but the first's."""
    D, H, C, L = task.embedding_size, point.hidden_dim, len(task.vocabulary), point.hidden_layers
    hidden, first, last = (L - 1) * H * H, D * H, H * C
    checks = min(point.n_checks, (best_epoch + 1) // point.check_val_every_n_epoch + point.patience)
    n_train = sum(len(task.splits[split]) for split in fold.train)
    n_valid = len(task.splits[fold.valid])
    forward = first + hidden + last
    per_check = point.check_val_every_n_epoch * n_train * (2 * forward + hidden + last) + n_valid * forward
    return 2.0 * checks * per_check


def time_heareval(directory: Path, options: argparse.Namespace, temporary: Path) -> float:
    """Run heareval's prediction runner on a copy; its own time, without the start of its interpreter."""
    copy = temporary / "embeddings" / "module" / directory.name
    shutil.copytree(directory, copy, copy_function=shutil.copyfile)
    for path in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        path.chmod(0o755)
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    started, cpu = time.perf_counter(), os.times().children_user
    done = subprocess.run(
        [str(options.heareval_python), "-m", "heareval.predictions.runner", str(copy.relative_to(temporary))],
        cwd=temporary,
        env={**os.environ, **threads, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, cpu = time.perf_counter() - started, os.times().children_user - cpu
    if done.returncode != 0:
        raise SystemExit(f"heareval failed:\n{done.stderr[-3000:]}")
    seconds = float(json.loads((copy / "prediction-done.json").read_text())["time"])
    scores = json.loads((copy / "test.predicted-scores.json").read_text())
    score = scores.get("aggregated_scores", {}).get("test_score_mean") or scores.get("test", {}).get("test_score")
    start = wall - seconds
    print(f"heareval: {seconds:.2f} s ({cpu:.1f} CPU with its start of {start:.1f} s), score {score:.4f}")
    return seconds


def synthetic_task(n_train: int, n_features: int = 192, n_classes: int = 10) -> ProbeTask:
    """Noisy clusters: a task that trains for about as long as the digits."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, n_features))
    splits = {}
    for split, n in (("train", n_train), ("valid", n_train // 8), ("test", n_train // 8)):
        label = rng.integers(n_classes, size=n)
        values = centres[label] + 4.0 * rng.normal(size=(n, n_features))
        files = tuple(f"{split}{i}.wav" for i in range(n))
        targets = np.eye(n_classes, dtype=np.float32)[label]
        splits[split] = SplitRows(values.astype(np.float32), targets, files, np.arange(n))
    vocabulary = tuple(f"c{c}" for c in range(n_classes))
    scores = ("top1_acc", "mAP", "d_prime", "aucroc")
    fields = {
        "name": "synthetic",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "splits": tuple(splits),
        "evaluation": scores,
    }
    return ProbeTask(TaskCard.from_fields(fields, "synthetic"), splits, vocabulary)


if __name__ == "__main__":
    main()
