"""The comparison: the scores of encoders on tasks, one table per protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import STRICT, EncoderFacts, Result, TaskFacts, arithmetic

__all__ = ["OFFICIAL_PROTOCOL", "Comparison", "EncoderRow", "ScoreCell", "TaskColumn", "succeeded"]

OFFICIAL_PROTOCOL = "hear-2021"
"""The only protocol whose scores can be compared with those of the HEAR 2021 evaluation."""
_OFFICIAL_GRID_POINTS = 8

_UNBOUNDED_SCORES = frozenset({"d_prime"})
"""Scores without an upper bound: they would dominate a mean over tasks."""


@dataclass(frozen=True)
class ScoreCell:
    """The score of one encoder on one task, over all seeds."""

    state: Literal["scored", "failed", "missing"]
    score: float | None = None
    """Mean over the seeds that succeeded."""
    spread: float | None = None
    """Sample standard deviation; see ``spread_over``."""
    spread_over: str = ""
    """What the spread is over: ``"3 seeds"``, ``"5 folds"``, or empty."""
    remark: str = ""
    """``"2 of 3 seeds"`` where some seeds failed."""
    unconverged: tuple[str, ...] = ()
    """Why probes of it were not trained to convergence, each reason once; empty where all were."""
    best: bool = False
    """Equal to the task's best score at three decimals, among two encoders or more."""
    results: tuple[LoadedResult, ...] = ()
    """Sorted by seed; the failed ones too."""


@dataclass(frozen=True)
class TaskColumn:
    """One task."""

    label: str
    task: TaskFacts
    score_name: str
    higher_is_better: bool
    chance: float | None

    @property
    def arrow(self) -> str:
        """The direction of better scores."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def averaged(self) -> bool:
        """Whether this score can enter a mean over tasks: higher is better, and it is at most 1."""
        return self.higher_is_better and self.score_name not in _UNBOUNDED_SCORES


@dataclass(frozen=True)
class EncoderRow:
    """One encoder."""

    label: str
    encoder: EncoderFacts
    cells: tuple[ScoreCell, ...]
    """In the order of the columns."""
    mean: float | None
    """Over the tasks that all compared encoders have."""


@dataclass(frozen=True)
class Comparison:
    """One table: all results of one protocol."""

    label: str
    """The protocol's name, with the arithmetic if it is not fp32, and with the fingerprint where two share the name."""
    protocol: str
    fingerprint: str
    precision: str
    """Of the probes."""
    grid_points: tuple[int, ...]
    """The distinct numbers of grid points, sorted; one number unless tasks differ."""
    seeds: tuple[int, ...]
    columns: tuple[TaskColumn, ...]
    rows: tuple[EncoderRow, ...]
    """The best mean first; then by label."""
    mean_tasks: tuple[str, ...]
    """Labels of the columns that the mean is over; empty if there is no mean."""
    mean_left_out: tuple[tuple[str, str], ...]
    """Label of a column -> why it is not in the mean."""
    chance_mean: float | None
    store_dtype: str = "float32"
    """Of the stored embeddings."""

    @property
    def arithmetic(self) -> str:
        """What the scores were computed in, in words."""
        return arithmetic(self.precision, self.store_dtype)

    @property
    def official(self) -> bool:
        """Whether this is the protocol of the HEAR 2021 evaluation itself, with its full number of grid points.

        Strict results are of it, too: they stop where heareval stops.
        """
        official = self.protocol.removesuffix(STRICT) == OFFICIAL_PROTOCOL
        return official and self.grid_points == (_OFFICIAL_GRID_POINTS,)

    @property
    def rankable(self) -> bool:
        """Whether the rows can stand beside those of the HEAR 2021 leaderboard, which were computed in fp32."""
        return self.official and self.arithmetic == "fp32"

    @property
    def has_unconverged(self) -> bool:
        """Whether any probe was not trained to convergence."""
        return any(cell.unconverged for row in self.rows for cell in row.cells)

    @property
    def has_chance(self) -> bool:
        """Whether the score of chance is known for any task."""
        return any(column.chance is not None for column in self.columns)

    @property
    def failures(self) -> tuple[tuple[EncoderRow, TaskColumn, LoadedResult], ...]:
        """Failed results, row by row."""
        return tuple(
            (row, column, loaded)
            for row in self.rows
            for column, cell in zip(self.columns, row.cells, strict=True)
            for loaded in cell.results
            if not succeeded(loaded.result)
        )

    @property
    def n_missing(self) -> int:
        """Cells without any result."""
        return sum(cell.state == "missing" for row in self.rows for cell in row.cells)


def succeeded(result: Result) -> bool:
    """Whether the result has a score."""
    return result.status == "success" and result.score is not None
