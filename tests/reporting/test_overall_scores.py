"""Overall scores and ranks of a comparison, and the tasks that they are over."""

from __future__ import annotations

import math
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest
from analysed_results import analysed, answers

from hear_audiomosaic.reporting.analysis.uncertainty import Analysis
from hear_audiomosaic.reporting.published.figures import read_tasks
from hear_audiomosaic.statistics import overall_mean_rank

A, B = fake.AUDIOMOSAIC, fake.MSM_MAE


def scored(folder: Path, scores: dict[str, list[float | None]]) -> Analysis:
    """Results without predictions: a list of scores by task for each reference."""
    for ref, own in scores.items():
        for i, score in enumerate(own):
            if score is not None:
                fake.save(folder, fake.success(fake.encoder(ref), fake.task(f"t{i}", None), [score]))
    return analysed(folder)


def test_overall_scores_name_the_tasks_they_lack(tmp_path: Path) -> None:
    analysis = scored(tmp_path, {"a": [0.9, 0.8, 0.7], "b": [0.8, 0.9, None], "logmel": [0.5, 0.4, 0.5]})
    assert {name: sorted(rows) for name, rows in analysis.overall.items()} == {
        name: ["a", "b", "logmel"] for name in ("mean", "mean rank", "win rate", "s(m)")
    }
    mean = analysis.overall["mean"]
    assert (mean["a"].value, mean["a"].used, mean["a"].missing) == (pytest.approx(0.85), (0, 1), (2,))
    ranks = analysis.overall["mean rank"]
    matrix = [[0.9, 0.8, 0.7], [0.8, 0.9, np.nan], [0.5, 0.4, 0.5]]
    assert [ranks[ref].value for ref in ("a", "b", "logmel")] == [one.value for one in overall_mean_rank(matrix)]
    assert (ranks["b"].missing, ranks["a"].missing) == ((2,), ())
    s = analysis.overall["s(m)"]
    assert s["a"].value == pytest.approx(100 * (1 + 0.8 + 1) / 3)
    assert s["b"].value == pytest.approx(100 * (0.75 + 1) / 2)
    assert s["logmel"].value == 0.0
    assert list(analysis.overall_left_out) == ["HEAR normalised"]
    assert analysis.rank_tasks == ("t0", "t1")
    assert math.isnan(analysis.ranks["a"].low)  # two tasks tell nothing


def test_without_logmel_there_is_no_generalisability(tmp_path: Path) -> None:
    analysis = scored(tmp_path, {"a": [0.9, 0.8], "b": [0.8, 0.9]})
    assert "s(m)" not in analysis.overall
    assert "logmel" in analysis.overall_left_out["s(m)"]
    assert analysis.friedman_p is None


def test_ranks_have_intervals_from_six_tasks_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    best = [0.9] * 8
    analysis = scored(
        tmp_path, {"best": best, **{ref: rng.uniform(0.2, 0.8, 8).tolist() for ref in ("b", "c", "d", "e")}}
    )
    assert next(iter(analysis.ranks)) == "best"
    rank = analysis.ranks["best"]
    assert (rank.mean_rank, rank.low, rank.high) == (1.0, 1.0, 1.0)
    assert analysis.critical_difference == pytest.approx(2.728 * math.sqrt(5 * 6 / 48), abs=1e-3)
    assert analysis.friedman_p is not None
    assert analysis.friedman_p < 0.05
    assert all(len(group) > 1 for group in analysis.cliques)


def test_hear_normalised_is_there_for_its_own_protocol_and_tasks(tmp_path: Path) -> None:
    hear = [task for task in read_tasks() if task.primary_metric == "top1_acc"][:6]
    for task in hear:
        on = fake.task(task.task.split("-")[0], None, directory=task.task)
        fake.save(tmp_path, fake.success(A, on, [0.8]))
        if task is not hear[0]:
            fake.save(tmp_path, fake.success(B, on, [0.7]))
    fake.save(tmp_path, fake.success(A, fake.task("zz", None), [0.9]))
    analysis = analysed(tmp_path)
    assert list(analysis.overall["HEAR normalised"]) == [A.label]  # five tasks are too few
    one = analysis.overall["HEAR normalised"][A.label]
    assert (one.used, one.missing) == (tuple(range(6)), (6,))
    assert analysis.leaderboard_ranks is not None
    assert one.value == analysis.leaderboard_ranks.rows[0].normalised


def test_the_chance_normalised_mean_is_over_tasks_whose_chance_is_known(tmp_path: Path) -> None:
    for name, chance, n_right in (("a", 0.5, 60), ("b", 0.1, 40), ("c", None, 70)):
        stored.clips(tmp_path, A, fake.task(name, chance), [stored.right(answers(80, n_right))])
    one = analysed(tmp_path).overall["chance-normalised mean"][A.label]
    assert one.value == pytest.approx(((0.75 - 0.5) / 0.5 + (0.5 - 0.1) / 0.9) / 2)
    assert (one.used, one.missing) == ((0, 1), (2,))
