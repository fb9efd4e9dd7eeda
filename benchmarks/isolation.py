"""What does it cost to run an encoder in an interpreter of its own?

    python benchmarks/isolation.py TASK_DIR [--encoders random:micro random:small] [--clips 160] [--repeats 5]
        [--threads 1] [--device cpu]

TASK_DIR is a prepared task. Each encoder is loaded twice, in this process and in a worker of this same interpreter, and
embeds the same clips, which lie decoded in memory, in the batches that ``embed`` makes, in process and isolated in turn
so that what else the machine does hits both alike. Reading and storing, which cost the same either way, are left out.
The embeddings are compared, to the last bit on a CPU. The figure of merit is the ratio of the times, the fastest of the
repeats of each (wanted: at most 1.10).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.hear import Encoder, EncoderRef, load_encoder
from hear_audiomosaic.tasks import PreparedTask, find_task

BATCH_SECONDS = 40.0  # of embed_task on a CPU


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", type=Path)
    parser.add_argument("--encoders", nargs="+", default=["random:micro", "random:small"])
    parser.add_argument("--clips", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    task = find_task(options.task.name, options.task.parent)
    for ref in options.encoders:
        measure(ref, task, options.clips, options.repeats, options.device)


def measure(ref: str, task: PreparedTask, n_clips: int, repeats: int, device: str) -> None:
    """The same clips in process and isolated, in turn."""
    here = load_encoder(ref, device)
    there = load_encoder(EncoderRef.parse(ref).with_python(sys.executable), device)
    batches = decoded_batches(here, task, n_clips)
    differences = [np.abs(embed(here, one)[0] - embed(there, one)[0]).max() for one in batches[:2]]
    times: dict[str, list[float]] = {"in process": [], "isolated": []}
    for _ in range(repeats):
        for name, encoder in zip(times, (here, there), strict=True):
            started = time.perf_counter()
            for audio in batches:
                embed(encoder, audio)
            times[name].append(time.perf_counter() - started)
    fastest = {name: min(several) for name, several in times.items()}
    ratios = [b / a for a, b in zip(*times.values(), strict=True)]
    print(
        f"{ref} on {task.card.name} ({sum(map(len, batches))} clips, {len(batches)} batches, {device}): "
        f"in process {fastest['in process']:.3f} s, isolated {fastest['isolated']:.3f} s, "
        f"ratio {fastest['isolated'] / fastest['in process']:.3f} (of each pair: median "
        f"{statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}); "
        f"largest difference {max(differences):.1e}",
        flush=True,
    )


def embed(encoder: Encoder, audio: torch.Tensor) -> tuple[np.ndarray, ...]:
    """Scene and, for what it costs to bring many rows back, timestamp embeddings."""
    return encoder.scene(audio), encoder.timestamps(audio)[0]


def decoded_batches(encoder: Encoder, task: PreparedTask, n_clips: int) -> list[torch.Tensor]:
    """Clips of the task in memory, float32 (B, S), in batches of equal length."""
    clips: dict[int, list[np.ndarray]] = {}
    rate_hz = task.best_rate(encoder.sample_rate)
    for split in task.splits:
        for file in task.files(split)[: n_clips // len(task.splits)]:
            samples, _ = read_audio(task.audio_path(split, file, rate_hz), encoder.sample_rate)
            clips.setdefault(len(samples), []).append(samples)
    batches = []
    for n_samples, several in clips.items():
        size = max(1, int(BATCH_SECONDS * encoder.sample_rate / n_samples))
        batches += [torch.from_numpy(np.stack(several[i : i + size])) for i in range(0, len(several), size)]
    return batches


if __name__ == "__main__":
    main()
