"""Intervals hold the expected score, tests their level: short simulations here, all settings with ``-m slow``."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reproduce import coverage, reproduce
from hear_audiomosaic.reproduce.coverage import Setting, simulate
from hear_audiomosaic.reproduce.recipes import read_recipe

RECIPE = read_recipe("coverage")
SETTINGS = [{"repetitions": RECIPE["repetitions"], **setting} for setting in RECIPE["settings"]]


def name_of(setting: dict) -> str:
    return " ".join(f"{key}={value}" for key, value in setting.items() if key != "repetitions")


def short(setting: dict) -> int:
    """Repetitions that take about half a second."""
    n = setting.get("n", 20) * setting.get("classes", 1)
    cost = {"clips": 1.5, "groups": 2.0, "tags": 0.4 + 0.02 * n, "events": 2.5 * n}[setting["kind"]]
    if setting["score"] == "d_prime":  # sorted again for each clip
        cost *= 20
    return min(setting["repetitions"], int(500 / cost / max(setting.get("encoders", 2) / 2, 1) ** 2))


def check(setting: dict, repetitions: int, allowed: float) -> None:
    """``allowed``: by how much coverage and level may be off, beside what so few repetitions leave open."""
    own = {key: value for key, value in setting.items() if key != "repetitions"}
    rates = simulate(Setting.from_mapping(own), repetitions, seed=1)
    assert rates.outside == 0
    open_to = 2.6 * math.sqrt(0.05 * 0.95 / repetitions)
    assert rates.coverage > 0.95 - allowed - open_to, rates
    assert rates.level < 0.05 + allowed + open_to, rates
    assert rates.family < 0.05 + allowed + open_to, rates


@pytest.mark.parametrize("setting", [one for one in SETTINGS if short(one) >= 20], ids=name_of)
def test_coverage_and_level_in_short(setting: dict) -> None:
    check(setting, short(setting), 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_coverage_and_level(setting: dict) -> None:
    check(setting, setting["repetitions"], 0.01)


def test_the_committed_table_is_of_the_recipe_and_covers() -> None:
    with (content_dir("reports") / "coverage" / "coverage.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["repetitions"]) for row in rows] == [setting["repetitions"] for setting in SETTINGS]
    for row, setting in zip(rows, SETTINGS, strict=True):
        assert (row["score"], int(row["encoders"])) == (setting["score"], setting.get("encoders", 2))
        assert int(row["outside"]) == 0
        open_to = 2 * math.sqrt(0.05 * 0.95 / int(row["repetitions"]))
        assert float(row["coverage"]) >= 0.93, row
        assert float(row["level"]) <= 0.05 + max(0.01, open_to), row
        assert float(row["family"]) <= 0.05 + max(0.01, open_to), row


def test_too_lenient_intervals_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips of one group taken as independent: the check must fail."""
    whole = coverage.clip_replicates
    monkeypatch.setattr(coverage, "clip_replicates", lambda name, a, b, unit: whole(name, a, b, np.arange(len(unit))))
    with pytest.raises(AssertionError):
        check({"kind": "groups", "score": "top1_acc", "groups": [10], "repetitions": 300}, 300, 0.01)


def test_the_recipe_writes_its_table(tmp_path: Path) -> None:
    settings = [{"kind": "clips", "score": "top1_acc", "n": 30}, {"kind": "events", "score": "segment_1s_er", "n": 5}]
    outcome = reproduce("coverage", out=tmp_path, changes={"settings": settings, "repetitions": 5})
    assert [row["score"] for row in outcome.rows] == ["top1_acc", "segment_1s_er"]
    assert outcome.report.read_text(encoding="utf-8").startswith("score,n,per,classes,groups,rate,encoders,seeds,")
    with pytest.raises(RecipeError, match="no kind 'clap'"):
        reproduce("coverage", out=tmp_path, changes={"settings": [{"kind": "clap", "score": "mAP"}]})


def test_the_table_in_the_documentation_is_the_committed_one() -> None:
    document = (Path(__file__).parents[2] / "docs" / "uncertainty.md").read_text(encoding="utf-8")
    printed = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in document.splitlines()
        if line.startswith("| `")
    ]
    with (content_dir("reports") / "coverage" / "coverage.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [[cells[0].strip("`"), *cells[-3:]] for cells in printed] == [
        [row[name] for name in ("score", "coverage", "level", "family")] for row in rows
    ]
