from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import hear_normalised_scores, hear_standardised, separable_pairs

NAN = np.nan
POPULATION = np.random.default_rng(0).random((12, 5))


class Leaderboard(NamedTuple):
    names: list[str]
    scores: npt.NDArray[np.float64]  # (34, 19)
    original: npt.NDArray[np.bool_]  # (34,) whether submitted to HEAR 2021


@pytest.fixture(scope="module")
def leaderboard(shared: Path) -> Leaderboard:
    def rows(name: str) -> list[dict[str, str]]:
        with (shared / "reference" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    primary = {row["task"]: row["primary_metric"] for row in rows("hear2021_tasks.csv")}
    tasks = sorted(primary)
    submissions = {row["submission"]: row["submission_date"] for row in rows("hear2021_submissions.csv")}
    names = sorted(submissions)
    scores = np.full((len(names), len(tasks)), NAN)
    for row in rows("hear2021_leaderboard.csv"):
        if row["metric"] == primary[row["task"]]:
            scores[names.index(row["submission"]), tasks.index(row["task"])] = float(row["value"])
    return Leaderboard(names, scores, np.array([submissions[name] == "HEAR 2021" for name in names]))


# -------------------------------------------------------------------------------------------------- HEAR's leaderboard


def test_the_official_top_three(leaderboard: Leaderboard) -> None:
    assert leaderboard.scores.shape == (34, 19)
    assert np.isnan(leaderboard.scores).sum() == 30
    values = hear_normalised_scores(leaderboard.scores)
    best = np.argsort(-values)[:3]
    assert [(leaderboard.names[i], f"{values[i]:.3f}") for i in best] == [
        ("GURA Fuse Cat H+w+C", "0.704"),
        ("RedRice ced_base", "0.641"),
        ("GURA Fuse Cat H+w+C (time)", "0.638"),
    ]


def test_neighbours_in_the_order_do_not_differ_significantly(leaderboard: Leaderboard) -> None:
    order = np.argsort(-hear_normalised_scores(leaderboard.scores))
    cells = hear_standardised(leaderboard.scores)
    for rows, n_pairs, n_separable in (
        (order[leaderboard.original[order]], 406, 243),
        (order, 561, 348),
    ):
        separable = separable_pairs(cells[rows])
        assert not np.diagonal(separable, offset=1).any()
        pairs = separable[np.triu_indices(len(rows), k=1)]
        assert len(pairs) == n_pairs
        assert int(np.count_nonzero(pairs)) == pytest.approx(n_separable, abs=8)  # as others' draws found


def test_an_added_submission_gets_its_own_score(leaderboard: Leaderboard) -> None:
    values = hear_normalised_scores(leaderboard.scores)
    np.testing.assert_allclose(
        hear_normalised_scores(leaderboard.scores, leaderboard.scores[3:6]), values[3:6], atol=1e-12
    )


# ------------------------------------------------------------------------------------------------------ by definition


def test_complete_scores_are_standardised_clipped_and_averaged() -> None:
    z = (POPULATION - POPULATION.mean(axis=0)) / POPULATION.std(axis=0)
    np.testing.assert_allclose(hear_normalised_scores(POPULATION), np.clip(z, -1, 1).mean(axis=1))
    assert hear_normalised_scores(POPULATION, np.full((1, 5), 99.0))[0] == 1.0
    assert hear_normalised_scores(POPULATION, np.full((1, 5), -99.0))[0] == -1.0
    np.testing.assert_allclose(hear_normalised_scores(POPULATION, POPULATION.mean(axis=0)[None]), 0.0, atol=1e-12)


def test_an_added_encoder_changes_no_other() -> None:
    population = POPULATION.copy()
    population[0, 1] = population[4, 2] = NAN
    added = np.array([[0.9, NAN, 0.8, 0.7, 0.9], [0.1, 0.2, NAN, NAN, 0.0]])
    together = hear_normalised_scores(population, added)
    np.testing.assert_array_equal(
        together, np.concatenate([hear_normalised_scores(population, row[None]) for row in added])
    )
    np.testing.assert_allclose(
        hear_normalised_scores(population, population), hear_normalised_scores(population), atol=1e-12
    )


def test_imputed_cells_are_taken_out_of_the_cells() -> None:
    population = POPULATION.copy()
    population[0, 1] = NAN
    cells = hear_standardised(population)
    assert np.isnan(cells[0, 1])
    assert np.isnan(cells).sum() == 1
    np.testing.assert_allclose(cells[1:].mean(axis=1), hear_normalised_scores(population)[1:])


def test_a_task_on_which_all_are_equal_counts_nothing() -> None:
    population = np.column_stack([POPULATION, np.full(12, 0.5)])
    np.testing.assert_allclose(hear_normalised_scores(population), hear_normalised_scores(POPULATION) * 5 / 6)


@pytest.mark.parametrize(
    ("population", "added", "message"),
    [
        (POPULATION, POPULATION[:, :4], "population's 5 tasks"),
        (POPULATION[:1], POPULATION, "at least two encoders"),
        (np.column_stack([POPULATION, np.full(12, NAN)]), np.ones((1, 6)), "a score for every task"),
        (POPULATION, np.full((1, 5), NAN), "added: expected at least one score"),
        (np.vstack([POPULATION, np.full(5, NAN)]), POPULATION, "population: expected at least one score"),
    ],
)
def test_errors_say_what_is_wrong(population: np.ndarray, added: np.ndarray, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        hear_normalised_scores(population, added)
