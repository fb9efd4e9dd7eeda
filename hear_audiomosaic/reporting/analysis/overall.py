"""One number per encoder over all tasks of a comparison, and their ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.reporting.analysis.model import RankPlace
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.published.figures import read_tasks
from hear_audiomosaic.reporting.published.placing import FEWEST_TASKS, Placing
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

__all__ = ["BASELINE", "Ranks", "Scores", "compared_scores", "overall_scores", "rank_places"]

BASELINE = "logmel"
"""Reference of the encoder that the generalisability s(m) measures from."""

Floats = npt.NDArray[np.float64]
ByRow = Mapping[str, Overall]


@dataclass(frozen=True)
class Scores:
    """The scores of the rows that have any, higher is better."""

    labels: tuple[str, ...]
    """E rows."""
    refs: tuple[str, ...]
    """Their encoders' references."""
    values: Floats
    """(E, T) error rates negated; NaN where there is no finite score."""


@dataclass(frozen=True)
class Ranks:
    """What the ranks of a comparison say; see :class:`hear_audiomosaic.reporting.analysis.model.Analysis`."""

    tasks: tuple[str, ...] = ()
    places: Mapping[str, RankPlace] = field(default_factory=dict)
    critical_difference: float | None = None
    cliques: tuple[tuple[str, ...], ...] = ()
    friedman_p: float | None = None


def compared_scores(comparison: Comparison) -> Scores:
    """The scores of a comparison as a matrix."""
    values = np.array(
        [[np.nan if cell.score is None else cell.score for cell in row.cells] for row in comparison.rows], dtype=float
    ).reshape(len(comparison.rows), len(comparison.columns))
    values[~np.isfinite(values)] = np.nan
    values *= np.array([1.0 if column.higher_is_better else -1.0 for column in comparison.columns])
    kept = np.flatnonzero(~np.isnan(values).all(axis=1))
    rows = [comparison.rows[i] for i in kept]
    return Scores(tuple(row.label for row in rows), tuple(row.encoder.ref for row in rows), values[kept])


def overall_scores(
    comparison: Comparison, scores: Scores, placing: Placing | None
) -> tuple[dict[str, ByRow], dict[str, str]]:
    """Every overall score that can be had, by row; and why the others cannot."""
    found: dict[str, ByRow] = {}
    left_out: dict[str, str] = {}
    if len(scores.labels) == 0:
        return found, left_out

    def by_row(values: tuple[Overall, ...]) -> ByRow:
        return dict(zip(scores.labels, values, strict=True))

    if comparison.mean_tasks:
        averaged = [column.label in comparison.mean_tasks for column in comparison.columns]
        found["mean"] = by_row(overall_mean(np.where(averaged, scores.values, np.nan)))
    else:
        left_out["mean"] = "fewer than two tasks have a score of every encoder on a common scale"
    if len(scores.labels) > 1 and len(comparison.columns) > 1:
        found["mean rank"] = by_row(overall_mean_rank(scores.values))
        found["win rate"] = by_row(overall_win_rate(scores.values))
        baseline = [i for i, ref in enumerate(scores.refs) if ref == BASELINE]
        if len(baseline) == 1:
            found["s(m)"] = by_row(generalisability(scores.values, scores.values[baseline[0]]))
        else:
            number = "no encoder" if not baseline else "more than one encoder"
            left_out["s(m)"] = f"{number} has the reference {BASELINE}, which it measures from"
    else:
        only = "encoder with a score" if len(scores.labels) < 2 else "task"
        left_out |= dict.fromkeys(("mean rank", "win rate", "s(m)"), f"there is only one {only}")
    normalised = {} if placing is None else _normalised(comparison, placing)
    if normalised:
        found["HEAR normalised"] = normalised
    else:
        few = f"no encoder has {FEWEST_TASKS} tasks of the HEAR 2021 leaderboard"
        left_out["HEAR normalised"] = few if comparison.official else "another protocol than HEAR 2021's"
    return found, left_out


def rank_places(comparison: Comparison, scores: Scores, level: float, n_draws: int, seed: int) -> Ranks:
    """The ranks over the tasks that all rows with any score have."""
    complete = np.flatnonzero(~np.isnan(scores.values).any(axis=0))
    tasks = tuple(comparison.columns[i].label for i in complete)
    if len(scores.labels) < 2 or len(complete) < 2:
        return Ranks(tasks)
    common = scores.values[:, complete]
    means, intervals = mean_rank(common), rank_intervals(common, level, n_draws, seed)
    sure = len(complete) >= FEWEST_TASKS
    order = np.argsort(means, kind="stable")
    cd = nemenyi_critical_difference(len(common), len(complete), 1.0 - level)
    return Ranks(
        tasks,
        {
            scores.labels[i]: RankPlace(
                float(means[i]),
                1 + int(np.count_nonzero(means < means[i])),
                intervals[i].low if sure else np.nan,
                intervals[i].high if sure else np.nan,
            )
            for i in order
        },
        cd,
        tuple(tuple(scores.labels[i] for i in group) for group in cliques(means, cd)),
        friedman(common).p if len(common) > 2 else None,
    )


def _normalised(comparison: Comparison, placing: Placing) -> ByRow:
    """HEAR's normalised score of the placed rows with enough tasks, and the columns that it is over."""
    directories = {task.leaderboard_column: (task.task, task.primary_metric) for task in read_tasks()}
    keys = [(column.task.directory, column.score_name) for column in comparison.columns]
    single = Counter(keys)
    found = {}
    for row in placing.rows:
        if len(row.tasks) < FEWEST_TASKS:
            continue
        own = {directories[name] for name in row.tasks}
        used = tuple(i for i, key in enumerate(keys) if key in own and single[key] == 1)
        missing = tuple(i for i in range(len(keys)) if i not in used)
        found[row.label] = Overall(row.normalised, used, missing)
    return found
