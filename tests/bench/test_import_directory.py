"""Scores of embeddings that another program wrote become results that say so."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import heareval_tasks
import numpy as np
import pytest
import small_tasks

import hear_audiomosaic as ha
from hear_audiomosaic.bench.probe_directory import probe_directory
from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import HearAudioMosaicError, ResultError
from hear_audiomosaic.heareval.read import read_heareval_directory
from hear_audiomosaic.heareval.write import write_heareval_directory
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import SplitRows
from hear_audiomosaic.results import load_results
from hear_audiomosaic.results.schema import read_result

SCORES, DONE = "test.predicted-scores.json", "prediction-done.json"


def embeddings(folder: Path, shift: float = 0.0) -> Path:
    """A probed directory of three well separated classes."""
    rng = np.random.default_rng(0)
    splits = {split: small_tasks.clusters(rng, n, 3, 8) for split, n in small_tasks.SPLITS.items()}
    splits = {
        name: SplitRows(rows.values + np.float32(shift), rows.targets, rows.files, rows.row_file)
        for name, rows in splits.items()
    }
    task = small_tasks.task_of("shapes", splits, ("a", "b", "c"), ("top1_acc", "mAP"), prediction_type="multiclass")
    write_heareval_directory(folder, task)
    return folder


def probed(folder: Path, shift: float = 0.0) -> Path:
    embeddings(folder, shift)
    probe_directory(
        folder, small_tasks.changed(), seed=43, device="cpu", precision="fp32", strict=False, trainer="fused"
    )
    return folder


def as_heareval(directory: Path) -> None:
    """Take away what heareval does not write, and put there what it does: what ends who unpickles it."""
    for path in directory.glob("*.predictions.npz"):
        path.unlink()
    done = json.loads((directory / DONE).read_text())
    for name in ("protocol", "fingerprint", "strict", "seed", "precision"):
        del done[name]
    (directory / DONE).write_text(json.dumps({**done, "grid_points": 8}))
    (directory / "test.predictions.pkl").write_bytes(pickle.dumps(Ends()))


class Ends:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return os.abort, ()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return probed(tmp_path_factory.mktemp("made") / "theirs" / "shapes-v1-full")


@pytest.fixture(scope="module")
def tasks_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return heareval_tasks.write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def directory(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "embeddings" / "theirs" / "shapes-v1-full"))


def test_our_probe_gives_scores_predictions_and_protocol(directory: Path, tmp_path: Path) -> None:
    [imported] = ha.import_results(directory, "theirs", tmp_path / "results")
    result = read_result(imported.path)
    assert result == imported.result
    scores = json.loads((directory / SCORES).read_text())
    assert result.score == scores["test"]["test_score"]
    assert result.folds[0].named("top1_acc") == scores["test"]
    assert (result.protocol.name, result.protocol.seed) == ("small", 43)
    assert result.protocol.fingerprint == small_tasks.changed().fingerprint
    encoder = result.encoder
    assert (encoder.label, encoder.ref, encoder.fingerprint) == ("theirs (imported)", "imported:theirs", "")
    assert encoder.imported is not None
    assert encoder.imported.model_dump() == {
        "directory": "theirs/shapes-v1-full",
        "layout": "heareval",
        "scored_by": "hear_audiomosaic",
        "has_predictions": True,
    }
    assert (encoder.sample_rate_hz, encoder.n_parameters, encoder.embedding_size) == (None, None, 8)
    assert result.task.chance == pytest.approx(1 / 3)
    loaded = load_results(tmp_path / "results")
    assert not loaded.skipped
    [fold] = loaded.results[0].predictions(tmp_path / "results")
    rows = read_heareval_directory(directory).splits["test"]
    assert fold.files == rows.files
    assert np.array_equal(fold.targets, rows.targets)


def test_the_digest_follows_the_embeddings(directory: Path, tmp_path: Path) -> None:
    [first] = ha.import_results(directory, "theirs", tmp_path / "results")
    path = directory / "valid.embeddings.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x40")
    [second] = ha.import_results(directory, "theirs", tmp_path / "results")
    assert first.path == second.path
    assert first.result.embeddings_digest != second.result.embeddings_digest


def test_heareval_says_less_and_its_pickle_is_not_read(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_heareval(directory)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    [imported] = ha.import_results(directory, "theirs", tmp_path / "results")
    result = imported.result
    assert (result.protocol.name, result.protocol.seed, result.protocol.n_grid_points) == ("hear-2021", 42, 8)
    assert result.predictions is None
    assert imported.missing[0].startswith("heareval's predictions are a pickle, which is not read")
    assert result.encoder.imported is not None
    assert result.encoder.imported.scored_by == "heareval"


def test_heareval_own_scores(shared: Path, tmp_path: Path) -> None:
    """What heareval 2021.1.3 wrote, folds and infinities included."""
    goldens = shared / "goldens" / "heareval"
    for task in ("fsdd_digits-v1-small", "synth_notes-v1-small"):
        folder = Path(shutil.copytree(goldens / "embeddings" / task, tmp_path / "logmelhear" / task))
        for path in (goldens / "scores" / task / "seed42").iterdir():
            shutil.copy(path, folder)
    digits, notes = ha.import_results(tmp_path / "logmelhear", "theirs", tmp_path / "results")
    assert digits.result.score == 0.925000011920929
    assert digits.result.folds[0].scores["d_prime"] == float("inf")
    assert digits.result.hparams["hidden_norm"] == "BatchNorm1d"
    assert digits.result.hparams["initialization"] == "xavier_normal_"
    said = json.loads((tmp_path / "logmelhear" / "synth_notes-v1-small" / SCORES).read_text())["aggregated_scores"]
    assert notes.result.score == pytest.approx(said["test_score_mean"], abs=1e-12)
    assert notes.result.score_std == pytest.approx(said["test_score_std"], abs=1e-12)
    assert notes.result.postprocessing is not None
    assert notes.result.postprocessing.median_filter_ms == 150
    assert read_result(notes.path) == notes.result
    [table] = ha.load_results(tmp_path / "results").report(tmp_path / "report").tables
    assert "theirs (imported)" in table[1]


def test_tables_and_comparisons_take_them(directory: Path, tmp_path: Path) -> None:
    other = probed(tmp_path / "embeddings" / "others" / "shapes-v1-full", shift=0.5)
    ha.import_results(directory, "theirs", tmp_path / "results")
    ha.import_results(other, "others", tmp_path / "results")
    results = ha.load_results(tmp_path / "results")
    assert len(results.compare("theirs", "imported:others").to_dataframe()) == 1
    report = results.report(tmp_path / "report")
    for path in (report.markdown, report.html, report.latex):
        text = path.read_text().replace("\\", "")
        assert "theirs (imported)" in text
        assert "embeddings imported from theirs/shapes-v1-full, scored by hear" in text
    markdown = report.markdown.read_text()
    assert "hear-audiomosaic run" not in markdown  # nothing that would make them again
    assert "unknown" not in markdown
    as_heareval(directory)
    ha.import_results(directory, "theirs", tmp_path / "results")
    markdown = ha.load_results(tmp_path / "results").report(tmp_path / "report").markdown.read_text()
    assert "without predictions there are no intervals and no tests" in markdown


def test_the_same_tasks_are_one_column_with_a_run(tasks_dir: Path, tmp_path: Path) -> None:
    """Embeddings that this library wrote, taken as if they were another's: the same scores and the same tasks."""
    protocol = small_tasks.changed(max_epochs=(4,), lr=(1e-2,), hidden_layers=(1,))
    folders = {"tasks_dir": tasks_dir, "store_dir": tmp_path / "store"}
    tasks = ("tones", "beeps")
    ha.evaluate(["logmel"], tasks, [protocol], out=tmp_path / "results", **folders)
    for directory in ha.embed("logmel", tasks, tmp_path / "embeddings", layout="heareval", **folders):
        ha.probe(directory, protocol)
    taken = ha.import_results(tmp_path / "embeddings" / "logmel", "logmel", tmp_path / "results", tasks_dir=tasks_dir)
    made = {one.result.task.name: one.result for one in load_results(tmp_path / "results") if one.result.encoder.card}
    assert len(taken) == len(made) == 2
    for one in taken:
        assert not one.missing
        twin = made[one.result.task.name]
        assert one.result.score == pytest.approx(twin.score, abs=1e-6)
        for fact in ("directory", "digest", "groups_digest", "n_groups", "title", "chance", "n_clips"):
            assert getattr(one.result.task, fact) == getattr(twin.task, fact), fact
        assert one.result.protocol.fingerprint == twin.protocol.fingerprint
    frame = ha.load_results(tmp_path / "results").compare("logmel", "imported:logmel").to_dataframe()
    assert sorted(frame["task"]) == sorted(made)


def test_another_task_of_that_name_is_told(tasks_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [imported] = ha.import_results(
        probed(tmp_path / "theirs" / heareval_tasks.TASKS[0]), "theirs", tmp_path / "results", tasks_dir=tasks_dir
    )
    assert "is not the task" in caplog.text
    assert "the task is not prepared here" in imported.missing[0]


def test_an_event_task(tmp_path: Path) -> None:
    n, times = 40, np.arange(40) * 50.0
    rng = np.random.default_rng(0)
    reference = Events.from_lists({"a.wav": [{"label": "x", "start": 100.0, "end": 900.0}]}, ("a.wav",), ("x",))
    targets = ((times >= 100) & (times <= 900)).astype(np.float32)[:, None]
    rows = {
        split: SplitRows(
            (targets + 0.1 * rng.standard_normal((n, 4))).astype(np.float32), targets, ("a.wav",),
            np.zeros(n, np.int64), times, reference,
        )
        for split in ("train", "valid", "test")
    }  # fmt: skip
    task = small_tasks.task_of("bells", rows, ("x",), ("event_onset_200ms_fms",), embedding_type="event")
    folder = tmp_path / "theirs" / "bells-v1-full"
    write_heareval_directory(folder, task)
    probe_directory(
        folder, small_tasks.changed(), seed=42, device="cpu", precision="fp32", strict=True, trainer="fused"
    )
    [imported] = ha.import_results(folder, "theirs", tmp_path / "results")
    assert imported.result.protocol.name == "small (strict)"
    assert imported.path.name == "small-seed42-strict.json"
    assert imported.result.predictions == "small-seed42-strict.npz"
    assert not load_results(tmp_path / "results").skipped


def changed_json(path: Path, **values: object) -> None:
    content = json.loads(path.read_text())
    content.update(values)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda d: (d / SCORES).unlink(), "There is no .*scores.json.*probe it first: hear-audiomosaic probe"),
        (lambda d: (d / DONE).unlink(), "There is no .*done.json"),
        (lambda d: (d / SCORES).write_text("[" * 100_000), "nested too deep"),
        (lambda d: changed_json(d / SCORES, test={}), "no test_loss"),
        (lambda d: changed_json(d / SCORES, test={"test_loss": "1"}), "'test' is not what a prediction step writes"),
        (lambda d: changed_json(d / SCORES, hparams={"lr": [1]}), "'hparams' is not what a prediction step writes"),
        (lambda d: changed_json(d / DONE, embedding_size=9), "scores are of embeddings of size 9, those there .* 8"),
        (lambda d: shutil.rmtree(d), "is no embeddings directory of heareval, and none is in it"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_said(directory: Path, tmp_path: Path, spoil: object, complaint: str) -> None:
    assert callable(spoil)
    spoil(directory)
    with pytest.raises(HearAudioMosaicError, match=complaint):
        ha.import_results(directory, "theirs", tmp_path / "results")
    assert not list(tmp_path.glob("results/**/*.json"))


def test_scores_must_follow_from_the_predictions(directory: Path, tmp_path: Path) -> None:
    content = json.loads((directory / SCORES).read_text())
    content["test"] |= {"test_score": 0.125}
    changed_json(directory / SCORES, **content)
    with pytest.raises(ResultError, match=r"test_score 0\.125 and test_top1_acc"):
        ha.import_results(directory, "theirs", tmp_path / "results")
    content["test"] |= {"test_top1_acc": 0.125}
    changed_json(directory / SCORES, **content)
    with pytest.raises(ResultError, match=r"Nothing is written to .* top1_acc = .* says 0\.125"):
        ha.import_results(directory, "theirs", tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_predictions_of_another_directory(directory: Path, tmp_path: Path) -> None:
    labels = json.loads((directory / "test.json").read_text())
    (directory / "test.target-labels.pkl").unlink()
    (directory / "test.json").write_text(json.dumps({file: ["a"] for file in labels}))
    with pytest.raises(ResultError, match="is of other clips or labels than the directory"):
        ha.import_results(directory, "theirs", tmp_path / "results")


def test_one_failure_does_not_stop_the_others(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Path(shutil.copytree(directory, directory.with_name("broken-v1-full")))
    (broken / DONE).unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["results", "import", "embeddings/theirs", "--encoder", "theirs", "--json"])
    out = capsys.readouterr()
    assert ended.value.code == 1
    assert [row["task"] for row in json.loads(out.out)] == ["shapes"]
    assert "failed: There is no" in out.err


@pytest.mark.parametrize("label", ["", " ", "a\nb", "a\x1b[2J"])
def test_labels(directory: Path, tmp_path: Path, label: str) -> None:
    with pytest.raises(ResultError, match="cannot be an encoder's label"):
        ha.import_results(directory, label, tmp_path / "results")


def test_results_that_were_made_here_are_written_as_before() -> None:
    import fake_results

    written = fake_results.encoder("logmel").model_dump()
    assert "imported" not in written
