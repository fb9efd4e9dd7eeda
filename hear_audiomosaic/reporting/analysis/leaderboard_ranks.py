"""Measured rows and the published leaderboard: the ranks they would have, and the row to submit.

Only results of HEAR's own protocol on the leaderboard's own tasks take part. They never enter the published tables.
A task whose folds are tasks of their own here (Beehive) has the mean of their scores, once all of them are there; HEAR
does not state how it made one value of them, and the mean is the obvious reading.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.reporting.comparison.model import OFFICIAL_PROTOCOL, Comparison, EncoderRow
from hear_audiomosaic.reporting.published.figures import HearTask, read_tasks
from hear_audiomosaic.reporting.published.leaderboard import Leaderboard, overall_interval
from hear_audiomosaic.reporting.text.csv_cells import csv_text
from hear_audiomosaic.reporting.text.formats import listing, marked_label
from hear_audiomosaic.results.schema import STRICT
from hear_audiomosaic.statistics import Interval, hear_normalised_scores, hear_standardised, rank_intervals
from hear_audiomosaic.tasks.catalog import all_cards

__all__ = [
    "FEWEST_TASKS",
    "LeaderboardRank",
    "LeaderboardRanks",
    "directories_of",
    "leaderboard_row",
    "rank_on_leaderboard",
]

FEWEST_TASKS = 6
"""With fewer tasks there are no intervals: those of a bootstrap over a handful of tasks are far too short."""
_SAME = 1e-9
"""Normalised scores that differ by less are equal up to rounding."""


@dataclass(frozen=True)
class LeaderboardRank:
    """The rank that one measured row would have."""

    label: str
    untrained: bool
    tasks: tuple[str, ...]
    """Names of the leaderboard's columns that it has."""
    columns: tuple[int, ...]
    """Indices of the comparison's columns that they are made of."""
    normalised: float
    """HEAR's normalised score over the tasks it has, -1 to 1, on the scale that the published systems define."""
    interval: Interval | None
    """95 % interval of the score, over its tasks; None with fewer than :data:`FEWEST_TASKS`."""
    rank: int
    """1 + the number of published systems with a higher normalised score on the same tasks (over what they have of
    them; for a row with all tasks: than their published scores, which are imputed where something is missing)."""
    rank_interval: Interval | None
    """95 % interval of its rank by mean rank among the published systems, on the same tasks; None as above."""
    above: str
    """The published system next above, on the same tasks; empty at the top."""
    below: str
    """The published system next below; empty at the bottom."""


@dataclass(frozen=True)
class LeaderboardRanks:
    """The ranks that the measured rows of one protocol would have."""

    rows: tuple[LeaderboardRank, ...]
    """Those with more tasks first, then the best score first."""
    n_published: int
    n_tasks: int
    """Tasks of the leaderboard."""
    left_out: tuple[tuple[str, str], ...]
    """Label of a measured task -> why it does not count."""


def rank_on_leaderboard(comparison: Comparison, board: Leaderboard | None = None) -> LeaderboardRanks | None:
    """Rank measured rows among the systems of the HEAR 2021 leaderboard.

    Args:
        comparison: measured results of one protocol.
        board: the published systems; the shipped ones if None.

    Returns:
        None where nothing can be ranked: another protocol than ``hear-2021`` with its full grid in single precision,
        or no row with a score on a task of the leaderboard (by :func:`directories_of`, with the same primary score).
    """
    if not comparison.rankable:
        return None
    board = board or Leaderboard.read()
    columns, left_out = _leaderboard_columns(comparison, board.tasks)
    population = board.scores
    published = hear_standardised(population)
    names = [one.submission for one in board.submissions]
    rows = []
    for row in comparison.rows:
        scores = np.array([_score(row, columns.get(task.task, ())) for task in board.tasks])
        if not np.isnan(scores).all():
            cells = hear_standardised(population, scores[None])[0]
            used = tuple(sorted(i for t in np.flatnonzero(~np.isnan(scores)) for i in columns[board.tasks[t].task]))
            rows.append(_rank_row(row, used, board, names, (population, published), (scores, cells)))
    rows.sort(key=lambda one: (-len(one.tasks), -one.normalised, one.label))
    return LeaderboardRanks(tuple(rows), len(names), len(board.tasks), left_out) if rows else None


def leaderboard_row(comparison: Comparison, folder: Path | None = None) -> str:
    """Write measured results in the format of the leaderboard's own CSV, one row per encoder.

    The columns are ``Model``, ``URL`` (left empty) and the tasks, as in ``docs/leaderboard.csv`` of
    hearbenchmark/hearbenchmark.com, with ten significant digits and nothing where nothing was measured. A comma in a
    label becomes a semicolon, since the website splits lines at commas. Rows of strict results say so.

    Args:
        comparison: measured results of the protocol ``hear-2021``.
        folder: where ``hear2021_tasks.csv`` is; the shipped one if None.

    Returns:
        CSV with a header; the header alone where no row has a score on the leaderboard's tasks.

    Raises:
        ProtocolError: the results are of another protocol or precision.
    """
    if not comparison.rankable:
        raise ProtocolError(
            f"The HEAR leaderboard takes results of the protocol {OFFICIAL_PROTOCOL} with its full grid in fp32; "
            f"these are of {comparison.label} in {comparison.arithmetic}. "
            f"Run: hear-audiomosaic run --protocols {OFFICIAL_PROTOCOL} ..."
        )
    tasks = read_tasks(folder)
    columns, _ = _leaderboard_columns(comparison, tasks)
    rows = []
    for row in comparison.rows:
        scores = [_score(row, columns.get(task.task, ())) for task in tasks]
        if not all(map(math.isnan, scores)):
            label = marked_label(row.label, row.encoder.untrained).replace(",", ";")
            label += STRICT if comparison.protocol.endswith(STRICT) else ""
            rows.append([label, "", *("" if math.isnan(score) else f"{score:.10g}" for score in scores)])
    return csv_text(["Model", "URL", *(task.leaderboard_column for task in tasks)], rows)


def directories_of(tasks: Sequence[HearTask]) -> dict[str, tuple[str, ...]]:
    """Task of the leaderboard -> the directories whose results it is made of, several where it ran as several tasks.

    The leaderboard's name of a task is its directory's, but for tasks that the shipped cards give as folds.
    """
    cards = all_cards()
    return {
        task.task: tuple(card.directory_name for card in cards if card.leaderboard_column == task.leaderboard_column)
        or (task.task,)
        for task in tasks
    }


def _leaderboard_columns(
    comparison: Comparison, tasks: Sequence[HearTask]
) -> tuple[dict[str, tuple[int, ...]], tuple[tuple[str, str], ...]]:
    """Task of the leaderboard -> the comparison's columns of it; and why the others do not count."""
    parts = directories_of(tasks)
    task_of = {task.task: task for task in tasks}
    task_of |= {directory: task for task in tasks for directory in parts[task.task]}
    columns: defaultdict[str, list[int]] = defaultdict(list)
    reasons: dict[int, str] = {}
    for i, column in enumerate(comparison.columns):
        task = task_of.get(column.task.directory)
        if task is None:
            reasons[i] = "not a task of the leaderboard"
        elif column.score_name != task.primary_metric:
            reasons[i] = f"its score is {column.score_name}, the leaderboard's {task.primary_metric}"
        else:
            columns[task.task].append(i)
    for name, own in list(columns.items()):
        directories = [comparison.columns[i].task.directory for i in own]
        missing = [] if name in directories else [part for part in parts[name] if part not in directories]
        reason = f"the leaderboard's task has {listing(missing)}, too" if missing else ""
        if len(own) > (1 if name in directories else len(parts[name])):
            reason = "there are results on different data of that name"
        if reason:
            reasons |= dict.fromkeys(columns.pop(name), reason)
    left_out = tuple((comparison.columns[i].label, reasons[i]) for i in sorted(reasons))
    return {name: tuple(own) for name, own in columns.items()}, left_out


def _score(row: EncoderRow, columns: Sequence[int]) -> float:
    """Mean over the columns of a task; NaN where there is none, or a score is missing or not finite."""
    scores = [row.cells[i].score for i in columns]
    known = [score for score in scores if score is not None and math.isfinite(score)]
    return math.fsum(known) / len(known) if known and len(known) == len(scores) else math.nan


Floats = npt.NDArray[np.float64]


def _rank_row(
    row: EncoderRow,
    columns: tuple[int, ...],
    board: Leaderboard,
    names: list[str],
    published: tuple[Floats, Floats],
    own: tuple[Floats, Floats],
) -> LeaderboardRank:
    """``published`` and ``own`` are raw scores and standardised ones: (M, T) each, and (T,) each."""
    (population, standardised), (scores, cells) = published, own
    has = ~np.isnan(scores)
    theirs = hear_normalised_scores(population) if has.all() else _means(standardised[:, has])
    normalised = float(cells[has].mean())
    others = sorted((value, name) for value, name in zip(theirs.tolist(), names, strict=True) if not math.isnan(value))
    above = [name for value, name in others if value > normalised + _SAME]
    below = [name for value, name in others if value <= normalised + _SAME]
    enough = int(has.sum()) >= FEWEST_TASKS
    return LeaderboardRank(
        label=row.label,
        untrained=row.encoder.untrained,
        tasks=tuple(task.leaderboard_column for task, one in zip(board.tasks, has, strict=True) if one),
        columns=columns,
        normalised=normalised,
        interval=overall_interval(cells, FEWEST_TASKS),
        rank=1 + len(above),
        rank_interval=rank_intervals(np.vstack([population, scores])[:, has])[-1] if enough else None,
        above=above[0] if above else "",
        below=below[-1] if below else "",
    )


def _means(cells: Floats) -> Floats:
    """(M, T) -> (M,) over what is there; NaN where nothing is."""
    n = np.count_nonzero(~np.isnan(cells), axis=1)
    return np.asarray(np.divide(np.nansum(cells, axis=1), n, out=np.full(len(cells), np.nan), where=n > 0))
