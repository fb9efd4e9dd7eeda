"""A run that is killed while it probes: the next ones end it, with the same files, and leave nothing behind."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from killed import Killed, Saving, content, outlive

from hear_audiomosaic.bench import probe_directory as directories
from hear_audiomosaic.bench import runner
from hear_audiomosaic.bench.embed import embed_tasks
from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.probing import ProbeResult, get_protocol
from hear_audiomosaic.probing.fused import masks
from hear_audiomosaic.probing.unfinished import Unfinished, unfinished_folder
from hear_audiomosaic.tasks import PreparedTask


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "POOL", 1 << 12)


def without_times(path: Path) -> Any:
    """A result file's content but for what differs from run to run."""
    found = json.loads(path.read_text())
    for name in ("created", "embedding_seconds", "probing_seconds", "audio_seconds"):
        del found["manifest"][name]
    for fold in found["folds"]:
        del fold["time_in_min"]
    return found


@pytest.mark.parametrize("name", ["tones-v1-full", "tone_folds-v1-full"])
def test_a_run_killed_at_every_save(
    tasks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    task, protocol = PreparedTask.open(tasks_dir / name), get_protocol("hear-2021-faster")

    def settings(folder: str) -> Plan:
        return Plan(
            encoders=["logmel"], tasks=[task], protocols=[protocol], seeds=[42], out=tmp_path / folder, store_dir=store
        )

    store = tmp_path / "store"
    [undisturbed] = runner.run(settings("undisturbed")).finished
    folders: list[Path] = []

    def killed_run(states: Unfinished) -> list[Path]:
        def of(folder: Path) -> Unfinished:
            folders.append(folder)
            return Saving(folder, 4)

        monkeypatch.setattr(runner, "Unfinished", of)
        return runner.run(settings("killed")).finished

    [finished], kills = outlive(killed_run, tmp_path / "unused")
    assert kills > 4
    assert set(folders) == {unfinished_folder(finished)}
    assert not folders[0].exists()
    assert without_times(finished) == without_times(undisturbed)
    assert finished.with_suffix(".npz").read_bytes() == undisturbed.with_suffix(".npz").read_bytes()
    assert sorted(path.name for path in finished.parent.iterdir()) == sorted(
        path.name for path in undisturbed.parent.iterdir()
    )
    monkeypatch.undo()
    folders[0].mkdir()  # of a run that was killed after it wrote the result
    (folders[0] / "grid.0.0.safetensors").write_bytes(b"left")
    assert runner.run(settings("killed")).kept == [finished]
    assert not folders[0].exists()


def test_what_left_the_plan_is_removed_once_nobody_works_on_it(task: PreparedTask, tmp_path: Path) -> None:
    """States of the plan itself stay however old they are, and so do those of another run, for a day."""
    settings = Plan(
        encoders=["logmel", "no_such_encoder"],
        tasks=[task],
        protocols=[get_protocol("logistic")],
        seeds=[42],
        out=tmp_path / "results",
        store_dir=tmp_path / "store",
    )
    [finished] = runner.run(settings).finished
    unloaded = tmp_path / "results" / "no_such_encoder" / finished.parent.name
    states = {
        "of another seed": finished.with_name(".hear-2021-seed1-bf16.unfinished"),
        "of another encoder": tmp_path / "results" / "other" / "tones-v1-full" / ".few-shot-5-seed42.unfinished",
        "of a run beside this one": finished.with_name(".hear-2021-seed2.unfinished"),
        "of an encoder that cannot be loaded": unloaded / ".logistic-seed42.unfinished",
        "of somebody else": finished.with_name(".mine.unfinished"),
    }
    for what, folder in states.items():
        folder.mkdir(parents=True)
        (folder / "grid.safetensors").write_bytes(b"state")
        days = 0.9 if what == "of a run beside this one" else 1.1
        for path in (folder / "grid.safetensors", folder):
            os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    runner.run(settings)
    assert [what for what, folder in states.items() if not folder.exists()] == ["of another seed", "of another encoder"]


def test_a_directory_s_probe_resumes(task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [folder] = embed_tasks("logmel", [task], out=tmp_path, layout="heareval", store_dir=tmp_path / "store")
    before = sorted(path.name for path in folder.iterdir())

    def probe(states: Unfinished | None = None) -> ProbeResult:
        monkeypatch.setattr(directories, "Unfinished", lambda path: Saving(path, 5 if states else 10**9))
        how = {"device": "cpu", "precision": "fp32", "strict": False, "trainer": "fused"}
        return directories.probe_directory(folder, get_protocol("hear-2021-faster"), seed=1, **how)

    with pytest.raises(Killed):
        probe(Unfinished(None))
    assert list(folder.glob(".*unfinished"))
    result, kills = outlive(probe, tmp_path / "unused")
    assert kills > 1
    assert not list(folder.glob(".*unfinished"))
    assert {path.name for path in folder.iterdir()} - set(before)
    assert content(result) == content(probe())
