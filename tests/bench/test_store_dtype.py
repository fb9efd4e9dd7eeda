"""Embeddings stored as float16: scores are those of the rounded rows, and stand apart from those of float32."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic import api
from hear_audiomosaic.bench import runner
from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.cli import main
from hear_audiomosaic.probing import get_protocol
from hear_audiomosaic.probing.data import ProbeTask
from hear_audiomosaic.results.schema import read_result
from hear_audiomosaic.tasks import PreparedTask


def plan(folder: Path, task: PreparedTask, **more: object) -> Plan:
    settings = {"protocols": [get_protocol("logistic")], "seeds": [42], "out": folder / "results"} | more
    return Plan(encoders=["logmel"], tasks=[task], store_dir=folder / "store", **settings)


def test_scores_are_those_of_rounded_rows(tmp_path: Path, task: PreparedTask, monkeypatch: pytest.MonkeyPatch) -> None:
    probed: list[ProbeTask] = []
    real = runner.run_protocol
    monkeypatch.setattr(
        runner, "run_protocol", lambda rows, *args, **how: probed.append(rows) or real(rows, *args, **how)
    )
    for dtype in ("float32", "float16"):
        [path] = runner.run(plan(tmp_path, task, store_dtype=dtype)).finished
        assert path.name == {"float32": "logistic-seed42.json", "float16": "logistic-seed42-float16.json"}[dtype]
        assert json.loads(path.read_text())["store_dtype"] == dtype
        assert runner.run(plan(tmp_path, task, store_dtype=dtype)).kept == [path]
    for split, rows in probed[0].splits.items():
        rounded = rows.values.astype(np.float16).astype(np.float32)
        assert not np.array_equal(rounded, rows.values)
        np.testing.assert_array_equal(probed[1].splits[split].values, rounded)
    kinds = {path.name for path in (tmp_path / "store").glob("logmel-*/*")}
    assert kinds == {"scene", "scene-float16"}


def test_one_is_never_taken_for_the_other(tmp_path: Path, task: PreparedTask, caplog: pytest.LogCaptureFixture) -> None:
    [path] = runner.run(plan(tmp_path, task)).finished
    other = path.with_name("logistic-seed42-float16.json")
    path.with_suffix(".npz").rename(other.with_suffix(".npz"))
    other.write_text(path.read_text().replace(path.with_suffix(".npz").name, other.with_suffix(".npz").name))
    assert runner.run(plan(tmp_path, task, store_dtype="float16")).finished == [other]
    assert "its type of the stored embeddings changed" in caplog.text
    assert read_result(other).store_dtype == "float16"


def test_they_stand_in_tables_of_their_own(tmp_path: Path, task: PreparedTask) -> None:
    for dtype in ("float32", "float16"):
        runner.run(plan(tmp_path, task, store_dtype=dtype, protocols=[get_protocol("hear-2021-faster")]))
    results = api.load_results(tmp_path / "results")
    assert results.loaded.skipped == ()
    assert set(results.to_dataframe()["precision"]) == {"fp32", "fp32 on float16 embeddings"}
    report = results.report(tmp_path / "report")
    for text in ((tmp_path / "report" / "report.md").read_text(), report.html.read_text()):
        assert "fp32 on float16 embeddings" in text
        assert "--store-dtype float16" in text


def test_the_commands_have_it(tmp_path: Path, task: PreparedTask, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--tasks", "tones", "--tasks-dir", str(task.directory.parent), "--store-dtype", "float16"]
    with pytest.raises(SystemExit, match="0"):
        main(["embed", "--encoder", "logmel", *where, "--out", str(tmp_path / "store")])
    assert Path(capsys.readouterr().out.strip()).parent.name == "scene-float16"
    out = ["--store", str(tmp_path / "store"), "--protocols", "logistic", "--out", str(tmp_path / "results")]
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--encoders", "logmel", *where, *out])
    [path] = (tmp_path / "results").rglob("*.json")
    result = read_result(path)
    assert (result.store_dtype, result.manifest.audio_seconds) == ("float16", 0.0)  # taken from what `embed` made


def test_heareval_s_files_hold_the_rounded_rows(tmp_path: Path, task: PreparedTask) -> None:
    [folder] = api.embed(
        "logmel", [task], tmp_path / "out", layout="heareval", store_dir=tmp_path / "store", store_dtype="float16"
    )
    found = np.fromfile(folder / "test.embeddings.npy", "<f4")  # bare rows, as heareval has them
    np.testing.assert_array_equal(found.astype(np.float16), found)
    assert found.any()
