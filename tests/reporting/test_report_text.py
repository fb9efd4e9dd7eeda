"""What the written report says of intervals, tests, overall scores and methods, in every format."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.reporting import Report, write_report
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.render.csv.records import PAIR_COLUMNS
from hear_audiomosaic.reporting.text.citations import bibtex
from hear_audiomosaic.results.cards import EncoderCard, Paper
from hear_audiomosaic.results.load import load_results

A, B, C = fake.AUDIOMOSAIC, fake.MSM_MAE, fake.LOGMEL
ESC50 = fake.task("esc50", 0.02, directory="esc50-v2.0.0-full")


def answers(n_right: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(80) < n_right)


def results(folder: Path) -> Path:
    """Three encoders: one task of all with predictions, others in parts; two protocols; one broken archive."""
    for one, n_right in ((A, 60), (B, 58), (C, 20)):
        stored.clips(folder, one, fake.task("tones", 0.5), [stored.right(answers(n_right, n_right))])
        fake.save(folder, fake.success(one, ESC50, [n_right / 100], score_name="top1_acc"))
    path = stored.clips(folder, A, fake.GUNSHOT, [stored.right(answers(40, 1))])
    path.write_bytes(path.read_bytes()[:-200])  # half written
    faster = {"by": fake.protocol("hear-2021-faster", seed=1, points=3)}
    again = {"by": fake.protocol("hear-2021-faster", seed=2, points=3)}
    for one in (A, C):
        stored.clips(folder, one, ESC50, [stored.right(answers(50, 3))], **faster)
        stored.clips(folder, one, ESC50, [stored.right(answers(45, 4))], **again)
    (folder / "stranger.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report(results(tmp_path_factory.mktemp("results")), tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return report.markdown.read_text(encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_there(report: Report) -> None:
    names = ["index.html", "report.md", "report.csv", "pairs.csv", "report.tex", "references.bib", "leaderboard.csv"]
    assert [path.name for path in report.paths] == names
    assert all(path.stat().st_size for path in report.paths)


def test_the_same_results_give_the_same_bytes(report: Report, tmp_path: Path) -> None:
    again = write_report(results(tmp_path / "elsewhere"), tmp_path / "out")
    for here, there in zip(report.paths, again.paths, strict=True):
        assert here.read_bytes() == there.read_bytes(), here.name


def test_main_table_has_intervals_and_daggers(text: str) -> None:
    assert re.search(r"\| AudioMosaic base \|.*?\*\*0\.750\*\* \\\[0\.\d{3}, 0\.\d{3}\\\]", text)
    assert re.search(r"\| MSM-MAE \|.*?0\.725† \\\[0\.\d{3}, 0\.\d{3}\\\]", text)
    assert re.search(r"\| logmel \|.*? 0\.250 \\\[0\.\d{3}, 0\.\d{3}\\\]", text)  # a significant difference: no dagger
    assert "† no significant difference from it" in text
    assert re.search(r"\*\*0\.594\*\* \\\[0\.\d{3}, 0\.\d{3}\\\] ± 0\.044 \(2 seeds\)", text)


def test_reasons_and_missing_tasks_are_named(text: str) -> None:
    assert re.search(
        r"No interval, since \S+\.npz cannot be read .*: AudioMosaic base on gunshot_triangulation\.", text
    )
    assert "the result file names no predictions: every encoder on esc50" in text
    assert "mean of all is without gunshot_triangulation" in text
    assert "mean rank of MSM-MAE and logmel is without gunshot" in text
    assert "HEAR normalised (another protocol or precision than HEAR 2021's)" in text


def test_neighbours_are_compared_and_the_rest_is_in_the_csv(report: Report, text: str) -> None:
    assert "| AudioMosaic base - MSM-MAE | tones | 0.025 |" in text
    assert "| MSM-MAE - logmel | tones | 0.475 |" in text
    assert "AudioMosaic base - logmel | tones" not in text
    rows = rows_of(report.pairs)
    assert tuple(rows[0]) == PAIR_COLUMNS
    by_pair = {(row["protocol"], row["task"], row["a"], row["b"]): row for row in rows}
    assert len(rows) == 3 * 2 + 1
    far = by_pair["hear-2021", "tones", A.label, C.label]
    assert (far["verdict"], far["better"], far["b_ref"]) == (f"{A.label} better", A.label, "logmel")
    assert float(far["low"]) < 0.5 < float(far["high"])
    assert float(far["p"]) <= float(far["p_holm"])
    untested = by_pair["hear-2021", "esc50", A.label, C.label]
    assert (untested["p"], untested["low"], untested["better"]) == ("", "", "")
    assert untested["verdict"].startswith("no test: ")


def test_results_csv_has_the_interval_of_the_cell(report: Report) -> None:
    rows = {(row["protocol"], row["seed"], row["task"], row["encoder"]): row for row in rows_of(report.csv)}
    one = rows["hear-2021", "42", "tones", A.label]
    assert float(one["low"]) < float(one["score"]) < float(one["high"])
    assert (one["level"], one["n_test_clips"], one["tied"], one["no_interval"]) == ("0.95", "80", "true", "")
    assert rows["hear-2021", "42", "tones", C.label]["tied"] == "false"
    broken = rows["hear-2021", "42", "gunshot_triangulation", A.label]
    assert (broken["low"], broken["n_test_clips"]) == ("", "")
    assert "cannot be read" in broken["no_interval"]
    first, second = (rows["hear-2021-faster", seed, "esc50", A.label] for seed in "12")
    assert (first["low"], first["seed_sd"]) == (second["low"], second["seed_sd"])
    assert float(first["seed_sd"]) > 0


def test_leaderboard_holds_the_official_protocol_alone(report: Report, text: str) -> None:
    assert report.leaderboard is not None
    header, *rows = csv.reader(report.leaderboard.read_text(encoding="utf-8").splitlines())
    assert [row[0] for row in rows] == [A.label, B.label, C.label]
    assert {row[header.index("ESC-50")] for row in rows} == {"0.6", "0.58", "0.2"}
    placed = text[text.index("### Where the measured rows would stand") :]
    assert "next above (published)" in placed
    assert placed.index("Not counted: ") < placed.index("## Protocol hear-2021-faster")


def test_without_the_official_protocol_an_older_leaderboard_row_goes(tmp_path: Path) -> None:
    faster = fake.protocol("hear-2021-faster", points=3)
    fake.save(tmp_path / "results", fake.success(A, ESC50, [0.5], faster))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "leaderboard.csv").write_text("old", encoding="utf-8")
    report = write_report(tmp_path / "results", tmp_path / "out")
    assert report.leaderboard is None
    assert not (tmp_path / "out" / "leaderboard.csv").exists()
    assert "There are no intervals and no tests" in report.markdown.read_text(encoding="utf-8")


def test_methods_come_from_the_manifest(text: str) -> None:
    methods = text[text.index("## Methods") : text.index("## Cost")]
    for part in (
        "3 encoders (audiomosaic, logmel, msm-mae) were compared on 3 tasks",
        "protocol hear-2021 (fingerprint",
        "8 grid points, seeds 42, fp32",
        "seeds 1 and 2",
        "score that is expected of test sets of this size, at 95 %",
        "fewer than 3 units have neither interval nor test",
        "No groups of clips are known on",
        "hold the trained probe fixed",
        "standard deviation over seeds",
        "Holm",
        "Benjamini and Hochberg",
        "McNemar",
        "hear_audiomosaic 0.1.0, Python 3.12.1, PyTorch 2.11.0 and NumPy 2.4.0",
    ):
        assert part in methods, part


def test_bibtex_names_hear_and_the_methods(report: Report, text: str) -> None:
    entries = report.bibliography.read_text(encoding="utf-8")
    assert entries in text
    cited = ["2203.03022", "2605.14231", "2204.12260", "2512.03637", "2303.08561"]
    assert re.findall(r"eprint = \{(.*)\}", entries) == cited  # the results are from before there were cards
    for entry in entries.strip().split("\n\n"):
        assert re.fullmatch(r"@misc\{\w+,\n(  \w+ = \{.*\},\n)+\}", entry)
        assert entry.count("{") == entry.count("}")


def test_cards_say_whom_to_cite(tmp_path: Path) -> None:
    theirs = EncoderCard(paper=Paper(title="Hearing", authors=("Ear, Ada",), year=2020))
    own = EncoderCard(bibtex="@article{mine, title = {Mine}}")
    for one, card in ((A, theirs), (B, own)):
        stored.clips(tmp_path, one.model_copy(update={"card": card}), ESC50, [stored.right(answers(40, 1))])
    stored.clips(tmp_path, fake.encoder("aasp:random:tiny"), ESC50, [stored.right(answers(40, 1))])  # without a card
    loaded = load_results(tmp_path)
    entries = bibtex(ReportData.of(loaded.results, loaded.skipped))
    assert re.findall(r"@\w+\{(\w+),", entries) == ["hear2021", "ear2020", "aasp", "mine"]


def test_latex_has_the_same_cells(report: Report) -> None:
    tex = report.latex.read_text(encoding="utf-8")
    assert tex.isascii()
    assert re.search(r"\\textbf\{0\.750\} \{\\tiny \{\[\}0\.\d{3}, 0\.\d{3}\]\}", tex)
    assert re.search(r"0\.725\$\^\{\\dagger\}\$ \{\\tiny \{\[\}", tex)
    for label in ("tab:measured-hear-2021}", "tab:overall-hear-2021}", "tab:placing-hear-2021}", r"\section*{Methods}"):
        assert label in tex
    assert tex.count(r"\begin{") == tex.count(r"\end{")


def test_probes_that_were_not_trained_to_convergence_are_marked(tmp_path: Path) -> None:
    one = fake.success(A, fake.task("tones", 0.5), [0.3, 0.4])
    reason = "its best check came after 10 optimiser steps"
    folds = (one.folds[0].model_copy(update={"unconverged": reason}), one.folds[1])
    fake.save(tmp_path, one.model_copy(update={"folds": folds}), fake.success(B, fake.task("tones", 0.5), [0.4]))
    report = write_report(tmp_path, tmp_path / "out")
    text = report.markdown.read_text(encoding="utf-8")
    assert text.count("not converged") == 1
    assert "Not converged: the probe took too few steps to leave its start" in text
    assert f"probe not trained to convergence: {reason}" in report.html.read_text(encoding="utf-8")
    converged = fake.save(tmp_path / "other", fake.success(B, fake.task("tones", 0.5), [0.4]))
    assert "onverged" not in write_report(converged, tmp_path / "third").markdown.read_text(encoding="utf-8")
