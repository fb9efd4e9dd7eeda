"""Every score in every committed report lies in its own interval."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.published import PUBLISHED

REPORTS = content_dir("reports")
TABLES = [
    path
    for path in sorted(REPORTS.rglob("*.csv"))
    if {"low", "high"} <= set(path.read_text(encoding="utf-8").partition("\n")[0].split(","))
]


def test_there_are_tables_with_intervals() -> None:
    assert {path.relative_to(REPORTS).as_posix() for path in TABLES} >= {
        "controlled/report.csv",
        "controlled/pairs.csv",
        "controlled/twins.csv",
    }


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(REPORTS).as_posix())
def test_values_lie_in_their_intervals(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["low"]]
    name = next(name for name in ("score", "difference", "gain") if name in rows[0])
    assert rows
    for row in rows:
        assert float(row["low"]) <= float(row[name]) <= float(row["high"]), row


def test_of_the_leaderboard_too() -> None:
    tables = PUBLISHED["hear2021"].tables()
    cells = [cell for table in tables for row in table.rows for cell in row.cells if cell.interval]
    assert len(cells) > 50
    for cell in cells:
        low, high = (float(end) for end in cell.interval.strip("[]").split(","))
        assert cell.sort_value is not None
        assert low - 5e-4 <= cell.sort_value <= high + 5e-4, cell
