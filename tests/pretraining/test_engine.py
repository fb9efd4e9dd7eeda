"""The engine: every method trains, a killed run ends as if it had not been, parts of a batch add up."""

from __future__ import annotations

import csv
import itertools
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from audio_files import folder_of, noise, write
from safetensors.torch import load_file
from torch.utils.checkpoint import checkpoint

from hear_audiomosaic.errors import FileError, PretrainingError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.nn import vit
from hear_audiomosaic.nn.objective import OptimiserSettings
from hear_audiomosaic.pretraining import PretrainSettings, engine, pretrain
from hear_audiomosaic.pretraining.methods import Option, build_objective, parse_options, registered_methods
from hear_audiomosaic.pretraining.optimiser import learning_rate, scaled

MODULES = {
    "audiomosaic": "hear_audiomosaic",
    "msm-mae": "hear_msm_mae",
    "aasp": "hear_aasp",
    "adversarial-negatives": "hear_adversarial",
}
OPTIONS: dict[str, dict[str, str | int | float | bool]] = {
    "audiomosaic": {"augment": "polarity+gain", "drop_path": 0.1},
    "aasp": {"n_masks": 2, "predictor_depth": 1},
    "adversarial-negatives": {"selection": "uniform"},
}


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("audio"), 12, 0.7)


def run_of(method: str, audio: Path, out: Path, **changes: object) -> PretrainSettings:
    settings = PretrainSettings(
        method=method,
        data=(str(audio),),
        out=out,
        n_steps=6,
        batch_size=4,
        crop_s=0.5,
        options=OPTIONS.get(method, {}),
        n_workers=0,
        log_every=1,
        save_every=2,
    )
    return replace(settings, **changes)


def losses(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("method", MODULES)
def test_silence_alone_gives_finite_losses(method: str, tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / "silence" / f"{i}.wav", 0.0 * noise(i))
    pretrain(run_of(method, tmp_path / "silence", tmp_path / "run", n_steps=2))
    rows = losses(tmp_path / "run")
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values() if value)


@pytest.mark.parametrize("method", MODULES)
def test_every_method_trains_and_its_encoder_is_read_back(method: str, audio: Path, tmp_path: Path) -> None:
    assert set(registered_methods()) >= set(MODULES)
    trained = pretrain(run_of(method, audio, tmp_path / "run", n_steps=3))
    rows = losses(tmp_path / "run")
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert all(torch.isfinite(torch.tensor(float(value))) for row in rows for value in row.values() if value)
    untold = {name for row in rows for name, value in row.items() if not value}
    assert all(name == "dropped" or name.startswith("negative_cosine") for name in untold)  # of negatives not made
    encoder = load_encoder(f"{MODULES[method]}:{trained.encoder}")
    assert not encoder.untrained
    assert encoder.scene(torch.randn(2, 16000) * 0.1).std() > 0
    facts = read_json(trained.encoder.with_suffix(".json"))
    assert facts["clips_seen"] == 12
    assert facts["method"] == method


@pytest.mark.parametrize("method", MODULES)
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    method: str, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(run_of(method, audio, tmp_path / "whole"))
    step = engine._Run._train

    def interrupted(run: engine._Run, batch: engine.ClipBatch) -> dict[str, float]:
        if run.step == 5:
            raise KeyboardInterrupt
        return step(run, batch)

    monkeypatch.setattr(engine._Run, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pretrain(run_of(method, audio, tmp_path / "parts"))
    monkeypatch.setattr(engine._Run, "_train", step)
    assert len(losses(tmp_path / "parts")) == 5  # one more than the checkpoint of step 4 knows
    pretrain(run_of(method, audio, tmp_path / "parts"))
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    whole, parts = (load_file(tmp_path / name / "encoder.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_one_process_trains_in_a_folder(audio: Path, tmp_path: Path) -> None:
    """A second one is refused and changes nothing; a holder that is killed is gone at once, its workers' copies too."""
    out = tmp_path / "run"
    settings = run_of("msm-mae", audio, out, n_steps=40, save_every=3, n_workers=2)
    code = "import sys; from pathlib import Path, PosixPath; from hear_audiomosaic.pretraining import *; pretrain({})"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    first = subprocess.Popen([sys.executable, "-c", code.format(settings)], env=environment)
    try:
        end = time.monotonic() + 120
        while not (out / "checkpoint.json").is_file() and time.monotonic() < end:
            time.sleep(0.002)
        first.send_signal(signal.SIGSTOP)
        before = (out / "log.csv").read_bytes()
        with pytest.raises(PretrainingError, match=f"Another process trains in {out}"):
            pretrain(settings)
        assert (out / "log.csv").read_bytes() == before
    finally:
        first.kill()
        first.wait()
    assert len(losses(out)) < 40
    pretrain(settings)
    assert [row["step"] for row in losses(out)] == [str(i + 1) for i in range(40)]


@pytest.mark.faults
def test_a_run_killed_at_any_moment_ends_as_one_that_was_not(audio: Path, tmp_path: Path) -> None:
    """A process that reads ahead in a worker; without one, tests/faults/test_kills.py kills a run by default, too."""
    command = [sys.executable, "-c", "from hear_audiomosaic.cli import main; main()", "pretrain", "msm-mae"]
    command += ["--data", str(audio), "--steps", "40", "--batch-size", "4", "--crop", "0.5", "--workers", "1"]
    command += ["--log-every", "1", "--save-every", "3", "--out"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*command, str(tmp_path / "whole")], check=True, env=environment, capture_output=True)
    process = subprocess.Popen([*command, str(tmp_path / "killed")], env=environment, stdout=subprocess.DEVNULL)
    log = tmp_path / "killed" / "log.csv"
    end = time.monotonic() + 120
    while not (log.is_file() and log.read_text().count("\n") > 7) and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(losses(tmp_path / "killed")) < 40
    (tmp_path / "killed" / ".checkpoint-00000001.safetensors.1.part").write_bytes(b"half of one")
    subprocess.run([*command, str(tmp_path / "killed")], check=True, env=environment, capture_output=True)
    assert list((tmp_path / "killed").glob(".*")) == []
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    encoders = [(tmp_path / name / "encoder.safetensors").read_bytes() for name in ("whole", "killed")]
    assert encoders[0] == encoders[1]


def test_parts_of_a_batch_add_up(audio: Path, tmp_path: Path) -> None:
    for parts in (1, 2):
        pretrain(run_of("msm-mae", audio, tmp_path / str(parts), n_steps=1, accumulate=parts))
    one, two = (losses(tmp_path / str(parts))[0] for parts in (1, 2))
    assert float(two["loss"]) == pytest.approx(float(one["loss"]), rel=1e-5)
    assert float(two["gradient_norm"]) == pytest.approx(float(one["gradient_norm"]), rel=1e-4)


@pytest.mark.parametrize("method", ["audiomosaic", "msm-mae", "aasp"])
def test_blocks_computed_twice_change_nothing(
    method: str, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Mock(side_effect=checkpoint)
    monkeypatch.setattr(vit, "checkpoint", seen)
    pretrain(run_of(method, audio, tmp_path / "once", n_steps=2))
    assert not seen.called
    pretrain(run_of(method, audio, tmp_path / "twice", n_steps=2, checkpoint_blocks=True))
    assert seen.called
    assert losses(tmp_path / "once") == losses(tmp_path / "twice")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        *((method, OPTIONS.get(method, {})) for method in MODULES),
        ("aasp", {"n_masks": 1, "predictor_depth": 1}),
        ("adversarial-negatives", {"selection": "hardest"}),
        ("adversarial-negatives", {"selection": "scores", "similarity": "cosine"}),
    ],
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_all_that_is_trained_gets_a_gradient(method: str, options: dict[str, Option], precision: str) -> None:
    torch.manual_seed(0)
    objective = build_objective(method, "micro", 1.0, options).train()
    objective.before_step(0.5)
    drawn = objective.draw(4, 16000, torch.Generator().manual_seed(0))
    with torch.no_grad():
        views = objective.views(0.1 * torch.randn(4, objective.n_views, 16000))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss, _ = objective(views, drawn)
    assert loss.dtype == torch.float32
    loss.backward()
    assert [name for name, p in objective.named_parameters() if p.requires_grad and p.grad is None] == []


def test_bfloat16_stays_close(audio: Path, tmp_path: Path) -> None:
    for precision in ("fp32", "bf16"):
        pretrain(run_of("audiomosaic", audio, tmp_path / precision, n_steps=2, precision=precision))
    exact, rounded = (float(losses(tmp_path / name)[0]["loss"]) for name in ("fp32", "bf16"))
    assert rounded == pytest.approx(exact, rel=0.05)
    assert rounded != exact


def test_a_finished_run_is_not_repeated(audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pretrain(run_of("msm-mae", audio, tmp_path, n_steps=2))
    monkeypatch.setattr(engine, "batches", None)
    assert pretrain(run_of("msm-mae", audio, tmp_path, n_steps=2)).facts == first.facts


def test_errors_name_the_thing_and_the_cure(audio: Path, tmp_path: Path) -> None:
    with pytest.raises(PretrainingError, match=r"no method 'nothing'.*msm-mae"):
        pretrain(run_of("nothing", audio, tmp_path / "a"))
    with pytest.raises(PretrainingError, match="no option masks; it has patch_size"):
        pretrain(run_of("msm-mae", audio, tmp_path / "b", options={"masks": 3}))
    with pytest.raises(PretrainingError, match="multiple of 3"):
        pretrain(run_of("msm-mae", audio, tmp_path / "c", accumulate=3))
    with pytest.raises(PretrainingError, match=r"n_steps = 0; expected"):
        run_of("msm-mae", audio, tmp_path / "d", n_steps=0)
    pretrain(run_of("msm-mae", audio, tmp_path / "e", n_steps=1))
    with pytest.raises(PretrainingError, match=r"another run: seed was 0, is 1\. Use another --out"):
        pretrain(run_of("msm-mae", audio, tmp_path / "e", n_steps=1, seed=1))
    with pytest.raises(PretrainingError, match=r"gradient of msm-mae is not finite at step \d.*--lr"):
        pretrain(run_of("msm-mae", audio, tmp_path / "f", n_steps=6, peak_lr=1e30))
    (tmp_path / "e" / "checkpoint-00000001.safetensors").write_bytes(b"broken")
    with pytest.raises(PretrainingError, match=r"checkpoint-.* cannot be read as the tensors of a run"):
        pretrain(run_of("msm-mae", audio, tmp_path / "e", n_steps=1))


def test_odd_crops_are_counted_once_whatever_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audio = folder_of(tmp_path / "audio", 12, 0.7)
    write(audio / "0" / "000.wav", 0 * noise(0, 0.7))
    facts = pretrain(run_of("audiomosaic", audio, tmp_path / "straight")).facts
    assert facts["odd_crops"] == {"silent": 2}  # 24 crops are two epochs
    assert "2 of 24 crops were silent; they were trained on, the first from 0/000.wav." in caplog.text
    train = engine._Run._train

    def stopped(run: engine._Run, batch: object) -> object:
        if run.step == 5:
            raise KeyboardInterrupt
        return train(run, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(engine._Run, "_train", stopped)
    with pytest.raises(KeyboardInterrupt):
        pretrain(run_of("audiomosaic", audio, tmp_path / "resumed"))
    monkeypatch.undo()
    assert pretrain(run_of("audiomosaic", audio, tmp_path / "resumed")).facts["odd_crops"] == facts["odd_crops"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["log.csv", "checkpoint-00000002.safetensors", "encoder.json"])
def test_a_pipe_among_a_run_s_files_is_refused(audio: Path, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(FileError, match=f"{name} cannot be written: it is a named pipe, not a file"):
        pretrain(run_of("audiomosaic", audio, tmp_path))
    assert [path.name for path in tmp_path.iterdir() if path.is_fifo()] == [name]


def test_options_as_typed() -> None:
    assert parse_options(["a=1", "b-c=0.5", "d=true", "e=16x8"]) == {"a": 1, "b_c": 0.5, "d": True, "e": "16x8"}
    with pytest.raises(PretrainingError, match="expected NAME=VALUE"):
        parse_options(["a"])


def test_learning_rate_rises_linearly_and_falls_by_half_a_cosine() -> None:
    settings = OptimiserSettings(peak_lr=2.0, final_lr=0.5, warm_up=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    assert rates[10] == 2.0
    assert rates[55] == pytest.approx(1.25)  # half of the way down
    assert rates[99] == pytest.approx(0.5, abs=1e-3)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert scaled(settings, 64).peak_lr == pytest.approx(1.0)  # a quarter of the batch
    assert scaled(settings, 10_000).peak_lr == 2.0
