"""What each of several processes does on one store: ``python embed_together.py TASK N_ROUNDS MEETING OWN_NAME N``.

A round begins when all N processes have met; it has a store of its own, ``MEETING/store-<round>``. Each process prints
a line of JSON per round: how many clips it embedded, and the digest of the rows that it then reads.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
from toy_encoder import module

from hear_audiomosaic.embedding import embed_task, extractor
from hear_audiomosaic.hear.objects import as_encoder
from hear_audiomosaic.tasks import PreparedTask


def meet(folder: Path, own: str, n: int) -> None:
    """Wait for the others."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / own).touch()
    while len(list(folder.iterdir())) < n:
        time.sleep(0.001)


def rows_digest(task_dir: Path, store: Path) -> tuple[int, str]:
    """How many clips were embedded now, and the digest of all rows and times, by split and file."""
    task, embedded = PreparedTask.open(task_dir), 0
    encode = extractor._encode_group

    def counted(*arguments: object) -> object:
        nonlocal embedded
        embedded += sum(len(clips) for clips, _ in arguments[1])  # type: ignore[attr-defined]
        return encode(*arguments)  # type: ignore[arg-type]

    extractor._encode_group = counted  # type: ignore[assignment]
    embeddings = embed_task(as_encoder(module()), task, store, batch_seconds=1e-3)  # a clip each
    extractor._encode_group = encode
    digest = hashlib.sha256()
    for split in task.splits:
        rows = embeddings.rows(split, task.files(split))
        for part in (rows.values, rows.row_file, rows.timestamps_ms):
            digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
    return embedded, digest.hexdigest()


if __name__ == "__main__":
    task_dir, meeting, own = Path(sys.argv[1]), Path(sys.argv[3]), sys.argv[4]
    rows_digest(task_dir, meeting / f"warm-{own}")  # alone; what the first call costs comes before the rounds
    for i in range(int(sys.argv[2])):
        meet(meeting / f"meet-{i}", own, int(sys.argv[5]))
        sys.stdout.write(json.dumps(rows_digest(task_dir, meeting / f"store-{i}")) + "\n")
