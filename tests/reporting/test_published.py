"""The published figures and their tables: nothing lost, nothing added, each number in its paper's place."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.published import PUBLISHED, read_figures, write_published
from hear_audiomosaic.reporting.published.figures import METRICS, PublishedFigure
from hear_audiomosaic.reporting.published.layout import Layout, lay_out
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table, mark_best
from hear_audiomosaic.reporting.text.formats import MISSING

SHIPPED = content_dir("reports") / "published"
REPORTED = {
    "audiomosaic": "audiomosaic_reported.csv",
    "msm-mae": "msm_mae_reported.csv",
    "aasp": "aasp_reported.csv",
    "adversarial": "adversarial_reported.csv",
    "recent": "hear_recent_reported.csv",
}


@pytest.fixture(scope="module")
def tables() -> dict[tuple[str, str], Table]:
    return {(name, table.key): table for name, one in PUBLISHED.items() for table in one.tables()}


NOT_SHIPPED = {"hear_archives.csv", "hear_recent_more.csv"}
"""Addresses of archives, which are no figures; and figures that no table shows yet."""


def cell(table: Table, row: str, column: str, group: str = "") -> Cell:
    [cells] = [one.cells for one in table.rows if one.label == row]
    [i] = [i for i, heading in enumerate(table.columns) if (heading.label, heading.group) == (column, group)]
    return cells[i]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_shipped_figures_are_the_reference_with_sources(shared: Path) -> None:
    files = {path.name for path in (shared / "reference").glob("*.csv")}
    assert files - NOT_SHIPPED == {path.name for path in SHIPPED.glob("*.csv")}
    files -= NOT_SHIPPED
    for file in files:
        rows = rows_of(SHIPPED / file)
        assert all(row["source"] for row in rows)
        if file.startswith("hear2021"):
            rows = [{name: value for name, value in row.items() if name != "source"} for row in rows]
        assert rows == rows_of(shared / "reference" / file)


@pytest.mark.parametrize("name", REPORTED)
def test_every_figure_stands_in_one_cell(name: str, tables: dict[tuple[str, str], Table]) -> None:
    figures = read_figures(SHIPPED / REPORTED[name])
    shown = [table for (of, key), table in tables.items() if of == name and key != "hear-best"]
    entries = [cell for table in shown for row in table.rows for cell in row.cells if cell.text != MISSING]
    halfwidths = [figure for figure in figures if METRICS[figure.metric].halfwidth_of]
    assert len(entries) + sum(bool(cell.interval) for cell in entries) == len(figures)
    numbers = Counter(figure.number for figure in figures if figure not in halfwidths)
    assert Counter(cell.sort_value for cell in entries) == numbers


@pytest.mark.parametrize(
    ("key", "row", "column", "group", "text", "best"),
    [
        ("table1-fine-tuning", "AudioMosaic (AS)", "AS-20K", "", "42.5", True),
        ("table1-fine-tuning", "AudioMosaic (AS)", "AS-2M", "", "50.2", True),
        ("table1-fine-tuning", "SSLAM (AS)", "AS-2M", "", "50.2", True),
        ("table1-fine-tuning", "AudioMosaic (AS)", "SPC-2", "", "98.4", False),
        ("table1-fine-tuning", "ASiT (AS)", "SPC-2", "", "98.8", True),
        ("table1-fine-tuning", "BEATs_iter3 (AS)", "pre-training", "parameters", "182", False),
        ("table1-fine-tuning", "COLA (AS)", "AS-20K", "", MISSING, False),
        ("table2-linear-probing", "AudioMosaic", "ESC-50", "", "93.0", True),
        ("table2-linear-probing", "BEATs_iter3", "AS-20K", "", "8.2", False),
        ("table3-envsdd", "AudioMosaic+Linear", "average", "TTA", "1.30", True),
        ("table3-envsdd", "AudioMosaic+AASIST", "average", "ATA", "0.003", True),
        ("table3-envsdd", "AudioMosaic+AASIST", "test04", "TTA", "5.15", False),
        ("table3-envsdd", "Wav2Vec 2.0+AASIST", "test03", "TTA", "10.60", False),
        ("table4-ltu", "LTU (CAV-MAE)", "DCASE", "zero-shot", "50.5", True),
        ("table4-ltu", "LTU setup (AudioMosaic)", "Clotho", "", "12.5", True),
        ("table5-memory", "EAT", "512", "batch size", "OOM", False),
        ("table5-memory", "AudioMosaic", "512", "batch size", "24.3", True),
        ("table9-augmentation", "full; no mask", "AS-20K", "", "30.1", False),
        ("figure4b-mask-ratios", "0.4", "0.6", "share of time masked", "39.0", True),
        ("figure4b-mask-ratios", "0.6", "0.3", "share of time masked", "37.8", False),
    ],
)
def test_audiomosaic_tables_are_laid_out_as_in_the_paper(
    tables: dict[tuple[str, str], Table], key: str, row: str, column: str, group: str, text: str, best: bool
) -> None:
    found = cell(tables["audiomosaic", key], row, column, group)
    assert (found.text, found.best) == (text, best)


def test_table_1_keeps_the_papers_order_and_footnotes(tables: dict[tuple[str, str], Table]) -> None:
    table = tables["audiomosaic", "table1-fine-tuning"]
    assert [row.label.split(" (")[0] for row in table.rows][-5:] == ["A-JEPA", "ASiT", "EAT", "SSLAM", "AudioMosaic"]
    assert [heading.label for heading in table.columns[2:]] == ["AS-20K", "AS-2M", "ESC-50", "SPC-2", "SPC-1"]
    quoted = cell(table, "HuBERT (LS)", "SPC-1")
    assert "SUPERB" in table.footnotes[quoted.footnotes[0] - 1]
    assert not quoted.comparable
    assert any("Table 1" in remark for remark in table.remarks)


def test_msm_mae_tables_hold_intervals_and_the_best_entries(tables: dict[tuple[str, str], Table]) -> None:
    evar = tables["msm-mae", "evar-linear-m2d-clap"]
    found = cell(evar, "MSM-MAE/0.75 (re-trained, 80x608, 300 ep)", "Surge")
    assert (found.text, found.interval, found.best) == ("43.3", "± 0.3", True)
    assert cell(tables["msm-mae", "evar-linear-weights"], "MSM-MAE 80x512p16x16_paper", "ESC-50").text == "89.1"
    assert cell(tables["msm-mae", "fine-tuning-m2d-clap"], "M2D/0.7", "AudioSet-2M").text == "47.9"
    best = tables["msm-mae", "hear-best"]
    entries = [cell.text for cell in next(row for row in best.rows if row.label.startswith("CREMA-D")).cells]
    assert entries == ["73.4", "75.21", "GURA Fuse Hubert", "68.97", "GURA Hubert"]
    own = tables["msm-mae", "hear-msm-mae"]
    assert [len([e for e in row.cells if e.sort_value is not None]) for row in own.rows] == [2, 2, 5]


def test_recent_rows_name_their_paper(tables: dict[tuple[str, str], Table]) -> None:
    table = tables["recent", "hear-recent"]
    assert cell(table, "GRAM-Clean", "esc50").best
    assert "WavJEPA" in table.footnotes[table.rows[-1].footnotes[0] - 1]
    assert any("GRAM paper" in remark for remark in table.remarks)


def test_best_follows_the_direction_and_what_is_printed() -> None:
    def row(label: str, *values: str) -> Row:
        return Row(label, tuple(Cell(value, float(value) if value != MISSING else None) for value in values))

    headings = [ColumnHeader("a", better="higher"), ColumnHeader("b", better="lower"), ColumnHeader("c")]
    lines = [row("x", "0.5", "0.5", "1"), row("y", "0.50", "0.1", "2"), row("z", "0.4", MISSING, "3")]
    marked = mark_best(headings, lines)
    assert [[cell.best for cell in one.cells] for one in marked] == [
        [True, False, False],
        [True, True, False],
        [False, False, False],
    ]
    assert not any(cell.best for one in mark_best(headings, lines[:1]) for cell in one.cells)


def test_a_table_that_is_not_square_or_misses_a_footnote_is_refused() -> None:
    heading = (ColumnHeader("a"),)
    with pytest.raises(ValueError, match="has 0 cells"):
        Table("k", "t", "s", heading, (Row("x", ()),))
    with pytest.raises(ValueError, match="footnote 2 of 1"):
        Table("k", "t", "s", heading, (Row("x", (Cell(footnotes=(2,)),)),), footnotes=("n",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n", "expected the columns"),
        ("{head}m,p,t,accuracy,1,\n", "no source"),
        ("{head}m,p,t,accuracy\n", "line 2: . cells, but 6 columns"),
        ("{head}m,p,t,accuracy,1,s,too many\n", "line 2: . cells, but 6 columns"),
        ("{head}m,p,t,beauty,1,s\n", "unknown metric"),
        ("{head}m,p,t,accuracy,high,s\n", "expected a number"),
        ("{head}m,p,t,accuracy,nan,s\n", "expected a number"),
        ("{head}m,p,t,accuracy,1,s\nm,p,t,accuracy,2,s\n", "twice"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text.replace("{head}", "method,protocol,task,metric,value,source\n"), encoding="utf-8")
    with pytest.raises(ResultError, match=complaint) as error:
        read_figures(path)
    assert "broken.csv" in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"There is no .*nothing\.csv"):
        read_figures(tmp_path / "nothing.csv")


def test_figures_without_a_table_and_tables_without_figures_are_refused() -> None:
    figure = PublishedFigure("m", "p", "t", "accuracy", "1", "s")
    with pytest.raises(ResultError, match="No table shows m on t"):
        lay_out([figure], [Layout("k", "t", ("other",))])
    with pytest.raises(ResultError, match="No figure for the tables k2"):
        lay_out([figure], [Layout("k1", "t"), Layout("k2", "t")])
    with pytest.raises(ResultError, match="two figures for m, t"):
        lay_out([figure, PublishedFigure("m", "q", "t", "accuracy", "2", "s")], [Layout("k", "t")])
    lonely = PublishedFigure("m", "p", "u", "accuracy_95ci_halfwidth_%", "1", "s")
    with pytest.raises(ResultError, match="an interval without its figure"):
        lay_out([figure, lonely], [Layout("k", "t")])


@pytest.mark.parametrize("name", PUBLISHED)
def test_files_are_whole_and_always_the_same(name: str, tmp_path: Path) -> None:
    here, there = write_published(name, tmp_path / "a"), write_published(name, tmp_path / "deep" / "b")
    assert len(here.paths) == len(set(here.paths))
    for first, second in zip(here.paths, there.paths, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert str(tmp_path) not in first.read_text(encoding="utf-8")
    assert {path.suffix for path in here.tables} == {".csv", ".tex"}
    for path in here.tables:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))
            assert len({len(row) for row in rows}) == 1
            assert len(set(rows[0])) == len(rows[0])
            assert all(row[-1] for row in rows)  # the source
    markdown = here.markdown.read_text(encoding="utf-8")
    assert "none was measured" in markdown
    assert "Source" in markdown
    widths: list[int] = []
    for line in markdown.splitlines():
        widths = [*widths, len(re.findall(r"(?<!\\)\|", line))] if line.startswith("|") else []
        assert len(set(widths)) <= 1


@pytest.mark.parametrize("name", PUBLISHED)
def test_pages_need_nothing_else(name: str, tmp_path: Path) -> None:
    text = write_published(name, tmp_path).html.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.findall(r'\b(?:src|srcset|data)="', text) == []
    links, ids = re.findall(r'href="([^"]*)"', text), re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    assert text.count("<script") == text.count("</script>") == 1
    assert text.count("<table") == text.count("<caption") == text.count('class="scroll"') == len(links) - 1
    assert len(re.findall(r"<th(?= |>)", text)) == text.count('scope="col') + text.count('scope="row"')
    for table in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)
        assert len({len(re.findall(r"<t[hd](?= |>)", row)) for row in rows}) == 1


def test_nothing_in_a_csv_becomes_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> | $x$ `b` & \\input{z}"
    path = tmp_path / "adversarial_reported.csv"
    sources = [figure.source for figure in read_figures(SHIPPED / path.name)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("method", "protocol", "task", "metric", "value", "source"))
        writer.writerows((evil, evil, evil, "accuracy", "1", source) for source in dict.fromkeys(sources))
    report = write_published("adversarial", tmp_path / "out", folder=tmp_path)
    html, markdown, latex = (path.read_text(encoding="utf-8") for path in report.paths[:3])
    assert html.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in markdown
    assert "\\input" not in latex
    assert "\\textbackslash{}input" in latex


def test_unknown_names_and_files_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"'nobody'.*hear2021, audiomosaic, msm-mae, aasp, adversarial and recent"):
        write_published("nobody", tmp_path)
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match="is a file"):
        write_published("recent", tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "either RESULTS"),
        (["results", "--published", "hear2021"], 2, "either RESULTS"),
        (["--published", "hear"], 2, "hear2021, audiomosaic, msm-mae, aasp, adversarial, recent"),
        (["--published", "recent", "--out", "tables"], 0, ""),
    ],
)
def test_command_line(
    arguments: list[str],
    code: int,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["report", *arguments])
    out, err = capsys.readouterr()
    assert int(ended.value.code or 0) == code
    assert complaint in " ".join(err.split())
    assert (tmp_path / "tables" / "index.html").is_file() == (code == 0)
    assert ("tables/published.md" in out) == (code == 0)


def test_help_names_every_publication(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(name in text for name in PUBLISHED)
