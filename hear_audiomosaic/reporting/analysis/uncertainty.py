"""The uncertainty of a comparison: intervals, paired tests, overall scores and ranks, from results and predictions.

Conventions
-----------
- Everything is computed from the stored test predictions by the jackknife over independent units
  (:mod:`hear_audiomosaic.statistics.jackknife`). A cell whose predictions are missing, broken or not those of its score
  has no interval, but the reason.
- Units are the groups of clips that a predictions file names (``<split>/group``: speakers, recordings), which the
  runner stores for tasks that have them; else the clips, taken as independent. Where a fold has a single group, the
  folds are the units. Fewer than three units give no interval and no test.
- All encoders and seeds of a task have the same units (clips in the order of their names), so that they are paired.
  Units are left out within their fold; the score is the mean over folds.
- One seed: the trained probe is held fixed. Several seeds: intervals and tests are of their mean, and the variance
  between seeds is in them.

- :func:`analyse`: all of it for one comparison. :func:`compare_pairs`: the paired tests alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hear_audiomosaic.metrics import get_score
from hear_audiomosaic.reporting.analysis.leaderboard_ranks import rank_on_leaderboard
from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty, Pair, RankInterval
from hear_audiomosaic.reporting.analysis.overall import compared_scores, overall_scores, rank_encoders
from hear_audiomosaic.reporting.analysis.pairs import paired_tests, tied_with_best
from hear_audiomosaic.reporting.analysis.replicates import CellReplicates, cell_replicates
from hear_audiomosaic.reporting.comparison.model import Comparison, ScoreCell, succeeded
from hear_audiomosaic.statistics import score_interval

__all__ = ["Analysis", "CellUncertainty", "Pair", "RankInterval", "analyse", "compare_pairs"]


def analyse(
    comparison: Comparison, results_dir: Path, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Analysis:
    """Compute the uncertainty of a comparison.

    Args:
        comparison: results of one protocol.
        results_dir: the folder that its results were read from; their predictions lie beside them.
        level: confidence level, between 0 and 1. (Default: 0.95)
        n_resamples: resamples of the tasks, for the intervals of ranks. (Default: 2000)
        seed: of the resampling. (Default: 0)

    Returns:
        The analysis; the same for the same files. A file that cannot be used raises no error: the cells that need it
        have the reason.
    """
    scored = _scored(comparison)
    replicates = {key: cell_replicates(cell, results_dir) for key, cell in scored.items()}
    pairs = paired_tests(comparison, replicates, level)
    tied = tied_with_best(comparison, pairs, 1.0 - level)
    scores = compared_scores(comparison)
    leaderboard_ranks = rank_on_leaderboard(comparison)
    overall, left_out = overall_scores(comparison, scores, leaderboard_ranks)
    ranks = rank_encoders(comparison, scores, level, n_resamples, seed)
    return Analysis(
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cells={key: _cell(cell, replicates[key], level, key in tied) for key, cell in scored.items()},
        pairs=pairs,
        overall=overall,
        overall_left_out=left_out,
        rank_tasks=ranks.tasks,
        ranks=ranks.by_row,
        critical_difference=ranks.critical_difference,
        cliques=ranks.cliques,
        friedman_p=ranks.friedman_p,
        leaderboard_ranks=leaderboard_ranks,
    )


def compare_pairs(comparison: Comparison, results_dir: Path, *, level: float = 0.95) -> tuple[Pair, ...]:
    """The paired tests alone; arguments as in :func:`analyse`."""
    replicates = {key: cell_replicates(cell, results_dir) for key, cell in _scored(comparison).items()}
    return paired_tests(comparison, replicates, level)


def _scored(comparison: Comparison) -> dict[tuple[str, str], ScoreCell]:
    """(row label, column label) -> cell, for those with a score."""
    return {
        (row.label, column.label): cell
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
        if cell.state == "scored"
    }


def _cell(cell: ScoreCell, replicates: CellReplicates | str, level: float, tied: bool) -> CellUncertainty:
    by_seed = [one.result.score for one in cell.results if succeeded(one.result) and one.result.score is not None]
    several = len(by_seed) > 1 and all(map(math.isfinite, by_seed))
    seed_sd = float(np.std(by_seed, ddof=1)) if several else None
    if isinstance(replicates, str):
        return CellUncertainty(None, replicates, 0, None, math.nan, seed_sd)
    error = replicates.error
    bounds = get_score(cell.results[0].result.score_name).bounds
    interval = score_interval(float(replicates.scores.mean()), error, level, bounds=bounds)
    return CellUncertainty(
        interval=interval if interval.is_defined else None,
        reason=interval.reason or "",
        n_clips=replicates.n_clips,
        n_groups=replicates.n_groups,
        test_sd=replicates.test_sd,
        seed_sd=seed_sd,
        tied=tied,
        n_units=error.n_units,
        unit=replicates.unit,
        includes_seeds=len(replicates.scores) > 1,
    )
