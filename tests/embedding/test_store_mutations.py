"""A store whose files somebody damaged: every clip that it has is the one that was written, or reading says why not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutations import Case, hunt

from hear_audiomosaic.embedding import SplitStore

SHORT = 40
LONG = 800
"""Mutations of a store of scenes, and of one with timestamps."""

pytestmark = pytest.mark.skipif(
    find_spec("hear_audiomosaic.embedding.index") is None, reason="this store has no checksums"
)


def store_case(folder: Path, timed: bool) -> Case:
    store = folder / "encoder" / "task" / "train"
    rng = np.random.default_rng(0)
    clips = {f"{i}.wav": rng.normal(size=(1 + i if timed else 1, 3)).astype(np.float32) for i in range(5)}
    times = {file: 10.0 * np.arange(len(values)) for file, values in clips.items()}
    with SplitStore(store, 3, timed) as writing:
        for file, values in clips.items():
            writing.append(file, f"digest of {file}", values, times[file] if timed else None)

    def read() -> Any:
        """What a run has in the end: what the store lacks is embedded again."""
        with SplitStore(store, 3, timed) as opened:
            for file, values in clips.items():
                if not opened.has(file, f"digest of {file}"):
                    opened.append(file, f"digest of {file}", values, times[file] if timed else None)
        rows = SplitStore(store, 3, timed).read(sorted(clips))
        stamps = None if rows.timestamps_ms is None else rows.timestamps_ms.tolist()
        return rows.files, rows.row_file.tolist(), rows.values.tobytes(), stamps

    read()
    files = tuple(path for path in sorted(store.iterdir()) if path.suffix != ".lock" and path.stat().st_size)
    return Case(files, read)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("n", [SHORT, pytest.param(LONG, marks=pytest.mark.faults)])
def test_a_damaged_store_is_told_or_mended(tmp_path: Path, timed: bool, n: int) -> None:
    found = hunt(store_case(tmp_path, timed), n, seed=n)
    print(dict(found.outcomes))  # noqa: T201 - the counts, with -s
    assert not found.wrong, "\n".join(found.wrong[:8])
    assert sum(found.outcomes.values()) == n
