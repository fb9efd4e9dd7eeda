"""What published systems reach on a task, against a plain reading of the tables."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

import pytest

from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.published.reached import reached_on
from hear_audiomosaic.tasks import suites

FOLDER = content_dir("reports") / "published"


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("card", suites()["hear2021"], ids=lambda card: card.directory_name)
def test_the_leaderboard_of_every_task(card: object) -> None:
    names = card.published_as  # type: ignore[attr-defined]
    [task] = [row for row in rows("hear2021_tasks.csv") if row["leaderboard_column"] == card.leaderboard_column]  # type: ignore[attr-defined]
    first = reached_on(names)[0]
    primary = [
        row
        for row in rows("hear2021_leaderboard.csv")
        if (row["task"], row["metric"]) == (task["task"], task["primary_metric"])
    ]
    values = sorted(float(row["value"]) for row in primary)
    assert (first.table, first.metric, first.n) == ("hear2021_leaderboard.csv", task["primary_metric"], len(primary))
    assert first.n == int(task["n_primary"])
    assert float(first.best) == values[-1]
    assert first.best_method in [row["submission"] for row in primary if float(row["value"]) == values[-1]]
    assert first.median == pytest.approx(statistics.median(values))
    assert set(first.sources) == {row["source"] for row in primary}


def test_lower_is_better_and_widths_of_intervals_are_no_figures() -> None:
    found = reached_on(["DCASE 2016", "DCASE 2016 Task 2"])
    [error_rate] = [one for one in found if one.metric == "segment_1s_er"]
    values = [float(row["value"]) for row in rows("hear2021_leaderboard.csv") if row["metric"] == "segment_1s_er"]
    assert (error_rate.better, float(error_rate.best)) == ("lower", min(values))
    assert not any("halfwidth" in one.metric for one in reached_on(["ESC-50", "US8K"]))


def test_other_tables_by_protocol() -> None:
    found = [one for one in reached_on(["US8K"]) if one.table == "aasp_reported.csv"]
    plain = [row for row in rows("aasp_reported.csv") if row["task"] == "US8K"]
    assert {one.protocol: one.n for one in found} == {
        protocol: sum(row["protocol"] == protocol for row in plain) for protocol in {row["protocol"] for row in plain}
    }
    assert reached_on([]) == reached_on(["nothing"]) == ()


def test_all_names_of_tasks_are_in_tables(tmp_path: Path) -> None:
    """A name that no table has is a slip."""
    known = {task["leaderboard_column"] for task in rows("hear2021_tasks.csv")}
    for path in FOLDER.glob("*_reported.csv"):
        known |= {row["task"] for row in rows(path.name)}
    named = {name for cards in suites().values() for card in cards for name in card.published_as}
    assert named - known == set()
