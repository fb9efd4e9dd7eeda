"""The heat map: its colours mean something, come from the page, and its bytes are always the same."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from xml.etree import ElementTree

import fake_results as fake
import pytest

from hear_audiomosaic.reporting.compare import compare
from hear_audiomosaic.reporting.figures import heat_map, skill
from hear_audiomosaic.reporting.load import LoadedResult
from hear_audiomosaic.reporting.table import Column
from hear_audiomosaic.reporting.text import MISSING, count, decimals, listing, plain_label, setting

LABEL = "a$b$ <i>&\\frac --> 音"


@pytest.fixture
def comparison():
    strange = fake.encoder("strange", LABEL, untrained=True)
    results = [
        fake.success(strange, fake.ESC50, [0.5]),
        fake.success(fake.LOGMEL, fake.ESC50, [0.7]),
        fake.success(fake.LOGMEL, fake.CHORDS, [math.inf], score_name="d_prime"),
        fake.failure(strange, fake.CHORDS, "broke", score_name="d_prime"),
    ]
    return compare([LoadedResult(f"{i}.json", result) for i, result in enumerate(results)])[0]


def column(chance: float | None, higher: bool = True, name: str = "top1_acc") -> Column:
    return Column("x", fake.ESC50, name, higher, chance)


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
def test_skill_is_the_way_from_chance_to_perfect(score, of, expected):
    assert skill(score, of) == (None if expected is None else pytest.approx(expected))


def test_figure_is_deterministic_and_takes_the_pages_colours(comparison):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = heat_map(comparison, "p1")
    assert svg == heat_map(comparison, "p1")
    assert "currentColor" in svg
    assert "var(--accent)" in svg
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert all(found.startswith("p1-") for found in re.findall(r'\bid="([^"]*)"', svg))


def test_figure_writes_labels_as_they_are(comparison):
    root = ElementTree.fromstring(heat_map(comparison, "p1"))  # noqa: S314
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert f"{LABEL} [UNTRAINED]" in texts
    assert {"esc50 ↑", "0.700", "failed", "∞"} <= set(texts)


def test_figure_leaves_out_the_middle_of_long_labels(comparison):
    rows = tuple(dataclasses.replace(row, label="start" + "x" * 300 + "end") for row in comparison.rows)
    svg = heat_map(dataclasses.replace(comparison, rows=rows), "p1")
    assert "x" * 40 not in svg
    assert re.search(r"startx+…x+end \[UNTRAINED\]", svg)


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
