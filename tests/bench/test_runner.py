"""The runner: results that say what they are, failures that stop nothing else, finished work that stays."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.bench.plan import Plan, prepared_tasks
from hear_audiomosaic.bench.runner import run
from hear_audiomosaic.embedding import extractor
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.probing import get_protocol
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.provenance import commands
from hear_audiomosaic.reporting.comparison.status import status_of
from hear_audiomosaic.results.load import load_results
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import read_result
from hear_audiomosaic.tasks import PreparedTask


def plan(tmp_path: Path, tasks: list[PreparedTask], encoders: tuple[str, ...] = ("logmel",), **more: object) -> Plan:
    settings = {"protocols": [get_protocol("hear-2021-faster")], "seeds": [42]} | more
    return Plan(encoders=encoders, tasks=tasks, out=tmp_path / "results", store_dir=tmp_path / "store", **settings)


def test_a_result_says_what_it_is(tmp_path: Path, task: PreparedTask) -> None:
    seen = []
    summary = run(plan(tmp_path, [task]), on_result=seen.append)
    assert summary.failures == []
    [path] = summary.finished
    assert path == tmp_path / "results" / "logmel" / "tones-v1-full" / "hear-2021-faster-seed42.json"
    result = read_result(path)
    assert [result.score] == [one.score for one in seen]
    assert result.score is not None
    assert result.score > 0.6  # three tones, far apart
    assert result.task.chance == pytest.approx(1 / 3)
    assert (result.encoder.label, result.encoder.untrained, result.encoder.embedding_size) == ("logmel", False, 128)
    assert result.encoder.card is not None
    assert result.encoder.card.title == "Log-mel"
    assert result.protocol.name == "hear-2021-faster"
    assert len(result.grid_points) == result.protocol.n_grid_points
    assert result.manifest.audio_seconds == pytest.approx(39 * 0.25)


def test_scores_can_be_computed_again_from_predictions(tmp_path: Path, task: PreparedTask) -> None:
    [path] = run(plan(tmp_path, [task])).finished
    result = read_result(path)
    [fold] = Predictions.load(path.with_name(result.predictions or ""))
    right = fold.probabilities.argmax(axis=1) == fold.targets.argmax(axis=1)
    assert float(np.float32(right.mean())) == pytest.approx(result.score, abs=1e-6)
    assert set(fold.files) == set(task.labels("test"))
    for file, target in zip(fold.files, fold.targets, strict=True):  # rows and files stand together
        assert task.labels("test")[file] == [task.vocabulary[int(target.argmax())]]


def test_folds_are_averaged(tmp_path: Path, tasks_dir: Path) -> None:
    [path] = run(plan(tmp_path, prepared_tasks(["tone_folds"], tasks_dir))).finished
    result = read_result(path)
    scores = [fold.scores["top1_acc"] for fold in result.folds]
    assert len(scores) == 3
    assert result.score == pytest.approx(np.mean(scores))
    assert result.task.chance == pytest.approx(1 / 3)  # as many clips of each label in every fold
    assert result.score_std == pytest.approx(np.std(scores, ddof=1))


def test_what_is_finished_is_not_done_again(
    tmp_path: Path, task: PreparedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(plan(tmp_path, [task], seeds=[42]))
    encoded = []
    real = extractor._encode_group
    monkeypatch.setattr(extractor, "_encode_group", lambda *args: encoded.append(1) or real(*args))
    second = run(plan(tmp_path, [task], seeds=[42, 43]))
    assert second.kept == first.finished
    assert [path.name for path in second.finished] == ["hear-2021-faster-seed43.json"]
    assert not encoded  # the store had every clip
    third = run(plan(tmp_path, [task], encoders=("logmel", "random:micro?seed=3")))
    assert (len(third.kept), len(third.finished)) == (1, 1)


def test_an_interrupted_run_resumes_at_the_clip(
    tmp_path: Path, task: PreparedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls, most_calls = extractor._encode_group, [], 3

    def interrupted(encoder: object, batches: list[tuple[list[object], object]], timed: bool) -> object:
        if len(calls) == most_calls:
            raise KeyboardInterrupt
        calls.append(sum(len(clips) for clips, _ in batches))
        return real(encoder, batches, timed)

    settings = plan(tmp_path, [task])
    monkeypatch.setattr(extractor, "_encode_group", interrupted)
    monkeypatch.setattr(extractor, "_BATCH_SECONDS", {"cpu": 2.0})  # eight clips a batch
    with pytest.raises(KeyboardInterrupt):
        run(settings)
    calls.clear()
    most_calls = -1
    assert run(settings).failures == []
    assert sum(calls) == 39 - 24


def test_one_failure_stops_nothing_else(tmp_path: Path, task: PreparedTask, tasks_dir: Path) -> None:
    broken = tmp_path / "broken-v1-full"
    shutil.copytree(task.directory, broken)
    (broken / "16000" / "test" / "low_test_0.wav").write_bytes(b"RIFF no audio")
    tasks = [PreparedTask.open(broken), task]
    summary = run(plan(tmp_path, tasks, encoders=("no_such_encoder", "logmel")))
    assert len(summary.finished) == 1
    assert len(summary.failures) == 2
    assert "no_such_encoder" in summary.failures[0]
    assert "low_test_0.wav" in summary.failures[1]
    failed = read_result(tmp_path / "results" / "logmel" / "broken-v1-full" / "hear-2021-faster-seed42.json")
    assert (failed.status, failed.score) == ("error", None)
    assert "low_test_0.wav" in (failed.error or "")
    # mended, the same command finishes it
    shutil.copy(task.audio_path("test", "low_test_0.wav", 16000), broken / "16000" / "test" / "low_test_0.wav")
    again = run(plan(tmp_path, tasks, encoders=("logmel",)))
    assert (len(again.finished), len(again.kept), again.failures) == (1, 1, [])


def test_a_model_that_breaks_the_contract_is_named_with_the_clip(
    tmp_path: Path, task: PreparedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nan_encoder.py").write_text(
        "import torch\n"
        "from hear_audiomosaic.floors.logmel import load_model, get_timestamp_embeddings\n"
        "def get_scene_embeddings(audio, model):\n"
        "    return torch.full((len(audio), 128), float('nan'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    summary = run(plan(tmp_path, [task], encoders=("nan_encoder",)))
    sys.modules.pop("nan_encoder", None)
    assert "nan_encoder returned NaN" in summary.failures[0]
    assert ".wav" in summary.failures[0]


def test_a_broken_result_is_made_again(tmp_path: Path, task: PreparedTask) -> None:
    [path] = run(plan(tmp_path, [task])).finished
    path.write_text("{")
    assert run(plan(tmp_path, [task])).finished == [path]


def test_infinite_scores_survive_the_file(tmp_path: Path, task: PreparedTask) -> None:
    [path] = run(plan(tmp_path, [task])).finished
    result = read_result(path)
    d_prime = result.folds[0].scores["d_prime"]
    if np.isinf(d_prime):
        assert '"d_prime": "Infinity"' in path.read_text()
    assert "Infinity," not in path.read_text().replace('"Infinity",', "")


def test_unprepared_tasks_say_how(tasks_dir: Path) -> None:
    with pytest.raises(TaskError, match="hear-audiomosaic tasks prepare"):
        prepared_tasks(["no_such_task"], tasks_dir)


def test_a_protocol_that_draws_nothing_has_one_result(tmp_path: Path, task: PreparedTask) -> None:
    """Neither seeds nor a precision that it does not compute in make another one."""
    protocols = [get_protocol("logistic"), get_protocol("few-shot-1")]
    first = run(plan(tmp_path, [task], protocols=protocols, seeds=[42, 43], precision="bf16"))
    assert first.failures == []
    assert [path.name for path in first.finished] == [
        "logistic-seed42.json",
        "few-shot-1-seed42-bf16.json",
        "few-shot-1-seed43-bf16.json",
    ]
    result = read_result(first.finished[0])
    assert (result.protocol.precision, result.protocol.seed) == ("fp32", 42)
    assert read_result(first.finished[1]).protocol.precision == "bf16"
    again = run(plan(tmp_path, [task], protocols=protocols[:1], seeds=[42, 43]))
    assert (again.kept, again.finished) == (first.finished[:1], [])
    cells = {cell.protocol: (cell.state, cell.n_seeds) for cell in status_of(tmp_path / "results").cells}
    assert cells["logistic"] == ("done", 1)


def test_logistic_draws_nothing(tmp_path: Path, task: PreparedTask) -> None:
    paths = [run(plan(tmp_path, [task], protocols=[get_protocol("logistic")], seeds=[s])).finished[0] for s in (1, 2)]
    one, other = (Predictions.load(path.with_suffix(".npz")).folds[0] for path in paths)
    assert np.array_equal(one.probabilities, other.probabilities)


def test_strict_results_have_a_file_and_a_name_of_their_own(tmp_path: Path, task: PreparedTask) -> None:
    [default] = run(plan(tmp_path, [task])).finished
    [strict] = run(plan(tmp_path, [task], strict=True)).finished
    assert (default.name, strict.name) == ("hear-2021-faster-seed42.json", "hear-2021-faster-seed42-strict.json")
    one, other = read_result(default).protocol, read_result(strict).protocol
    assert (one.name, other.name) == ("hear-2021-faster", "hear-2021-faster (strict)")
    assert one.fingerprint != other.fingerprint
    assert run(plan(tmp_path, [task], strict=True)).kept == [strict]
    tables = compare(load_results(tmp_path / "results"))
    assert [table.label for table in tables] == ["hear-2021-faster", "hear-2021-faster (strict)"]
    assert "--protocols hear-2021-faster \\\n    --seeds 42 \\\n    --strict" in commands(tables)[1]
