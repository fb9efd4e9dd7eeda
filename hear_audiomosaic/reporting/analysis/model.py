"""How uncertain a comparison is: what :func:`~hear_audiomosaic.reporting.analysis.uncertainty.analyse` works out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hear_audiomosaic.statistics import Interval, Overall

if TYPE_CHECKING:  # it loads the writers of tables, which load this
    from hear_audiomosaic.reporting.published.placing import Placing

__all__ = ["Analysis", "CellUncertainty", "Pair", "RankPlace"]


@dataclass(frozen=True)
class CellUncertainty:
    """How firm the score of one cell is."""

    interval: Interval | None
    """Of the cell's score, over its test clips; None where there is none (never one without ends)."""
    reason: str
    """Why there is no interval; empty where there is one."""
    n_clips: int
    """Test clips of all folds; 0 where the predictions could not be read."""
    n_groups: int | None
    """Groups that they are resampled in; None where each clip is its own."""
    test_sd: float
    """Standard deviation of one seed's score due to the choice of test clips; NaN without draws."""
    seed_sd: float | None
    """Standard deviation of the score due to the seed; None with fewer than two seeds."""
    tied: bool = False
    """Not told apart from the task's best (paired test, Holm over the task's comparisons with its best). The best
    itself is tied when another encoder is."""
    n_draws: int = 0
    """Resamples behind the interval; 0 without draws."""


@dataclass(frozen=True)
class Pair:
    """Two encoders on one task."""

    column: str
    """Label of the task."""
    a: str
    """Label of an encoder; the one that stands above b in the table."""
    b: str
    difference: float
    """Score of a minus score of b, in the unit of the score; of an error rate, less is better."""
    interval: Interval | None
    """Of the difference; None where there is no test."""
    p: float
    """Two-sided, of the paired bootstrap; NaN where there is no test."""
    p_holm: float
    """Adjusted over the tasks of this pair so that the chance of any false finding is kept."""
    p_bh: float
    """Adjusted over the tasks of this pair so that the share of false findings among the findings is kept."""
    mcnemar_p: float | None
    """Exact McNemar test; None but for accuracies with one seed each and without groups."""
    better: Literal["a", "b", ""]
    """Which one is better by ``p_holm``; empty where they are not told apart, or not tested."""
    verdict: str
    """In words: ``"LABEL better"``, ``"not told apart"``, or ``"no test: REASON"``."""

    @property
    def is_tested(self) -> bool:
        """Whether there is a p."""
        return not math.isnan(self.p)


@dataclass(frozen=True)
class RankPlace:
    """Where an encoder stands by mean rank, over the tasks that all compared encoders have."""

    mean_rank: float
    place: int
    """1 the best; one more than the number of encoders with a smaller mean rank."""
    low: float
    """Lower end of the interval of its place, tasks being resampled; NaN with too few tasks for one."""
    high: float
    """Upper end."""


@dataclass(frozen=True)
class Analysis:
    """How firm one comparison is."""

    level: float
    """Confidence level of all intervals; ``1 - level`` is the level of all tests."""
    n_draws: int
    seed: int
    cells: Mapping[tuple[str, str], CellUncertainty]
    """(row label, column label) -> how firm; every scored cell has an entry, the others none."""
    pairs: tuple[Pair, ...]
    """For each two encoders in the order of the rows, for each task that both have."""
    overall: Mapping[str, Mapping[str, Overall]]
    """``mean``, ``mean rank``, ``win rate``, ``s(m)``, ``HEAR normalised`` -> row label -> value, and the indices of
    the columns that it is over and of those that it lacks. Scores that cannot be had are left out; rows without any
    score too. ``mean`` is that of the main table (over tasks that all have); the others are over each row's own."""
    overall_left_out: Mapping[str, str]
    """Overall score -> why there is none."""
    rank_tasks: tuple[str, ...]
    """Labels of the columns that the ranks are over: those that every row with any score has."""
    ranks: Mapping[str, RankPlace]
    """Row label -> place; the best mean rank first. Empty with fewer than two encoders or two common tasks."""
    critical_difference: float | None
    """Nemenyi's, of mean ranks at level ``1 - level``; None where there are no ranks."""
    cliques: tuple[tuple[str, ...], ...]
    """Row labels that are not told apart by it, each from the best down."""
    friedman_p: float | None
    """Whether the encoders differ at all by their ranks; None with fewer than three encoders or two common tasks."""
    placing: Placing | None
    """Where the rows would stand on the HEAR 2021 leaderboard; None but for its own protocol and tasks."""

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return 1.0 - self.level

    def cell(self, row: str, column: str) -> CellUncertainty | None:
        """How firm a cell is, if it has a score."""
        return self.cells.get((row, column))
