"""Result files whose every text is an attack: no report holds it raw."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_predictions as stored
import fake_results as fake
import pytest

from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.render.markdown.text import code, fenced, safe, summary
from hear_audiomosaic.reporting.text.csv_cells import csv_text, original_text
from hear_audiomosaic.results.cards import EncoderCard, Paper
from hear_audiomosaic.results.schema import Result

ATTACK = "<img src=x onerror=alert(1)> [a](javascript:b) ``c`` |d|\n\n<script>e\x1b[31m"
N_FIELDS = 46
"""Reports of the long form: of a success and of a failure, one attacked field after another, and all."""
FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "'=1", "''@x", "\uff1d1", "-", "\tx"]
TEXTS = ["", "a", "'a", "a=b", "logmel?x=-1", "-0.25", "+1", "1e-05", "-1.5e+300", "-inf", "nan", "-1", ".5"]


def attacked(result: Result) -> Iterator[Result]:
    """The result with an attack in one free text after another, and in all of them."""
    card = EncoderCard(
        title=ATTACK, licence=ATTACK, bibtex="@misc{x, title={" + ATTACK + "}}", training_data=ATTACK, note=ATTACK
    )
    paper = EncoderCard(paper=Paper(title=ATTACK, authors=(ATTACK,), note=ATTACK, url=ATTACK, arxiv=ATTACK))
    parts: dict[str, dict[str, Any]] = {
        "encoder": {"label": ATTACK, "ref": ATTACK, "fingerprint": ATTACK, "card": card},
        "task": dict.fromkeys(("name", "directory", "title", "domain", "split_mode", "digest"), ATTACK),
        "protocol": {"name": ATTACK, "precision": ATTACK, "fingerprint": ATTACK},
        "manifest": dict.fromkeys(
            ("created", "package_version", "python", "torch", "numpy", "platform", "device"), ATTACK
        ),
    }
    parts["task"]["vocabulary"] = (ATTACK, "b")
    for part, values in parts.items():
        for name, value in values.items():
            yield result.model_copy(update={part: getattr(result, part).model_copy(update={name: value})})
    yield result.model_copy(update={"encoder": result.encoder.model_copy(update={"card": paper})})
    yield result.model_copy(
        update={part: getattr(result, part).model_copy(update=values) for part, values in parts.items()}
    )


def raw_in(markdown: str) -> list[str]:
    links = re.sub(r"(?s)^<pre .*?</pre>$|^(`{3,})\w.*?^\1$", "", markdown, flags=re.MULTILINE)  # not in blocks of code
    return re.findall(r"<img|<script|\x1b", markdown) + re.findall(r"(?<!\\)\[a(?<!\\)\]\(javascript", links)


def all_attacked() -> list[Result]:
    task = fake.task("tones", 0.5)
    whole = [fake.success(fake.LOGMEL, task, [0.5, 0.75]), fake.failure(fake.LOGMEL, task, ATTACK)]
    return [one for base in whole for one in attacked(base)]


def test_no_result_of_attacks_is_raw_in_markdown(tmp_path: Path) -> None:
    results = all_attacked()
    check_reports(tmp_path, [results[len(results) // 2 - 1], results[-1]])  # the attacks in all fields at once


@pytest.mark.faults
def test_no_field_of_a_result_is_raw_in_markdown(tmp_path: Path) -> None:
    results = all_attacked()
    assert len(results) == N_FIELDS
    check_reports(tmp_path, results)


def check_reports(tmp_path: Path, results: list[Result]) -> None:
    task = fake.task("tones", 0.5)
    for i, result in enumerate(results):
        folder = tmp_path / str(i)
        fake.save(folder, fake.success(fake.MSM_MAE, task, [0.25, 0.5]))
        (folder / "x").mkdir()
        (folder / "x" / "one.json").write_text(result.model_dump_json(), encoding="utf-8")
        (folder / "<img src=x onerror=alert(1)>.json").write_text('{"<img src=x>": 1}', encoding="utf-8")
        text = write_report(folder, tmp_path / f"out{i}").markdown.read_text(encoding="utf-8")
        assert raw_in(text) == [], i
        assert "&lt;img" in text, i


def test_each_way_into_markdown() -> None:
    for way in (safe, code, summary, lambda text: fenced([text], "sh")):
        assert raw_in(way(ATTACK)) == []
    assert code("logmel?a=1&b_c=2") == "`logmel?a=1&b_c=2`"  # as it was
    assert fenced(["a & b"], "sh") == "```sh\na & b\n```"
    assert safe("## a") == r"\## a"
    assert safe("-0.5") == "-0.5"
    assert [safe(text) for text in ("1. a", "12) b", "1.5 a", "1.", "a 1. b")] == [
        r"1\. a",
        r"12\) b",
        "1.5 a",
        r"1\.",
        "a 1. b",
    ]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_text_and_come_back(text: str) -> None:
    [[cell]] = list(csv.reader(io.StringIO(csv_text([text], []), newline="")))
    assert cell == f"'{text}"
    assert original_text(cell) == text


@pytest.mark.parametrize("text", TEXTS)
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    [_, [cell, _]] = list(csv.reader(io.StringIO(csv_text(["x", "y"], [[text, ""]]))))
    assert cell == text
    assert original_text(cell) == text


def test_carriage_returns_begin_neither_formulas_nor_rows() -> None:
    [[cell]] = list(csv.reader(io.StringIO(csv_text(["\r=1\r\na"], []))))
    assert cell == "'\n=1\na"


def test_no_csv_of_a_report_has_a_formula(tmp_path: Path) -> None:
    for ref, answers in (("=cmd|a", [True, False] * 20), ("@ref", [True, True, True, False] * 10)):
        of = fake.encoder(ref, f"{ref} label")
        task = fake.task("-esc50", 0.02, domain="+x", directory="esc50-v2.0.0-full")
        stored.clips(tmp_path, of, task, [stored.right(answers)])
    report = write_report(tmp_path, tmp_path / "out")
    assert report.leaderboard is not None
    for path in (report.csv, report.pairs, report.leaderboard):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
            for cell in row:
                assert not re.match(r"[=@\t\r]|[+-](?![\d.]+(e[+-]?\d+)?$)", cell), (path.name, cell)
    [pair] = csv.DictReader(io.StringIO(report.pairs.read_text(encoding="utf-8")))
    assert {original_text(pair["a_ref"]), original_text(pair["b_ref"])} == {"=cmd|a", "@ref"}
    float(pair["difference"])
