"""Two processes with half a batch each: the loss and the gradients of one process with all of it."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stopped
import torch
import two_processes
from audio_files import folder_of
from torch import nn
from two_processes import OPTIONS, made, step

from hear_audiomosaic.cli import main
from hear_audiomosaic.nn.distributed import GlobalBatchNorm1d, gather_rows, synchronise_batch_norms


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, two_processes.__file__]
    both = [subprocess.Popen([*command, str(rank), str(folder)], stderr=subprocess.PIPE) for rank in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors.decode()[-2000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the two processes: another number of threads adds up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("method", OPTIONS)
def test_loss_and_gradients_equal_those_of_one_process(method: str, halves: list[dict[str, object]]) -> None:
    objective = made(method)
    loss, gradients = step(objective, objective, slice(0, 4))
    for process in halves:
        its_loss, its_gradients, its_buffers = process["found"][method]  # type: ignore[index]
        torch.testing.assert_close(its_loss, loss, rtol=1e-5, atol=1e-6)
        assert its_gradients.keys() == gradients.keys()
        largest = max(float(g.abs().max()) for g in gradients.values())
        for name, gradient in gradients.items():
            torch.testing.assert_close(its_gradients[name], gradient, rtol=1e-5, atol=1e-5 * largest, msg=name)
        for name, buffer in objective.named_buffers():
            torch.testing.assert_close(its_buffers[name], buffer, rtol=1e-5, atol=1e-6, msg=name)


def test_gathered_rows_carry_the_gradient_of_all_processes(halves: list[dict[str, object]]) -> None:
    whole = torch.arange(12.0).reshape(4, 3)
    for rank, process in enumerate(halves):
        own = slice(2 * rank, 2 * rank + 2)
        assert torch.equal(process["gathered"], whole)  # type: ignore[arg-type]
        assert torch.equal(process["gradient"][own], 2 * whole[own])  # type: ignore[index]


def test_in_one_process_nothing_changes() -> None:
    rows = torch.randn(4, 3)
    assert gather_rows(rows) is rows
    plain, other = nn.Sequential(nn.BatchNorm1d(3)), nn.Sequential(nn.BatchNorm1d(3))
    synchronise_batch_norms(other)
    assert type(other[0]) is GlobalBatchNorm1d
    assert torch.equal(plain(rows), other(rows))
    assert plain.state_dict().keys() == other.state_dict().keys()


ARGUMENTS = {
    "audiomosaic": ["--option", "augment=off", "--option", "drop_path=0.0"],
    "adversarial-negatives": ["--option", "selection=scores"],
}


def arguments(method: str, audio: Path, out: Path) -> list[str]:
    """Three steps by the command."""
    command = ["pretrain", method, "--data", str(audio), "--steps", "3", "--batch-size", "4", "--crop", "1.0"]
    command += ["--workers", "0", "--log-every", "1", "--save-every", "1", "--out", str(out)]
    return [*command, *ARGUMENTS[method]]


def pretrain_by_two(method: str, audio: Path, out: Path, stop: int = -1) -> None:
    """The command under ``torchrun``; or stopped before step ``stop``."""
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [*program, stopped.__file__, str(stop), *arguments(method, audio, out)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300)
    assert (done.returncode == 0) == (stop < 0), done.stderr.decode()[-2000:]


def log_of(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_torchrun_runs_the_same_command(tmp_path: Path) -> None:
    audio = folder_of(tmp_path / "audio", 6, 1.1)
    with pytest.raises(SystemExit, match="0"):
        main(arguments("audiomosaic", audio, tmp_path / "1"))
    pretrain_by_two("audiomosaic", audio, tmp_path / "2")
    one, two = (log_of(tmp_path / str(n)) for n in (1, 2))
    assert float(two[0]["loss"]) == pytest.approx(float(one[0]["loss"]), rel=1e-5)
    assert float(two[0]["gradient_norm"]) == pytest.approx(float(one[0]["gradient_norm"]), rel=1e-3)
    assert (tmp_path / "2" / "encoder.safetensors").is_file()


def of_both(audio: Path, folder: Path, runs: list[tuple[str, int]]) -> None:
    """Runs one after the other, by the same two processes (``stopped.py``), which meet anew for each."""
    ports = []
    for _ in runs:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    asked = [
        (stop, port, arguments("adversarial-negatives", audio, folder / out))
        for (out, stop), port in zip(runs, ports, strict=True)
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "MASTER_ADDR": "127.0.0.1"}
    environment |= {"WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, stopped.__file__, json.dumps(asked)],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors.decode()[-2000:]


@pytest.mark.parametrize("how", ["the same processes", pytest.param("torchrun", marks=pytest.mark.faults)])
def test_a_run_of_two_processes_that_stopped_ends_as_one_that_did_not(tmp_path: Path, how: str) -> None:
    audio = folder_of(tmp_path / "audio", 6, 1.1)
    runs = [("whole", -1), ("stopped", 2), ("parts", 2), ("parts", -1)]
    if how == "torchrun":
        for out, stop in runs:
            pretrain_by_two("adversarial-negatives", audio, tmp_path / out, stop)
    else:
        of_both(audio, tmp_path, runs)
    assert len(log_of(tmp_path / "stopped")) == 2
    assert len(log_of(tmp_path / "whole")) == 3
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")
    whole, parts = ((tmp_path / out / "encoder.safetensors").read_bytes() for out in ("whole", "parts"))
    assert whole == parts
