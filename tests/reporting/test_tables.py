"""The one table model: a further format is one short function, and all formats print the same table."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import pytest

from hear_audiomosaic.reporting.analysis.uncertainty import analyse
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.published import PUBLISHED
from hear_audiomosaic.reporting.render.csv.tables import table_csv
from hear_audiomosaic.reporting.render.html.templates import template_environment
from hear_audiomosaic.reporting.render.latex.tables import table_latex
from hear_audiomosaic.reporting.render.markdown.tables import pipe_table, table_section
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.tables.plain import plain_table
from hear_audiomosaic.reporting.tables.report import ProtocolTables
from hear_audiomosaic.results.load import load_results


def restructured_text(table: Table) -> str:
    """A further format: reStructuredText's list-table, from the model alone."""

    def marked(text: str, footnotes: tuple[int, ...]) -> str:
        return " ".join([text, *(f"[{number}]_" for number in footnotes)])

    def cell(cell: Cell) -> str:
        text = f"**{cell.text}**" if cell.best else cell.text + (" †" if cell.tied else "")
        return f"{marked(text, cell.footnotes)} {cell.small}".rstrip()

    def header(column: ColumnHeader) -> str:
        return " ".join(part for part in (column.full_label, column.unit, column.arrow) if part)

    rows = [[marked(row.full_label, row.footnotes), *map(cell, row.cells)] for row in table.rows]
    lines = [[table.stub, *map(header, table.columns)], *rows]
    body = "".join("   * - " + "\n     - ".join(texts) + "\n" for texts in lines)
    under = [f".. [{number}] {note}" for number, note in enumerate(table.footnotes, start=1)]
    under += [*table.remarks, *([table.legend] if table.legend else [])]
    return f".. list-table:: {table.title}\n   :header-rows: 1\n\n{body}\n" + "\n\n".join(under) + "\n"


def html(macro: str, *arguments: object, **options: object) -> str:
    return str(getattr(template_environment().get_template("tables.html.jinja").module, macro)(*arguments, **options))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> ProtocolTables:
    folder: Path = tmp_path_factory.mktemp("results")
    for encoder, n_right, step in ((fake.AUDIOMOSAIC, 45, 1), (fake.LOGMEL, 40, 7), (fake.RANDOM, 15, 3)):
        fold = stored.right([step * i % 50 < n_right for i in range(50)])
        stored.clips(folder, encoder, fake.task("esc50", 0.02, vocabulary=("a", "b")), [fold])
        stored.clips(folder, encoder, fake.task("beehive", 0.5, vocabulary=("a", "b")), [fold])
    fake.save(folder, fake.failure(fake.LOGMEL, fake.GUNSHOT, "out of memory"))
    [comparison] = compare(load_results(folder).results)
    return ProtocolTables.of(comparison, analyse(comparison, folder))


def test_a_further_format_writes_measured_and_published_tables_from_the_model_alone(measured: ProtocolTables) -> None:
    scores = restructured_text(measured.scores)
    assert "   * - encoder\n     - mean 2 tasks ↑\n" in scores
    assert "     - esc50 top1_acc ↑\n" in scores
    assert re.search(r"- \*\*0\.900\*\* \[0\.\d{3}, (0|1)\.\d{3}\]", scores)
    assert re.search(r"- 0\.800 † \[0\.\d{3}, 0\.\d{3}\]", scores)
    assert "audiomosaic tiny [UNTRAINED]\n" in scores
    assert "- failed\n" in scores
    assert "* - chance\n" in scores
    assert measured.overall is not None
    overall = restructured_text(measured.overall)
    assert ".. list-table:: Overall scores, protocol hear-2021\n" in overall
    assert "mean rank ↓" in overall
    assert "- **0.900** (2 tasks)\n" in overall
    assert measured.pairs is not None
    assert "AudioMosaic base \N{MINUS SIGN} logmel" in restructured_text(measured.pairs)
    published = {table.key: restructured_text(table) for table in PUBLISHED["audiomosaic"].tables()}
    table_1 = published["table1-fine-tuning"]
    assert "- parameters: pre-training millions\n" in table_1
    assert "- **42.5**\n" in table_1
    assert re.search(r"\n\n?\.\. \[1\] (Source|Protocol): ", table_1)


def test_all_formats_print_the_same_cells(measured: ProtocolTables) -> None:
    markdown = [line for line in pipe_table(measured.scores).splitlines() if line.startswith("| logmel")]
    latex = [line for line in table_latex(measured.scores).splitlines() if line.startswith("logmel")]
    [row] = [row for row in csv.reader(io.StringIO(table_csv(measured.scores))) if row[0] == "logmel"]
    [model] = [row for row in measured.scores.rows if row.label == "logmel"]
    page = html("sortable_table", measured.scores, "id")
    assert len(markdown) == len(latex) == 1
    for cell in model.cells:
        assert cell.text in markdown[0]
        assert cell.text in latex[0]
        assert cell.text.replace("\N{EN DASH}", "") in row
        assert f">{cell.text}<" in page
        for low_and_high in re.findall(r"[\d.]+, [\d.]+", cell.interval):
            assert low_and_high in markdown[0]
            assert low_and_high in latex[0]
            assert low_and_high in page
    assert measured.scores.legend == ""  # its remarks say what the marks mean


def test_html_shades_a_cell_sorts_it_and_says_what_its_dagger_means() -> None:
    columns = (ColumnHeader("mean", "2 tasks", "higher", summary=True), ColumnHeader("a<b", "EER", "lower"))
    cells = (Cell("0.5", 0.5), Cell("0.250", 0.25, tied=True, tooltip="all of it", shade=7, interval="[0, 1]"))
    table = Table("k", "t", "encoder", columns, (Row("x", cells, untrained=True, keywords="ref"),), tied_means="a tie")
    page = html("main_table", table, "p1", caller=lambda: "caption")
    assert '<td class="mean" data-value="0.5">0.5</td>' in page
    assert '<td data-value="0.25" tabindex="-1" class="score h7" title="all of it">0.250' in page
    assert '†</span><span class="vh"> a tie</span>' in page
    assert "interval </span>[0, 1]</span></td>" in page
    assert '</span> <strong class="badge">UNTRAINED</strong></th>' in page
    assert "a&lt;b" in page
    assert "lower is better" in page


def test_every_known_fact_of_a_score_is_in_its_tooltip(measured: ProtocolTables) -> None:
    [row] = [row for row in measured.scores.rows if row.label == "logmel"]
    [tooltip] = [cell.tooltip for cell in row.cells if cell.tooltip.startswith("logmel on esc50")]
    assert "top1_acc 0.800; 95 % interval 0." in tooltip
    assert "over 50 test clips" in tooltip


def test_uncertainty_is_the_interval_or_the_spread_and_always_that_over_seeds() -> None:
    assert Cell(interval="[0, 1]", spread="± 0.1", over="3 folds").uncertainty == "[0, 1]"
    assert Cell(interval="[0, 1]", spread="± 0.1", over="3 seeds").uncertainty == "[0, 1] ± 0.1 (3 seeds)"
    assert Cell(spread="± 0.1", over="3 folds", remark="2 of 3 seeds").small == "± 0.1 (3 folds) [2 of 3 seeds]"
    assert Cell(over="2 tasks").small == "(2 tasks)"


def test_the_mark_of_untrained_encoders_can_be_loud() -> None:
    table = Table("k", "t", "encoder", (ColumnHeader("a"),), (Row("x", (Cell("1", 1.0),), untrained=True),))
    assert r"| x \[UNTRAINED\] | 1 |" in pipe_table(table)
    assert "| x **[UNTRAINED]** | 1 |" in pipe_table(table, bold_mark=True)
    assert table_section(table, level=3).startswith("### t\n\n| encoder | a |")


def test_a_chosen_row_is_bold_and_texts_come_back() -> None:
    table = plain_table(("point", "lr"), [("1", "0.1"), ("2", "0.01")], chosen=1)
    assert table.header == ("point", "lr")
    assert table.texts == (("1", "0.1"), ("2", "0.01"))
    assert pipe_table(table).splitlines()[1:] == ["| --- | ---: |", "| 1 | 0.1 |", "| **2** | **0.01** |"]
    assert r"\textbf{2} & \textbf{0.01} \\" in table_latex(table)
