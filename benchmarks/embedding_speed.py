"""What does embedding cost beside the encoder itself? And how long does heareval take?

    python benchmarks/embedding_speed.py TASK_DIR [--encoders logmel random:tiny] [--repeats 3] [--heareval]

TASK_DIR is a prepared task. For each encoder, in turn within one process: the bare forward pass (HEAR's function under
``no_grad`` over decoded audio that lies in memory, in the batches that ``embed`` makes) and ``embed_task`` into an
empty store (reading, decoding and digesting every recording, checking every answer, writing, checksums). With
``--heareval``, heareval 2021.1.3's own embeddings runner embeds the same clips with the same encoder, and so does
``hear-audiomosaic embed --layout heareval``, each in a process of its own, start included. The fastest of the repeats
counts. The figures of merit are the ratios (wanted: at most 1.08, at least 1.5).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding import embed_task
from hear_audiomosaic.hear import Encoder, load_encoder
from hear_audiomosaic.tasks import PreparedTask, find_task

BATCH_SECONDS = 40.0  # of embed_task on a CPU


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", type=Path)
    parser.add_argument("--encoders", nargs="+", default=["random:micro", "logmel", "audiomosaic"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--heareval", action="store_true", help="this interpreter has heareval 2021.1.3")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    task = find_task(options.task.name, options.task.parent)
    for ref in options.encoders:
        measure(load_encoder(ref), task, options.repeats)
        if options.heareval:
            measure_heareval(ref, task, options.repeats)


def measure(encoder: Encoder, task: PreparedTask, repeats: int) -> None:
    """Bare forward pass and embedding, one after the other, ``repeats`` times."""
    batches = decoded_batches(encoder, task)
    timed = task.card.embedding_type == "event"
    forward = encoder.timestamps if timed else encoder.scene
    call = encoder._module.get_timestamp_embeddings if timed else encoder._module.get_scene_embeddings
    with torch.no_grad():
        forward(batches[0])  # what is made at the first call is not counted on either side

    def bare() -> None:
        with torch.no_grad():
            for batch in batches:
                call(batch, encoder._model)

    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        seconds["bare"].append(elapsed(bare))
        with tempfile.TemporaryDirectory() as store:
            seconds["embed"].append(elapsed(lambda store=store: embed_task(encoder, task, Path(store))))
    best_bare, best_embed = min(seconds["bare"]), min(seconds["embed"])
    audio_s = sum(batch.numel() for batch in batches) / encoder.sample_rate
    print(
        f"{encoder.ref.text:24} {audio_s:7.0f} s of audio  bare {best_bare:7.3f} s  embed {best_embed:7.3f} s  "
        f"ratio {best_embed / best_bare:.3f}  (ratios of the pairs: "
        f"{', '.join(f'{e / b:.3f}' for b, e in zip(seconds['bare'], seconds['embed'], strict=True))})",
        flush=True,
    )


def measure_heareval(ref: str, task: PreparedTask, repeats: int) -> None:
    """Our command and heareval's, each in its own process."""
    weights = ref.partition(":")[2]
    encoder = load_encoder(ref)
    module = encoder._module.__name__
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as out:
            theirs = [sys.executable, "-m", "heareval.embeddings.runner", module]
            theirs += ["--model", weights] if weights else []
            theirs += ["--tasks-dir", str(task.directory.parent), "--task", task.directory.name]
            theirs += ["--embeddings-dir", f"{out}/theirs"]
            ours = [sys.executable, "-m", "hear_audiomosaic", "embed", "--encoder", ref]
            ours += ["--tasks-dir", str(task.directory.parent), "--tasks", task.directory.name]
            ours += ["--layout", "heareval", "--out", f"{out}/ours", "--store", f"{out}/store"]
            for name, command in (("heareval", theirs), ("ours", ours)):
                started = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - started)
    theirs_s, ours_s = min(seconds["heareval"]), min(seconds["ours"])
    ratio = theirs_s / ours_s
    print(f"{ref:24} heareval {theirs_s:7.2f} s  ours {ours_s:7.2f} s  {ratio:.2f} times as fast", flush=True)


def decoded_batches(encoder: Encoder, task: PreparedTask) -> list[torch.Tensor]:
    """All clips, decoded, in batches of one length and of at most 40 s."""
    by_length: dict[int, list[np.ndarray]] = defaultdict(list)
    rate = task.best_rate(encoder.sample_rate)
    for split in task.splits:
        for file in task.labels(split):
            samples, _ = read_audio(task.audio_path(split, file, rate), encoder.sample_rate)
            by_length[len(samples)].append(samples)
    batches = []
    for length in sorted(by_length, reverse=True):
        clips = by_length[length]
        size = max(1, int(BATCH_SECONDS * encoder.sample_rate / length))
        batches += [torch.from_numpy(np.stack(clips[i : i + size])) for i in range(0, len(clips), size)]
    return batches


def elapsed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
