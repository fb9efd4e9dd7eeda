"""LaTeX: its structure without TeX, and whether it compiles where there is one."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import fake_results as fake
import pytest

from hear_audiomosaic.reporting.analysis.uncertainty import CellUncertainty, analyse
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.published import PUBLISHED
from hear_audiomosaic.reporting.render.latex.tables import document, table_latex
from hear_audiomosaic.reporting.render.latex.text import escape
from hear_audiomosaic.reporting.tables.comparison import comparison_table
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.results.load import LoadedResult, load_results
from hear_audiomosaic.statistics import Interval

EVIL = "50% & a_b #1 $x$ {y} \\input{z} ~^ <|> --out [x] * ?` é \N{GREEK SMALL LETTER RHO} 音 \n \N{EN DASH} ± ↑ ''q\""


def check(text: str) -> None:
    """Environments and braces are balanced, every row is as wide as its table, and everything is ASCII."""
    assert text.isascii()
    open_environments: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert open_environments == []
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    tables = re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}\n(.*?)\\end\{tabular\}", text, flags=re.DOTALL)
    assert tables
    for columns, body in tables:
        rules = [line for line in body.splitlines() if re.match(r"\\(top|mid|bottom|c?mid)rule", line)]
        rows = [line for line in body.splitlines() if line not in rules]
        assert len(rules) >= 3
        for row in rows:
            assert row.endswith(r" \\")
            spans = [int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", row)]
            assert len(re.findall(r"(?<!\\)&", row)) + sum(spans) == len(columns) - 1


def evil_comparison() -> Comparison:
    evil = fake.encoder("evil", EVIL, untrained=True)
    results = [
        fake.success(evil, fake.ESC50, [0.5, 0.7]),
        fake.success(fake.LOGMEL, fake.ESC50, [0.7, 0.8]),
        fake.success(evil, fake.OFFICE.model_copy(update={"name": EVIL}), [0.4], score_name="a_b", higher=False),
        fake.failure(fake.LOGMEL, fake.GUNSHOT, EVIL),
    ]
    return compare([LoadedResult(f"{i}.json", result) for i, result in enumerate(results)])[0]


def all_tables(tmp_path: Path) -> list[str]:
    results = load_results(fake.demo(tmp_path)).results
    published = [table_latex(table) for one in PUBLISHED.values() for table in one.tables()]
    measured = [table_latex(comparison_table(one)) for one in (*compare(results), evil_comparison())]
    return [*published, *measured]


def test_every_table_is_well_formed(tmp_path: Path) -> None:
    tables = all_tables(tmp_path)
    assert len(tables) > 25
    for table in tables:
        check(table)
        assert table.count(r"\caption{") == table.count(r"\label{tab:") == 1
    check(document(tables))
    assert set(re.findall(r"\\usepackage(?:\[.*?\])?\{(\w+)\}", document(tables))) == {"booktabs", "geometry"}


def test_document_compiles(tmp_path: Path) -> None:
    programs = {"pdflatex": ["-interaction=nonstopmode", "-halt-on-error"], "tectonic": []}
    found = [[path, *options] for name, options in programs.items() if (path := shutil.which(name))]
    if not found:
        pytest.skip("neither pdflatex nor tectonic is here")
    (tmp_path / "tables.tex").write_text(document(all_tables(tmp_path / "results")), encoding="utf-8")
    done = subprocess.run(
        [*found[0], "tables.tex"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "tables.pdf").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & 50% #1 $x$ {y}", r"a\_b \& 50\% \#1 \$x\$ \{y\}"),
        ("\\input{z}", r"\textbackslash{}input\{z\}"),
        ("--out [x] *", "-{}-out {[}x] {*}"),
        ("1\N{EN DASH}2 ± \N{GREEK SMALL LETTER RHO} ↑", r"1--2 $\pm$ $\rho$ $\uparrow$"),
        ("é ö č", r"\'{e} \"{o} \v{c}"),
        ("音", "{[}U+97F3]"),
        ("a\n\tb  c", "a b c"),
        ("<|>~^", r"\textless{}\textbar{}\textgreater{}\textasciitilde{}\textasciicircum{}"),
    ],
)
def test_escape(text: str, latex: str) -> None:
    assert escape(text) == latex


def test_best_tied_footnotes_groups_and_rules() -> None:
    table = Table(
        "a-key",
        "A 100% title",
        "method",
        (ColumnHeader("x", "EER", "lower", "G"), ColumnHeader("words")),
        (
            Row("first", (Cell("1.0", 1.0, best=True, footnotes=(1,)), Cell("w"))),
            Row("second", (Cell("1.1", 1.1, interval="± 0.2", tied=True), Cell()), footnotes=(1,), apart=True),
        ),
        footnotes=("note_1",),
        remarks=("remark",),
    )
    text = table_latex(table, label="Given Label")
    check(text)
    for part in (
        r"\caption{A 100\% title}",
        r"\label{tab:given-label}",
        r"\begin{tabular}{@{}lrl@{}}",
        r"\multicolumn{1}{c}{G}",
        r"\cmidrule(lr){2-2}",
        r"\shortstack[r]{x\\EER $\downarrow$} & \shortstack[l]{words} \\",
        r"first & \textbf{1.0}$^{1}$ & w \\" + "\n" + r"\midrule",
        r"second$^{1}$ & 1.1$^{\dagger}$ {\tiny $\pm$ 0.2} & -- \\",
        r"$^{1}$ note\_1",
        "remark",
        "The best is bold.",
        r"$\dagger$ no significant difference from the best.",
    ):
        assert part in text
    assert "no significant difference" not in table_latex(dataclasses.replace(table, remarks_explain_marks=True))


def test_measured_tables_say_what_the_report_says() -> None:
    comparison = evil_comparison()
    text = table_latex(comparison_table(comparison))
    check(text)
    assert "failed" in text
    assert r"{[}UNTRAINED]" in text
    assert r"\midrule" + "\nchance & " in text
    assert r"\textbf{0.750} {\tiny $\pm$ 0.071 (2 folds)}" in text
    assert "The best is bold" not in text
    assert "Best of each task, to three decimals, in bold" in text
    assert r"\label{tab:measured-hear-2021}" in text


def test_a_measured_tie_is_a_dagger_and_an_interval_is_printed(tmp_path: Path) -> None:
    comparison = evil_comparison()
    row = next(row for row in comparison.rows if not row.cells[1].best)
    column = comparison.columns[1].label
    firm = CellUncertainty(Interval(0.45, 0.5512, 0.95), "", 80, None, 0.02, None, tied=True)
    analysis = dataclasses.replace(analyse(comparison, tmp_path), cells={(row.label, column): firm})
    [cells] = [line.cells for line in comparison_table(comparison, analysis).rows if row.label in line.label]
    place = 1 + bool(comparison.mean_tasks)
    assert (cells[place].tied, cells[place].interval) == (True, "[0.450, 0.551]")
    text = table_latex(comparison_table(comparison, analysis))
    check(text)
    assert r"$^{\dagger}$ {\tiny {[}0.450, 0.551]}" in text
