"""The figures: their numbers, their words, and bytes that are always the same."""

from __future__ import annotations

import dataclasses
import math
import re
from xml.etree import ElementTree

import fake_results as fake
import numpy as np
import pytest
from scipy.stats import spearmanr

from hear_audiomosaic.reporting.analysis.chance import chance_normalised
from hear_audiomosaic.reporting.analysis.class_errors import Confusion, class_errors
from hear_audiomosaic.reporting.analysis.correlations import task_correlations
from hear_audiomosaic.reporting.analysis.domains import domain_means
from hear_audiomosaic.reporting.analysis.model import RankInterval
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import TaskColumn
from hear_audiomosaic.reporting.figures.collect import figures
from hear_audiomosaic.reporting.figures.confusion import confusion_figure
from hear_audiomosaic.reporting.figures.correlation import draw_correlations
from hear_audiomosaic.reporting.figures.critical_difference import draw_critical_difference
from hear_audiomosaic.reporting.figures.domains import draw_domain
from hear_audiomosaic.reporting.figures.rank_intervals import draw_rank_intervals
from hear_audiomosaic.reporting.figures.svg import axis_ticks, named, short
from hear_audiomosaic.reporting.tables.class_errors import class_errors_table, confusions_table
from hear_audiomosaic.reporting.text.formats import MISSING, count, decimals, listing, plain_label, setting
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.predictions import FoldPredictions

LABEL = "a$b$ <i>&\\frac --> 音"


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314
    return ["".join(element.itertext()) for element in root.iter("text")]


def column(chance: float | None, higher: bool = True, name: str = "top1_acc") -> TaskColumn:
    return TaskColumn("x", fake.ESC50, name, higher, chance)


def comparison_of(scores: dict[str, list[float | None]], tasks=(fake.ESC50, fake.DIGITS, fake.GUNSHOT), **facts):
    """Encoders with a score per task."""
    results = [
        fake.success(fake.encoder(ref, untrained=ref == "floor"), task, [score], **facts)
        for ref, own in scores.items()
        for task, score in zip(tasks, own, strict=True)
        if score is not None
    ]
    return compare([LoadedResult(f"{i}.json", result) for i, result in enumerate(results)])[0]


@pytest.mark.parametrize(
    ("score", "of", "expected"),
    [
        (0.5, column(0.0), 0.5),
        (0.6, column(0.2), 0.5),
        (0.1, column(0.2), 0.0),
        (0.3, column(None), 0.3),
        (0.25, column(None, False, "segment_1s_er"), 0.75),
        (1.7, column(None, False, "segment_1s_er"), 0.0),
        (0.25, column(0.5, False, "eer"), 0.5),
        (3.0, column(0.0, True, "d_prime"), None),
        (math.nan, column(0.1), None),
        (0.5, column(1.0), None),
    ],
)
def test_chance_normalised_is_on_the_scale_from_chance_to_perfect(score, of, expected):
    assert chance_normalised(score, of) == (None if expected is None else pytest.approx(expected))


RANKS = {
    LABEL: RankInterval(1.25, 1, 1.0, 2.0),
    "second": RankInterval(2.0, 2, 1.0, 3.0),
    "floor": RankInterval(2.75, 3, 2.0, 3.0),
}


def test_ranks_are_drawn_with_their_labels_as_they_are():
    svg = draw_rank_intervals(RANKS, 0.95, {"floor"})
    assert [text for text in texts(svg) if text in (LABEL, "second", "floor [UNTRAINED]")] == [
        LABEL,
        "second",
        "floor [UNTRAINED]",
    ]
    assert f"{LABEL}: rank 1 (1 to 2), mean rank 1.25" in ElementTree.fromstring(svg).attrib["aria-label"]  # noqa: S314
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    assert svg == draw_rank_intervals(RANKS, 0.95, {"floor"})


def dots(svg: str) -> list[float]:
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]


def test_dots_are_at_the_mean_ranks():
    first, second, third = dots(draw_critical_difference(RANKS, 0.9, []))
    assert (second - first) / (third - first) == pytest.approx(0.75 / 1.5, abs=0.01)


def test_dots_are_at_the_ranks_within_their_intervals():
    svg = draw_rank_intervals(RANKS, 0.95)
    first, second, third = dots(svg)
    assert (second - first) / (third - first) == pytest.approx(0.5, abs=0.01)
    bars = [(float(x), float(x) + float(w)) for x, w in re.findall(r'<rect x="([\d.]+)"[^>]*? width="([\d.]+)"', svg)]
    assert len(bars) == 3
    assert all(low < dot < high for dot, (low, high) in zip(dots(svg), bars, strict=True))
    unsure = {label: dataclasses.replace(rank, low=math.nan, high=math.nan) for label, rank in RANKS.items()}
    assert dots(draw_rank_intervals(unsure, 0.95)) == [first, second, third]
    assert "opacity" not in draw_rank_intervals(unsure, 0.95)


def test_critical_difference_joins_what_does_not_differ_significantly():
    svg = draw_critical_difference(RANKS, 0.9, [(LABEL, "second"), ("second", "floor")])
    assert svg.count('class="counter"') == 2
    assert "critical difference 0.90" in texts(svg)
    too_long = draw_critical_difference(RANKS, 5.0, [])
    assert "No significant difference: none" in too_long


def test_domains_are_means_over_the_tasks_of_the_mean():
    comparison = comparison_of({"a": [0.5, 0.75, 0.25], "b": [0.25, 0.5, 0.5]})
    environment, speech = domain_means(comparison)
    assert (environment.domain, environment.tasks) == ("environment", ("esc50", "gunshot_triangulation"))
    assert environment.values == (("a", 0.375), ("b", 0.375))
    assert speech.values == (("a", 0.75), ("b", 0.5))
    assert {"0.750", "a"} <= set(texts(draw_domain(speech)))
    assert domain_means(comparison_of({"a": [0.5, None, None], "b": [None, 0.5, None]})) == ()


def test_correlations_are_spearmans():
    table = {
        "a": [0.9, 0.5, 0.1],
        "b": [0.8, 0.7, 0.2],
        "c": [0.5, 0.6, 0.3],
        "d": [0.1, 0.1, 0.3],
        "e": [0.2, None, 1.0],
    }
    found = task_correlations(comparison_of(table))
    assert found.tasks == ("esc50", "fsdd_digits", "gunshot_triangulation")
    rows = np.array([table[ref] for ref in "abcd"], dtype=float)
    assert found.values[0, 1] == pytest.approx(spearmanr(rows[:, 0], rows[:, 1]).statistic)
    every = np.array([table[ref] for ref in "abcde"], dtype=float)
    assert found.values[0, 2] == pytest.approx(spearmanr(every[:, 0], every[:, 2]).statistic)
    assert found.n_encoders[0].tolist() == [5, 4, 5]
    assert "\N{MINUS SIGN}" in "".join(texts(draw_correlations(found)))


def test_error_rates_are_negated():
    scores = {ref: [value, value] for ref, value in zip("abcd", (0.1, 0.2, 0.3, 0.4), strict=True)}
    results = []
    for ref, (up, down) in scores.items():
        of = fake.encoder(ref)
        results.append(fake.success(of, fake.ESC50, [up]))
        results.append(fake.success(of, fake.OFFICE, [down], score_name="segment_1s_er", higher=False))
    [comparison] = compare([LoadedResult(f"{i}.json", result) for i, result in enumerate(results)])
    assert task_correlations(comparison).values[0, 1] == pytest.approx(-1.0)


def test_equal_scores_have_no_correlation():
    found = task_correlations(comparison_of({ref: [0.5, 0.1 * i, 0.2 * i] for i, ref in enumerate("abcd")}))
    assert math.isnan(found.values[0, 1])
    assert MISSING in texts(draw_correlations(found))


def test_figures_that_cannot_be_drawn_say_why():
    found = figures(comparison_of({"a": [0.5, 0.6, None], "b": [0.4, 0.5, None]}), None)
    words = {one.title: one.caption for one in found if one.drawing is None}
    assert "not computed" in words["Rank intervals"]
    assert "at least 3 tasks that 4 encoders have; here are none" in words["Agreement of tasks"]
    one_domain = comparison_of({"a": [0.5, None, 0.4], "b": [0.5, None, 0.3]})
    assert "one domain (environment)" in {one.title: one.caption for one in figures(one_domain, None)}["Domains"]


# --------------------------------------------------------------------------------------------------- errors by class


def scene(target: list[int], predicted: list[int], n_classes: int = 3, split: str = "test") -> FoldPredictions:
    probabilities = np.eye(n_classes)[predicted] * 0.9 + 0.01
    files = tuple(f"{i}.wav" for i in range(len(predicted)))
    targets = np.eye(n_classes)[target].astype(bool)
    return FoldPredictions(split, files, probabilities, targets, np.arange(len(predicted)))


def test_errors_by_class_count_over_folds():
    result = fake.success(fake.LOGMEL, fake.ESC50, [0.5, 0.5])
    found = class_errors(result, [scene([0, 0, 1], [0, 1, 1]), scene([0, 1, 2], [1, 1, 2])])
    assert found.confusion is not None
    assert found.confusion.counts.tolist() == [[1, 2, 0], [0, 2, 0], [0, 0, 1]]
    assert class_errors_table(found).texts[0] == ("a", "3", "1", "0.333", "1.000", "b (2)")
    assert class_errors_table(found).texts[1] == ("b", "2", "2", "1.000", "0.500", MISSING)
    assert confusions_table(found) is None
    svg = confusion_figure(found.confusion)
    assert {"1", "2", "a", "b", "c"} <= set(texts(svg))
    assert "4 of 6 clips correct" in svg


def test_many_classes_are_a_list_of_confusions():
    labels = tuple(f"class {i}" for i in range(60))
    task = fake.ESC50.model_copy(update={"vocabulary": labels})
    found = class_errors(fake.success(fake.LOGMEL, task, [0.5]), [scene([0, 0, 0, 7, 8], [5, 5, 0, 7, 9], 60)])
    confusions = confusions_table(found)
    assert confusions is not None
    assert confusions.texts[0] == ("class 0", "class 5", "2", "0.667")
    assert len(confusions.texts) == 2
    assert {row[0] for row in class_errors_table(found).texts} == {
        "class 0",
        "class 5",
        "class 7",
        "class 8",
        "class 9",
    }


def test_fifty_classes_are_few_elements():
    counts = np.random.default_rng(0).integers(0, 9, (50, 50))
    svg = confusion_figure(Confusion(tuple(f"a long name of class {i}" for i in range(50)), counts))
    assert svg.count("<path") <= 16
    assert len(texts(svg)) == 100


def test_multilabel_has_the_average_precision_of_each_class():
    target = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=bool)
    probabilities = np.array([[0.9, 0.5, 0.5], [0.1, 0.4, 0.5], [0.5, 0.9, 0.5]])
    one = FoldPredictions("test", ("x", "y", "z"), probabilities, target, np.arange(3))
    found = class_errors(fake.success(fake.LOGMEL, fake.FSD50K, [0.5]), [one])
    assert found.confusion is None
    assert class_errors_table(found).texts == (
        ("a", "2", "0.667", "0.833"),
        ("b", "2", "0.667", "0.833"),
        ("c", "0", "0.000", MISSING),
    )


# ------------------------------------------------------------------------------------------------------------- words


def test_long_labels_lose_their_middle():
    assert short("start" + "x" * 300 + "end", 20) == "start" + "x" * 8 + "…" + "xxxend"
    assert named("x" * 60, {"x" * 60}, 30).endswith("x [UNTRAINED]")
    assert len(named("x" * 60, {"x" * 60}, 30)) == 30


def test_ticks_are_round():
    assert axis_ticks(0.0, 1.0) == pytest.approx((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert axis_ticks(1.0, 30.0) == pytest.approx((10.0, 20.0, 30.0))
    assert axis_ticks(2.0, 2.0) == (2.0,)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.0001, "0.000"),
        (None, MISSING),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (math.nan, "NaN"),
        ("Infinity", "∞"),
        ("NaN", "NaN"),
    ],
)
def test_decimals(value, text):
    assert decimals(value) == text


def test_settings_are_never_rounded():
    assert [setting(value) for value in (3.2e-4, 250.0, True, None, [1, 2.5], "Adam")] == [
        "0.00032",
        "250",
        "true",
        MISSING,
        "1, 2.5",
        "Adam",
    ]


def test_words():
    assert [listing([]), listing(["a"]), listing(["a", "b"]), listing("abc")] == ["", "a", "a and b", "a, b and c"]
    assert count(1234567) == "1\u202f234\u202f567"
    assert plain_label("tiny (untrained)") == "tiny"
    assert plain_label("(untrained)") == "(untrained)"
