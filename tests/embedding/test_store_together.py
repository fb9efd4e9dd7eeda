"""Several processes on one store: every row right, every clip embedded once, no lock that outlives its holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from embed_together import rows_digest
from task_folders import event_folder, prepare, scene_folder

from hear_audiomosaic.embedding import SplitStore
from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.tasks import PreparedTask

HELPERS = Path(__file__).parents[1] / "helpers"
HOLD = """
import os, sys, time
from pathlib import Path
from hear_audiomosaic.embedding import SplitStore
from embed_together import rows_digest
append, calls = SplitStore.append_all, 0
def held(store, *arguments):
    global calls
    calls += 1
    if calls > 3:
        with (store.folder / "values.f32").open("ab") as rows:
            rows.write(b"half a row")
        if os.fork():
            print("held", flush=True)
        time.sleep(60)  # the child, too
        os._exit(0)
    append(store, *arguments)
SplitStore.append_all = held
rows_digest(Path(sys.argv[1]), Path(sys.argv[2]))
"""

EMBED = """
import sys
from pathlib import Path
from embed_together import rows_digest
print(*rows_digest(*map(Path, sys.argv[1:])))
"""


@pytest.fixture(params=["scene", "timestamp"])
def task(request: pytest.FixtureRequest, tmp_path: Path) -> PreparedTask:
    if request.param == "scene":
        return prepare(scene_folder(tmp_path / "in"), tmp_path / "tasks", split_column="split")
    events = [
        {"filename": f"c{i}.flac", "onset_s": onset, "offset_s": onset + 0.6, "label": label}
        for i in range(5)
        for onset, label in ((0.57, "knock"), (0.1, "bell"))
    ]
    source = event_folder(tmp_path / "in", events=events)
    return prepare(source, tmp_path / "tasks", label_column="label", split_column="split", events_file="events.csv")


def environment() -> dict[str, str]:
    paths = [str(HELPERS), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path), "CUDA_VISIBLE_DEVICES": ""}


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def rounds_together(task: PreparedTask, folder: Path, n_processes: int, n_rounds: int) -> None:
    n_clips = sum(len(task.files(split)) for split in task.splits)
    embedded, right = rows_digest(task.directory, folder / "alone")
    assert embedded == n_clips
    script, meeting = HELPERS / "embed_together.py", folder / "together"
    processes = [start(script, task.directory, n_rounds, meeting, f"p{i}", n_processes) for i in range(n_processes)]
    ended = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * n_processes, ended
    for found in zip(*([json.loads(line) for line in out.splitlines()] for out, _ in ended), strict=True):
        assert [digest for _, digest in found] == [right] * n_processes
        assert sum(embedded for embedded, _ in found) == n_clips  # once each, by whichever process
    for i in range(n_rounds):
        assert rows_digest(task.directory, meeting / f"store-{i}") == (0, right)


@pytest.mark.parametrize("n_processes", [2, 3])
def test_runs_on_one_store_share_it(task: PreparedTask, tmp_path: Path, n_processes: int) -> None:
    rounds_together(task, tmp_path, n_processes, 4)


@pytest.mark.faults
@pytest.mark.parametrize("n_processes", [2, 3])
def test_runs_on_one_store_share_it_in_50_rounds(task: PreparedTask, tmp_path: Path, n_processes: int) -> None:
    rounds_together(task, tmp_path, n_processes, 50)


def test_a_killed_holder_leaves_no_lock(task: PreparedTask, tmp_path: Path) -> None:
    """Not even through a child that it forked, as encoders and data loaders do; the one that waited goes on."""
    right = rows_digest(task.directory, tmp_path / "alone")[1]
    holder = start("-c", HOLD, task.directory, tmp_path / "store")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        second = start("-c", EMBED, task.directory, tmp_path / "store")
        assert second.stderr is not None
        said = second.stderr.readline()
        assert "waiting for another run that embeds split" in said
        assert task.directory.name in said
        assert second.poll() is None
        holder.kill()
        out, errors = second.communicate(timeout=60)
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()
    n_clips = sum(len(task.files(split)) for split in task.splits)
    assert (out.split(), errors) == ([str(n_clips - 3), right], "")  # said once; the 3 whole clips are kept


def test_readers_see_whole_clips_while_one_writes(tmp_path: Path) -> None:
    def value(i: int) -> np.ndarray:
        return np.full((1 + i % 7, 3), i, np.float32)

    def write() -> None:
        with SplitStore(tmp_path, 3, True) as store:
            for i in range(400):
                store.append(f"{i}", "digest", value(i), np.arange(len(value(i))) * 1.0)
                if i % 50 == 25:  # however busy the machine is, it is looked at in between
                    looked.clear()
                    looked.wait(60)

    writer, seen, looked = threading.Thread(target=write), set(), threading.Event()
    writer.start()
    while writer.is_alive() or len(seen) < 2:
        store = SplitStore(tmp_path, 3, True)
        files = [f"{i}" for i in range(400) if store.has(f"{i}", "digest")]
        seen.add(len(files))
        looked.set()
        if files:
            assert np.array_equal(store.read(files).values, np.concatenate([value(int(file)) for file in files]))
    writer.join()
    assert len(seen) > 4


def test_reading_locks_and_writes_nothing(task: PreparedTask, tmp_path: Path) -> None:
    before = rows_digest(task.directory, tmp_path / "store")[1]
    for lock in tmp_path.glob("store/**/*.lock"):
        lock.unlink()
    before_reading = times_of_change(tmp_path / "store")
    assert rows_digest(task.directory, tmp_path / "store") == (0, before)
    assert times_of_change(tmp_path / "store") == before_reading


def times_of_change(store: Path) -> dict[Path, int]:
    """Of everything but the memory of digests."""
    return {path: path.stat().st_mtime_ns for path in store.glob("*-*/**/*")}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddingError, match=r"writer\.lock cannot be locked"),
        SplitStore(tmp_path / "file" / "s", 3, True),
    ):
        pass
