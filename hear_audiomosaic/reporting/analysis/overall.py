"""One number per encoder over all tasks of a comparison, and their ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.reporting.analysis.leaderboard_ranks import FEWEST_TASKS, LeaderboardRanks
from hear_audiomosaic.reporting.analysis.model import RankInterval
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.statistics import (
    Overall,
    cliques,
    friedman,
    generalisability,
    mean_rank,
    nemenyi_critical_difference,
    overall_mean,
    overall_mean_rank,
    overall_win_rate,
    rank_intervals,
)

__all__ = ["FLOOR", "Ranks", "Scores", "compared_scores", "overall_scores", "rank_encoders", "signed_scores"]

FLOOR = "logmel"
"""Reference of the encoder whose scores are the zero of the generalisability s(m)."""

Floats = npt.NDArray[np.float64]
ByRow = Mapping[str, Overall]


@dataclass(frozen=True)
class Scores:
    """Scores of the rows that have any, higher is better."""

    labels: tuple[str, ...]
    """E rows."""
    refs: tuple[str, ...]
    """Their encoders' references."""
    values: Floats
    """(E, T) error rates negated; NaN where there is no finite score."""


@dataclass(frozen=True)
class Ranks:
    """The ranks of a comparison; see :class:`hear_audiomosaic.reporting.analysis.model.Analysis`."""

    tasks: tuple[str, ...] = ()
    by_row: Mapping[str, RankInterval] = field(default_factory=dict)
    critical_difference: float | None = None
    cliques: tuple[tuple[str, ...], ...] = ()
    friedman_p: float | None = None


def signed_scores(comparison: Comparison) -> Floats:
    """(E, T) the scores of all rows and columns, error rates negated; NaN where there is none."""
    scores = np.array(
        [[np.nan if cell.score is None else cell.score for cell in row.cells] for row in comparison.rows], dtype=float
    ).reshape(len(comparison.rows), len(comparison.columns))
    signs = np.array([1.0 if column.higher_is_better else -1.0 for column in comparison.columns])
    return np.asarray(scores * signs)


def compared_scores(comparison: Comparison) -> Scores:
    """The finite scores of a comparison as a matrix, without empty rows."""
    values = signed_scores(comparison)
    values[~np.isfinite(values)] = np.nan
    kept = np.flatnonzero(~np.isnan(values).all(axis=1))
    rows = [comparison.rows[i] for i in kept]
    return Scores(tuple(row.label for row in rows), tuple(row.encoder.ref for row in rows), values[kept])


def overall_scores(
    comparison: Comparison, scores: Scores, leaderboard_ranks: LeaderboardRanks | None
) -> tuple[dict[str, ByRow], dict[str, str]]:
    """Every overall score that can be computed, by row; and why the others cannot."""
    overall: dict[str, ByRow] = {}
    left_out: dict[str, str] = {}
    if len(scores.labels) == 0:
        return overall, left_out

    def by_row(values: tuple[Overall, ...]) -> ByRow:
        return dict(zip(scores.labels, values, strict=True))

    if comparison.mean_tasks:
        averaged = [column.label in comparison.mean_tasks for column in comparison.columns]
        overall["mean"] = by_row(overall_mean(np.where(averaged, scores.values, np.nan)))
        chance = np.array([np.nan if c.chance is None or c.chance >= 1 else c.chance for c in comparison.columns])
        known = np.isfinite(chance) & averaged
        if np.count_nonzero(known) > 1:
            shares = (scores.values - chance) / (1.0 - chance)
            overall["chance-normalised mean"] = by_row(overall_mean(np.where(known, shares, np.nan)))
    else:
        left_out["mean"] = "fewer than two tasks have a score of every encoder on a common scale"
    if len(scores.labels) > 1 and len(comparison.columns) > 1:
        overall["mean rank"] = by_row(overall_mean_rank(scores.values))
        overall["win rate"] = by_row(overall_win_rate(scores.values))
        floor = [i for i, ref in enumerate(scores.refs) if ref == FLOOR]
        if len(floor) == 1:
            overall["s(m)"] = by_row(generalisability(scores.values, scores.values[floor[0]]))
        else:
            number = "no encoder" if not floor else "more than one encoder"
            left_out["s(m)"] = f"{number} has the reference {FLOOR}, which is its zero"
    else:
        only = "encoder with a score" if len(scores.labels) < 2 else "task"
        left_out |= dict.fromkeys(("mean rank", "win rate", "s(m)"), f"there is only one {only}")
    normalised = {} if leaderboard_ranks is None else _normalised(comparison, leaderboard_ranks)
    if normalised:
        overall["HEAR normalised"] = normalised
    else:
        few = f"no encoder has {FEWEST_TASKS} tasks of the HEAR 2021 leaderboard"
        left_out["HEAR normalised"] = few if comparison.rankable else "another protocol or precision than HEAR 2021's"
    return overall, left_out


def rank_encoders(comparison: Comparison, scores: Scores, level: float, n_resamples: int, seed: int) -> Ranks:
    """The ranks over the tasks that all rows with any score have."""
    complete = np.flatnonzero(~np.isnan(scores.values).any(axis=0))
    tasks = tuple(comparison.columns[i].label for i in complete)
    if len(scores.labels) < 2 or len(complete) < 2:
        return Ranks(tasks)
    common = scores.values[:, complete]
    means, intervals = mean_rank(common), rank_intervals(common, level, n_resamples, seed)
    enough = len(complete) >= FEWEST_TASKS
    order = np.argsort(means, kind="stable")
    cd = nemenyi_critical_difference(len(common), len(complete), 1.0 - level)
    return Ranks(
        tasks,
        {
            scores.labels[i]: RankInterval(
                float(means[i]),
                1 + int(np.count_nonzero(means < means[i])),
                intervals[i].low if enough else np.nan,
                intervals[i].high if enough else np.nan,
            )
            for i in order
        },
        cd,
        tuple(tuple(scores.labels[i] for i in group) for group in cliques(means, cd)),
        friedman(common).p if len(common) > 2 else None,
    )


def _normalised(comparison: Comparison, leaderboard_ranks: LeaderboardRanks) -> ByRow:
    """HEAR's normalised score of the rows with enough tasks, and the columns that it is over."""
    every = range(len(comparison.columns))
    return {
        row.label: Overall(row.normalised, row.columns, tuple(i for i in every if i not in row.columns))
        for row in leaderboard_ranks.rows
        if len(row.tasks) >= FEWEST_TASKS
    }
