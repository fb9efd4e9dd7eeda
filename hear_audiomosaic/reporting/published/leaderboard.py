"""The HEAR 2021 leaderboard: 34 systems on 19 tasks, HEAR's own overall score, and the uncertainty of its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.published.figures import (
    METRICS,
    HearTask,
    PublishedFigure,
    Submission,
    read_leaderboard,
    read_submissions,
    read_tasks,
)
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table, mark_best
from hear_audiomosaic.reporting.text.formats import decimals, interval_text
from hear_audiomosaic.statistics import (
    Interval,
    hear_normalised_scores,
    hear_standardised,
    mean_interval,
    mean_rank,
    rank_intervals,
    separable_pairs,
)

__all__ = ["Leaderboard", "leaderboard_tables", "overall_interval"]

_OVERALL = (
    "Normalised score: HEAR's own. Missing scores are imputed, each task is standardised over these systems, clipped "
    "to -1 .. 1 and averaged over all tasks.",
    "Its 95 % interval is a bootstrap over the tasks a system has: how the score would vary with other tasks of the "
    "same kind. The other interval is that of the rank by mean rank, from the same kind of bootstrap.",
    "Raw sum: the order of HEAR's website, which counts a missing score as 0.",
    "The three PaSST systems have equal scores on every task but DCASE 2016.",
)
_SCORES = (
    "Missing: tasks over 20 GPU hours per step or over the GPU's memory were not published. A score of exactly 0 "
    "is 0 in the source.",
)


@dataclass(frozen=True)
class Leaderboard:
    """The published systems on HEAR's 19 tasks."""

    tasks: tuple[HearTask, ...]
    """In the order of the leaderboard's columns."""
    submissions: tuple[Submission, ...]
    primary: tuple[PublishedFigure, ...]
    secondary: tuple[PublishedFigure, ...]

    @classmethod
    def read(cls, folder: Path | None = None) -> Leaderboard:
        """Read the three files of the leaderboard.

        Args:
            folder: where they are; the shipped ones if None.

        Raises:
            ResultError: a file is broken, or they name different tasks, systems or metrics.
        """
        tasks, submissions, figures = read_tasks(folder), read_submissions(folder), read_leaderboard(folder)
        metrics = {task.task: (task.primary_metric, task.secondary_metric) for task in tasks}
        systems = {one.submission for one in submissions}
        for figure in figures:
            if figure.method not in systems or figure.metric not in metrics.get(figure.task, ()):
                raise ResultError(
                    f"hear2021_leaderboard.csv: {figure.method}, {figure.task}, {figure.metric}: not among the systems "
                    "of hear2021_submissions.csv and the tasks and metrics of hear2021_tasks.csv."
                )
        return cls(
            tasks,
            submissions,
            tuple(figure for figure in figures if figure.metric == metrics[figure.task][0]),
            tuple(figure for figure in figures if figure.metric == metrics[figure.task][1]),
        )

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(M systems, T tasks) primary scores; NaN where there is none."""
        rows = {one.submission: i for i, one in enumerate(self.submissions)}
        columns = {one.task: i for i, one in enumerate(self.tasks)}
        scores = np.full((len(rows), len(columns)), np.nan)
        for figure in self.primary:
            scores[rows[figure.method], columns[figure.task]] = float(figure.value)
        return scores


def leaderboard_tables(folder: Path | None = None) -> tuple[Table, ...]:
    """The leaderboard's tables: overall, primary scores, secondary scores, tasks.

    Args:
        folder: where the three CSVs are; the shipped ones if None.
    """
    board = Leaderboard.read(folder)
    normalised = hear_normalised_scores(board.scores)
    order = sorted(
        range(len(normalised)), key=lambda i: (-round(float(normalised[i]), 9), board.submissions[i].submission)
    )
    names = [board.submissions[i].submission for i in order]
    return (
        _overall(board, normalised, order),
        _scores(board, board.primary, names, "primary-scores", "HEAR 2021 leaderboard: primary scores", _SCORES),
        _scores(board, board.secondary, names, "secondary-scores", "HEAR 2021 leaderboard: secondary scores", ()),
        _tasks(board),
    )


def overall_interval(cells: npt.NDArray[np.float64], fewest: int = 2) -> Interval | None:
    """Interval of a normalised score: a bootstrap over the tasks that a system has.

    Args:
        cells: (T,) standardised scores, NaN where there is none.
        fewest: with fewer tasks there is no interval.
    """
    own = cells[~np.isnan(cells)]
    return mean_interval(own) if len(own) >= fewest else None


def _overall(board: Leaderboard, normalised: npt.NDArray[np.float64], order: Sequence[int]) -> Table:
    scores = board.scores
    standardised = hear_standardised(scores)
    sums, ranks, intervals = np.nansum(scores, axis=1), mean_rank(scores), rank_intervals(scores)
    apart = separable_pairs(standardised)[order[0]]
    has = np.count_nonzero(~np.isnan(scores), axis=1)
    sources = {one.submission: one.source for one in board.submissions}
    columns = (
        ColumnHeader("score", "95 % interval", "higher", "normalised"),
        ColumnHeader("rank", group="normalised"),
        ColumnHeader("mean", "", "lower", "rank within tasks"),
        ColumnHeader("rank", "95 % interval", group="rank within tasks"),
        ColumnHeader("sum", "", "higher", "raw"),
        ColumnHeader("rank", group="raw"),
        ColumnHeader("tasks", f"of {len(board.tasks)}"),
        ColumnHeader("submitted"),
    )
    rows = []
    for i in order:
        values = (normalised[i], ranks[i], sums[i])
        name = board.submissions[i].submission
        score, mean, total = (Cell(decimals(float(value)), float(value)) for value in values)
        score = replace(
            score, interval=interval_text(overall_interval(standardised[i])), tied=i != order[0] and not apart[i]
        )
        cells = (
            score,
            _rank(normalised, i),
            mean,
            replace(_rank(-ranks, i), interval=interval_text(intervals[i], 0)),
            total,
            _rank(sums, i),
            Cell(str(has[i]), float(has[i])),
            Cell(board.submissions[i].submission_date),
        )
        rows.append(Row(name, cells, source=sources[name]))
    return Table(
        key="overall",
        title="HEAR 2021 leaderboard: overall",
        stub="system",
        columns=columns,
        rows=mark_best(columns, rows),
        remarks=(*_sources(board.primary), *_OVERALL),
    )


def _rank(values: npt.NDArray[np.float64], i: int) -> Cell:
    """The rank by a value that is better when higher; equal values share it."""
    rank = 1 + int(np.count_nonzero(values > values[i] + 1e-9))
    return Cell(str(rank), float(rank))


def _scores(
    board: Leaderboard,
    figures: Sequence[PublishedFigure],
    names: Sequence[str],
    key: str,
    title: str,
    remarks: tuple[str, ...],
) -> Table:
    by_cell = {(figure.method, figure.task): figure for figure in figures}
    shown = [task for task in board.tasks if any(task.task == figure.task for figure in figures)]
    metrics = {figure.task: METRICS[figure.metric] for figure in figures}
    columns = tuple(
        ColumnHeader(task.leaderboard_column, metrics[task.task].label, metrics[task.task].better) for task in shown
    )
    rows = []
    for name in names:
        row = [by_cell.get((name, task.task)) for task in shown]
        source = "; ".join(_without_task(dict.fromkeys(figure.source for figure in row if figure is not None)))
        cells = tuple(Cell() if figure is None else Cell(decimals(figure.number), figure.number) for figure in row)
        if source:
            rows.append(Row(name, cells, source=source))
    missing = len(rows) * len(shown) - len(figures)
    about = f"At three decimals. {missing} scores are missing."
    return Table(
        key=key,
        title=title,
        stub="system",
        columns=columns,
        rows=mark_best(columns, rows),
        remarks=(*_sources(figures), about, *remarks),
    )


def _tasks(board: Leaderboard) -> Table:
    counts = Counter(figure.task for figure in board.primary)
    columns = (
        *(ColumnHeader(label) for label in ("directory", "embedding", "labels", "split", "clip length (s)")),
        ColumnHeader("clips"),
        *(ColumnHeader(label) for label in ("primary score", "secondary score")),
        ColumnHeader("systems"),
    )
    rows = [
        Row(
            task.leaderboard_column,
            (
                *(Cell(text) for text in (task.task, task.embedding_type, task.prediction_type, task.split)),
                Cell(task.clip_seconds),
                Cell(str(task.n_clips), float(task.n_clips)),
                Cell(task.primary_metric),
                Cell(task.secondary_metric) if task.secondary_metric else Cell(),
                Cell(str(counts[task.task]), float(counts[task.task])),
            ),
            source=task.source,
        )
        for task in board.tasks
    ]
    return Table(
        key="tasks",
        title="HEAR 2021 leaderboard: tasks",
        stub="task",
        columns=columns,
        rows=tuple(rows),
        remarks=(
            f"Source: {board.tasks[0].source}.",
            "TVT: train, validation and test. Beehive ran as two folds (beehive_states_fold0, beehive_states_fold1); "
            "how they make one value is not stated.",
        ),
    )


def _without_task(sources: Sequence[str] | dict[str, None]) -> list[str]:
    """Sources that differ only in the task's own file, as one."""
    named = [
        source.rpartition("/")[0] + "/*.html" + source.partition(".html")[2] for source in sources if ".html" in source
    ]
    return list(dict.fromkeys([*(source for source in sources if ".html" not in source), *named]))


def _sources(figures: Sequence[PublishedFigure]) -> tuple[str, ...]:
    return (f"Source: {'; '.join(_without_task(dict.fromkeys(figure.source for figure in figures)))}.",)
