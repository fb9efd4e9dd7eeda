"""From a folder of result files to a report: which are read, what is written, always the same bytes."""

from __future__ import annotations

import csv
import math
import shutil

import fake_results as fake
import pytest

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.provenance import costs, environments
from hear_audiomosaic.reporting.render.csv.records import COLUMNS
from hear_audiomosaic.reporting.tables.details import task_details
from hear_audiomosaic.results.load import load_results


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_report_names_what_it_wrote_and_what_it_skipped(tmp_path):
    report = write_report(fake.demo(tmp_path / "results"), tmp_path / "deep" / "report")
    names = ["index.html", "report.md", "report.csv", "pairs.csv", "report.tex", "references.bib"]
    assert [path.name for path in report.paths] == names
    assert all(path.is_file() for path in report.paths)
    assert (report.n_results, report.n_failed) == (53, 2)
    assert [skipped.file for skipped in report.skipped] == ["half.json", "stranger.json"]
    assert "Invalid JSON" in report.skipped[0].reason
    assert "not a result file" in report.skipped[1].reason
    assert [protocol for protocol, _ in report.tables] == ["hear-2021", "hear-2021-faster"]
    for path in report.paths[:2]:
        text = path.read_text(encoding="utf-8")
        assert "half.json" in text
        assert str(tmp_path) not in text


def test_same_results_give_the_same_bytes_anywhere(tmp_path):
    here = write_report(fake.demo(tmp_path / "here"), tmp_path / "a")
    shutil.copytree(tmp_path / "here", tmp_path / "elsewhere" / "results")
    there = write_report(tmp_path / "elsewhere" / "results", tmp_path / "b")
    again = write_report(tmp_path / "here", tmp_path / "a")
    for first, second, third in zip(here.paths, there.paths, again.paths, strict=True):
        assert first.read_bytes() == second.read_bytes() == third.read_bytes()


@pytest.mark.parametrize("content", [None, "empty", "foreign"])
def test_without_a_result_the_error_says_how_to_make_some(tmp_path, content):
    folder = tmp_path / "results"
    if content:
        folder.mkdir()
    if content == "foreign":
        (folder / "package.json").write_text('{"name": "x"}', encoding="utf-8")
    with pytest.raises(ResultError, match=r"hear-audiomosaic run --encoders") as error:
        write_report(folder, tmp_path / "out")
    assert str(folder) in str(error.value)
    assert ("package.json" in str(error.value)) == (content == "foreign")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
    fake.save(tmp_path / "results", fake.success(fake.LOGMEL, fake.ESC50, [0.5]))
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match="is a file"):
        write_report(tmp_path / "results", tmp_path / "out")


def test_csv_has_one_row_per_result_with_all_digits(tmp_path):
    third = 1 / 3
    fake.save(
        tmp_path,
        fake.success(fake.LOGMEL, fake.ESC50, [third, 0.5]),
        fake.success(fake.LOGMEL, fake.CHORDS, [math.inf], score_name="d_prime"),
        fake.failure(fake.RANDOM, fake.ESC50, 'two\nlines, a comma and "quotes"'),
    )
    report = write_report(tmp_path, tmp_path / "out")
    rows = {(row["encoder_ref"], row["task"]): row for row in rows_of(report.csv)}
    chords, logmel = rows["logmel", "synthetic_chords"], rows["logmel", "esc50"]
    random = rows[fake.RANDOM.ref, "esc50"]
    assert tuple(chords) == COLUMNS
    assert float(logmel["score"]) == (third + 0.5) / 2
    assert (logmel["n_folds"], logmel["untrained"], logmel["chance"]) == ("2", "false", "0.02")
    assert chords["score"] == "inf"
    assert (random["status"], random["score"], random["untrained"]) == ("error", "", "true")
    assert random["error"] == 'two\nlines, a comma and "quotes"'


def test_details_hold_folds_scores_and_grid_points(tmp_path):
    result = fake.success(fake.LOGMEL, fake.DRUMS, [0.5, 0.7], score_name="event_onset_50ms_fms", extra=fake.FMS)
    fake.save(tmp_path, result)
    (comparison,) = compare(load_results(tmp_path).results)
    (run,) = task_details(comparison)[0].runs
    assert run.folds.header[:3] == ("test split", "test_loss", "test_score")
    assert [(row[0], row[2]) for row in run.folds.texts] == [
        ("fold00", "0.500"),
        ("fold01", "0.700"),
        ("mean", "0.600"),
        ("sd", "0.141"),
    ]
    assert run.folds.texts[0][run.folds.header.index("epoch")] == "17"
    assert "test_event_onset_50ms_fms_recall" in run.folds.header
    assert run.postprocessing == "median_filter_ms 250, min_duration 125"
    assert dict(run.hparams)["lr"] == "0.00032"
    # hidden_dim and initialization are the same everywhere and so have no column
    assert run.grid.header == ("grid point", "hidden_layers", "lr", "post-processing", "validation_score", "epoch")
    assert [number for number, row in enumerate(run.grid.rows) if row.chosen] == [1]
    assert run.grid.texts[3][4] == "-∞"


def test_an_embedding_that_serves_several_seeds_costs_once(tmp_path):
    fake.save(
        tmp_path,
        *(fake.success(fake.LOGMEL, fake.ESC50, [0.5], fake.protocol(seed=seed)) for seed in (1, 2)),
        fake.success(
            fake.LOGMEL, fake.FSD50K, [0.5], manifest=fake.manifest(device="NVIDIA H200", embedding_seconds=0.0)
        ),
        fake.failure(fake.RANDOM, fake.ESC50, "broke"),
    )
    results = load_results(tmp_path).results
    gpu, cpu = costs(results, {("logmel", fake.LOGMEL.fingerprint): "logmel"})
    assert (cpu.embedding_seconds, cpu.audio_seconds, cpu.probing_seconds, cpu.n_results) == (12.5, 1000.0, 66.5, 2)
    assert cpu.speed == 80.0
    assert (gpu.device, gpu.speed) == ("NVIDIA H200", None)
    assert [found.n_results for found in environments(results)] == [1, 3]
