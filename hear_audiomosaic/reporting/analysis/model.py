"""How uncertain a comparison is: what :func:`~hear_audiomosaic.reporting.analysis.uncertainty.analyse` computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hear_audiomosaic.reporting.analysis.leaderboard_ranks import LeaderboardRanks
from hear_audiomosaic.reporting.analysis.replicates import Unit
from hear_audiomosaic.statistics import Interval, Overall

__all__ = ["Analysis", "CellUncertainty", "Pair", "RankInterval"]


@dataclass(frozen=True)
class CellUncertainty:
    """The uncertainty of the score of one cell."""

    interval: Interval | None
    """Of the cell's score, over its test clips; None where there is none (never an undefined one)."""
    reason: str
    """Why there is no interval; empty where there is one."""
    n_clips: int
    """Test clips of all folds; 0 where the predictions could not be read."""
    n_groups: int | None
    """Groups of test clips of all folds; None where none are known and clips are taken as independent."""
    test_sd: float
    """Standard deviation of one seed's score due to the choice of test clips; NaN where it cannot be told."""
    seed_sd: float | None
    """Standard deviation of the score due to the seed; None with fewer than two seeds."""
    tied: bool = False
    """No significant difference from the task's best (paired test, Holm over all pairs of the task). The best itself
    is tied when another encoder is."""
    n_units: int = 0
    """Independent units of which the interval was computed; 0 where the predictions could not be read."""
    unit: Unit = "clips"
    """What they are."""
    includes_seeds: bool = False
    """Whether the interval has the variance between seeds in it, too."""


@dataclass(frozen=True)
class Pair:
    """Two encoders on one task."""

    column: str
    """Label of the task."""
    a: str
    """Label of an encoder; the one above b in the table."""
    b: str
    difference: float
    """Score of a minus score of b, in the unit of the score; for an error rate, less is better."""
    interval: Interval | None
    """Of the difference; None where there is no test."""
    p: float
    """Two-sided, of the paired t test over the jackknife; NaN where there is no test."""
    p_holm: float
    """Adjusted over the tasks of this pair by Holm's method: controls the family-wise error rate."""
    p_bh: float
    """Adjusted over the tasks of this pair by Benjamini and Hochberg's method: controls the false discovery rate."""
    mcnemar_p: float | None
    """Exact McNemar test; only for accuracies with one seed each and without groups, else None."""
    better: Literal["a", "b", ""]
    """Which one is better by ``p_holm``; empty without a significant difference, or without a test."""
    verdict: str
    """In words: ``"LABEL better"``, ``"no significant difference"``, or ``"no test: REASON"``."""
    includes_seeds: bool = False
    """Whether the variance between seeds is in it; else the trained probes are held fixed."""

    @property
    def is_tested(self) -> bool:
        """Whether there is a p."""
        return not math.isnan(self.p)


@dataclass(frozen=True)
class RankInterval:
    """The rank of an encoder by mean rank, over the tasks that all compared encoders have."""

    mean_rank: float
    rank: int
    """1 the best; one more than the number of encoders with a smaller mean rank."""
    low: float
    """Lower end of the interval of the rank, from resampling the tasks; NaN with too few tasks."""
    high: float
    """Upper end."""


@dataclass(frozen=True)
class Analysis:
    """The uncertainty of one comparison: intervals, tests, overall scores and ranks."""

    level: float
    """Confidence level of all intervals; ``1 - level`` is the level of all tests."""
    n_resamples: int
    """Of the tasks, for the intervals of ranks."""
    seed: int
    """Of these."""
    cells: Mapping[tuple[str, str], CellUncertainty]
    """(row label, column label) -> uncertainty; every scored cell has an entry, the others none."""
    pairs: tuple[Pair, ...]
    """For each two encoders in the order of the rows, for each task that both have."""
    overall: Mapping[str, Mapping[str, Overall]]
    """``mean``, ``chance-normalised mean``, ``mean rank``, ``win rate``, ``s(m)``, ``HEAR normalised`` -> row label ->
    value, and the indices of the columns that it is over and of those that it lacks. Scores that cannot be computed are
    left out, and rows without any score. ``mean`` is that of the main table (over tasks that all have), and the
    chance-normalised one is over those of them whose chance is known; the others are over each row's own tasks."""
    overall_left_out: Mapping[str, str]
    """Overall score -> why there is none."""
    rank_tasks: tuple[str, ...]
    """Labels of the columns that the ranks are over: those that every row with any score has."""
    ranks: Mapping[str, RankInterval]
    """Row label -> rank; the best mean rank first. Empty with fewer than two encoders or two common tasks."""
    critical_difference: float | None
    """Nemenyi's, of mean ranks at level ``1 - level``; None where there are no ranks."""
    cliques: tuple[tuple[str, ...], ...]
    """Groups of row labels whose mean ranks differ by less than it, each from the best down."""
    friedman_p: float | None
    """Friedman's test whether the encoders differ at all by their ranks; None with fewer than three encoders or
    two common tasks."""
    leaderboard_ranks: LeaderboardRanks | None
    """The ranks of the rows among the systems of the HEAR 2021 leaderboard; only for its own protocol and tasks."""

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return 1.0 - self.level

    def cell(self, row: str, column: str) -> CellUncertainty | None:
        """The uncertainty of a cell, if it has a score."""
        return self.cells.get((row, column))
