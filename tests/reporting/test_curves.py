"""Curves along layers and along labelled clips: their numbers, their words, and when there are none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import fake_results as fake
import pytest

from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.analysis.curves import few_shot_curves, layer_curves
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.figures.collect import few_shot_figures, figures
from hear_audiomosaic.reporting.figures.curves import draw_curves
from hear_audiomosaic.reporting.tables.curves import curve_table
from hear_audiomosaic.reporting.text.formats import MISSING
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import ProtocolFacts
from hear_audiomosaic.statistics import Interval

TASKS = (fake.ESC50, fake.DIGITS, fake.GUNSHOT)
Scores = Mapping[str, Sequence[float | None]]


def results_of(scores: Scores, by: ProtocolFacts | None = None) -> list:
    """A result per encoder and task with a score."""
    return [
        fake.success(fake.encoder(ref, untrained="random" in ref), task, [score], by)
        for ref, own in scores.items()
        for task, score in zip(TASKS, own, strict=False)
        if score is not None
    ]


def compared(results: list) -> tuple[Comparison, ...]:
    return compare([LoadedResult(f"{i}.json", result) for i, result in enumerate(results)])


def few_shots(by_shots: Mapping[int, Scores], **facts: str) -> tuple[Comparison, ...]:
    protocols = {shots: fake.protocol(f"few-shot-{shots}", **facts) for shots in by_shots}
    return compared([one for shots, scores in by_shots.items() for one in results_of(scores, protocols[shots])])


LAYERS: Scores = {
    "audiomosaic?hop_ms=40": [0.75, 0.85],
    "audiomosaic?hop_ms=40&layer=1": [0.25, 0.5, 0.9],
    "audiomosaic?hop_ms=40&layer=12": [0.75, 0.85],
    "audiomosaic?hop_ms=40&layer=4": [0.5, 0.75],
    "audiomosaic?hop_ms=20&layer=4": [0.1, 0.1],
    "aasp:random:micro?layer=1": [0.3, 0.4],
    "aasp:random:micro?layer=2": [0.4, 0.4],
    "logmel": [0.5, 0.5],
}


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("text")]  # noqa: S314


def test_references_that_differ_in_the_layer_are_one_line() -> None:
    [comparison] = compared(results_of(LAYERS))
    found = layer_curves(comparison, None)
    assert found is not None
    assert [(curve.label, curve.untrained) for curve in found.curves] == [
        ("aasp:random:micro", True),
        ("audiomosaic?hop_ms=40", False),
    ]
    assert [(point.x, point.score) for point in found.curves[1].points] == [
        (1, pytest.approx(0.375)),
        (4, pytest.approx(0.625)),
        (12, pytest.approx(0.8)),
    ]
    assert found.curves[1].default is not None
    assert found.curves[1].default.score == pytest.approx(0.8)
    assert found.curves[0].default is None
    assert found.tasks == ("esc50", "fsdd_digits")  # one encoder alone has the third
    assert found.xs == (1, 2, 4, 12)


def test_one_layer_is_no_curve() -> None:
    for scores in ({"a?layer=1": [0.5], "a": [0.6], "b?layer=2": [0.7]}, {"a": [0.5], "b": [0.6]}):
        [comparison] = compared(results_of(scores))
        assert layer_curves(comparison, None) is None
        assert "Layers" not in {figure.title for figure in figures(comparison, None)}


def test_without_a_common_task_the_figure_says_so() -> None:
    [comparison] = compared(results_of({"a?layer=1": [0.5, None], "a?layer=2": [None, 0.5]}))
    [figure] = [figure for figure in figures(comparison, None) if figure.title == "Layers"]
    assert figure.drawing is None
    assert "no task whose score all" in figure.caption


def test_two_results_of_one_layer_are_left_out() -> None:
    results = results_of({"a?layer=1": [0.5], "a?layer=2": [0.6], "a?layer=3": [0.7]})
    other = results[0].encoder.model_copy(update={"fingerprint": fake.digest("other code")})
    [comparison] = compared([*results, fake.success(other, fake.ESC50, [0.4])])
    found = layer_curves(comparison, None)
    assert found is not None
    assert [point.x for point in found.curves[0].points] == [2, 3]
    assert [text.endswith(" at 1") for text in found.left_out] == [True]


def test_few_shots_are_one_line_per_encoder() -> None:
    comparisons = few_shots({
        10: {"a": [0.9, 0.7], "b": [0.6, 0.4]},
        1: {"a": [0.5, 0.3, 0.2], "b": [0.4, 0.2, 0.2]},
        100: {"a": [1.0, 0.8]},
    })  # fmt: skip
    [(precision, found)] = few_shot_curves(comparisons, [None] * 3)
    assert precision == "fp32"
    assert found.tasks == ("esc50", "fsdd_digits")
    assert [[(p.x, round(p.score, 6)) for p in curve.points] for curve in found.curves] == [
        [(1, 0.4), (10, 0.8), (100, 0.9)],
        [(1, 0.3), (10, 0.5)],
    ]
    assert curve_table(found, "K").texts[1] == ("b", "0.300", "0.500", MISSING)
    spots = re.findall(r'<circle cx="([\d.]+)"[^>]*k0', draw_curves(found, "K", log=True))
    first, second, third = map(float, spots)
    assert second - first == pytest.approx(third - second, abs=0.02)  # a decade each


def test_few_shots_need_two_k_and_one_precision() -> None:
    one = few_shots({5: {"a": [0.5], "b": [0.6]}})
    assert few_shot_figures(one, [None]) == ()
    half = few_shots({1: {"a": [0.4]}}, precision="bf16")
    assert few_shot_figures((*one, *half), [None, None]) == ()
    assert few_shot_figures(compared(results_of({"a": [0.5]})), [None]) == ()


def test_intervals_of_independent_tasks_add_in_quadrature() -> None:
    [comparison] = compared(results_of({"a?layer=1": [0.5, 0.7], "a?layer=2": [0.6, 0.8]}))
    cells = {
        (row.label, column.label): SimpleNamespace(interval=Interval(cell.score - 0.03, cell.score + width, 0.95))
        for row in comparison.rows
        for column, cell, width in zip(comparison.columns, row.cells, (0.04, 0.03), strict=True)
        if row.label.endswith("1") or column.label == "esc50"
    }
    found = layer_curves(comparison, SimpleNamespace(cell=lambda row, column: cells.get((row, column))))  # type: ignore[arg-type]
    assert found is not None
    first, second = found.curves[0].points
    assert (first.low, first.high) == pytest.approx((0.6 - 0.03 * math.sqrt(2) / 2, 0.6 + 0.025))
    assert math.isnan(second.low)  # one of its tasks has no interval
    assert curve_table(found, "layer").texts == (("a", "0.600 [0.579, 0.625]", "0.700"),)


def test_the_drawing_and_its_table_have_the_same_numbers() -> None:
    [comparison] = compared(results_of(LAYERS))
    [figure] = [figure for figure in figures(comparison, None) if figure.title == "Layers"]
    assert figure.table is not None
    assert figure.table.header == ("encoder", "layer 1", "layer 2", "layer 4", "layer 12", "default")
    assert figure.table.texts == (
        ("aasp:random:micro [UNTRAINED]", "0.350", "0.400", MISSING, MISSING, MISSING),
        ("audiomosaic?hop_ms=40", "0.375", MISSING, "0.625", "0.800", "0.800"),
    )
    said = ElementTree.fromstring(str(figure.drawing)).attrib["aria-label"]  # noqa: S314
    assert "audiomosaic?hop_ms=40: layer 1 0.375, layer 4 0.625, layer 12 0.800, default 0.800" in said
    assert {"aasp:random:micro [UNTRAINED]", "audiomosaic?hop_ms=40", "12", "default"} <= set(texts(figure.drawing))
    assert "There are no intervals." in figure.caption
    assert re.findall(r"#[0-9a-f]{6}\b", str(figure.drawing)) == []
    assert figure == next(figure for figure in figures(comparison, None) if figure.title == "Layers")


def test_equal_scores_and_many_lines_can_be_drawn() -> None:
    [comparison] = compared(results_of({f"e{i:02d}?layer={k}": [0.5] for i in range(20) for k in (1, 2)}))
    found = layer_curves(comparison, None)
    assert found is not None
    svg = draw_curves(found, "layer")
    heights = [float(y) for y in re.findall(r'<text x="322" y="([\d.-]+)"', svg)]
    assert len(set(heights)) == 20
    assert "nan" not in svg


def test_both_stand_on_the_page(tmp_path: Path) -> None:
    shots = {k: fake.protocol(f"few-shot-{k}", points=4) for k in (1, 5)}
    few = [one for k, by in shots.items() for one in results_of({"<b>a": [0.1 * k, 0.4], "b": [0.3, 0.2]}, by)]
    results = fake.save(tmp_path / "results", *results_of(LAYERS), *few)
    pages = [write_report(results, tmp_path / name).html.read_text(encoding="utf-8") for name in ("first", "again")]
    assert pages[0] == pages[1]
    assert pages[0].count("The numbers of the figure.") == 2
    assert '<a href="#curves">Few shots</a>' in pages[0]
    assert '<h2 id="curves">' in pages[0]
    assert "<b>a" not in pages[0]
    plain = fake.save(tmp_path / "plain", *results_of({"a": [0.5, 0.6], "b": [0.4, 0.3]}))
    assert "curves" not in write_report(plain, tmp_path / "without").html.read_text(encoding="utf-8")
