"""Workers that are killed or stopped at random moments: nothing is lost, and no process is left."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import misbehaving
import numpy as np
import pytest
import soundfile
import torch

from hear_audiomosaic.api import evaluate
from hear_audiomosaic.embedding import embed_task
from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.hear.isolated.encoder import IsolatedEncoder, load_isolated
from hear_audiomosaic.hear.isolated.process import TIMEOUT_VARIABLE
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

N_CLIPS = 40


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(misbehaving.__file__).parent))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> PreparedTask:
    """Forty clips of a tenth of a second; of one the peak is 0.9."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    lines = ["filename,label,split"]
    for i in range(N_CLIPS):
        samples = 0.1 * rng.standard_normal(1600)
        samples[5] = 0.9 if i == 7 else 0.0
        soundfile.write(folder / f"{i}.wav", samples, 16000, subtype="FLOAT")
        lines.append(f"{i}.wav,{'ab'[i % 2]},{('train', 'train', 'valid', 'test')[i // 2 % 4]}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    tasks_dir = tmp_path_factory.mktemp("tasks")
    made = prepare_folder(folder, "clips", label_column="label", split_column="split", tasks_dir=tasks_dir)
    return PreparedTask.open(made.directory)


def load(**options: str | float) -> IsolatedEncoder:
    ref = EncoderRef("misbehaving", options=tuple(sorted(options.items())), python=sys.executable)
    return load_isolated(ref, torch.device("cpu"))


class Killer(threading.Thread):
    """Kills or stops the encoder's worker, each time another one, after random times; twice in a row at most.

    Args:
        encoder: the encoder.
        times: how often.
    """

    def __init__(self, encoder: IsolatedEncoder, times: int) -> None:
        super().__init__(daemon=True)
        self.remote, self.times, self.pids = encoder._remote, times, list[int]()
        self.draw = random.Random(times)  # noqa: S311 - draws of a test

    def run(self) -> None:
        while len(self.pids) < self.times:
            worker = self.remote._worker
            if (
                worker is None
                or worker._process.pid in self.pids
                or not worker.is_there
                or (len(self.pids) % 2 == 0 and self.remote._failures)
            ):
                time.sleep(0.001)
                continue
            time.sleep(self.draw.uniform(0.0, 0.2))
            self.pids.append(worker._process.pid)
            os.kill(worker._process.pid, signal.SIGSTOP if len(self.pids) % 3 == 2 else signal.SIGKILL)


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.faults)])
def test_nothing_is_lost(times: int, task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = embed_task(load(scene="waits"), task, tmp_path / "undisturbed").digest
    monkeypatch.setenv(TIMEOUT_VARIABLE, "4")
    encoder = load(scene="waits")
    killer = Killer(encoder, times)
    killer.start()
    n_rounds = 0
    while killer.is_alive() or not n_rounds:  # each into a store of its own, until all kills are done
        n_rounds += 1
        assert embed_task(encoder, task, tmp_path / str(n_rounds), batch_seconds=0.2).digest == expected
    pids = {*killer.pids, encoder._remote._worker._process.pid}  # type: ignore[union-attr]
    assert len(killer.pids) == times
    del encoder, killer
    gc.collect()  # errors with their traces hold each other
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_clip_that_kills_loses_only_itself_and_the_run_goes_on(task: PreparedTask, tmp_path: Path) -> None:
    dies = EncoderRef("misbehaving", options=(("above", 0.85), ("scene", "dies")), python=sys.executable).text
    results = evaluate(
        [dies, "logmel"], [task], ["logistic"], out=tmp_path / "results", store_dir=tmp_path / "store"
    )  # fmt: skip
    [failure] = results.failures
    assert "1 clip failed; 39 could be" in failure
    assert "the last words" in failure
    assert sorted(one.encoder.ref for one in results if one.score is not None) == ["logmel"]
