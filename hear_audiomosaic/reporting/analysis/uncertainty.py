"""The uncertainty of a comparison: intervals, paired tests, overall scores and ranks, from results and predictions.

Conventions
-----------
- Everything is computed from the stored test predictions by resampling the test clips; the trained probes are fixed. A
  cell whose predictions are missing, broken or not those of its score has no interval, but the reason.
- All encoders and seeds of a task are scored on the same resamples (clips in the order of their names), so that
  they are paired. Folds are resampled separately; the score is the mean over folds.
- Clips are resampled one by one. Where a predictions file has an array ``<split>/group`` (one label per file of
  ``<split>/files``), whole groups are: clips of one recording or speaker are not independent. The runner does not
  write this array yet, so that intervals of tasks with dependent clips are slightly too short.
- Several seeds: an interval is that of their mean score, over clips alone. The spread over seeds is given beside it.

- :func:`analyse`: all of it for one comparison. :func:`compare_pairs`: the paired tests alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hear_audiomosaic.reporting.analysis.bootstrap import BootstrapScores, bootstrap_cell
from hear_audiomosaic.reporting.analysis.leaderboard_ranks import rank_on_leaderboard
from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty, Pair, RankInterval
from hear_audiomosaic.reporting.analysis.overall import compared_scores, overall_scores, rank_encoders
from hear_audiomosaic.reporting.analysis.pairs import paired_tests, tied_with_best
from hear_audiomosaic.reporting.comparison.model import Comparison, ScoreCell, succeeded
from hear_audiomosaic.statistics import percentile_interval, score_variances

__all__ = ["Analysis", "CellUncertainty", "Pair", "RankInterval", "analyse", "compare_pairs"]


def analyse(
    comparison: Comparison, results_dir: Path, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Analysis:
    """Compute the uncertainty of a comparison.

    Args:
        comparison: results of one protocol.
        results_dir: the folder that its results were read from; their predictions lie beside them.
        level: confidence level, between 0 and 1. (Default: 0.95)
        n_resamples: resamples of the clips of each task; fewer, but at least 500, where a task has so many clips
            and classes that ranking them 2000 times would take minutes. (Default: 2000)
        seed: of the resampling. (Default: 0)

    Returns:
        The analysis; the same for the same files. A file that cannot be used raises no error: the cells that need it
        have the reason.
    """
    scored = _scored(comparison)
    resampled = {key: bootstrap_cell(cell, results_dir, n_resamples, seed) for key, cell in scored.items()}
    pairs = paired_tests(comparison, resampled, level)
    tied = tied_with_best(comparison, pairs, 1.0 - level)
    scores = compared_scores(comparison)
    leaderboard_ranks = rank_on_leaderboard(comparison)
    overall, left_out = overall_scores(comparison, scores, leaderboard_ranks)
    ranks = rank_encoders(comparison, scores, level, n_resamples, seed)
    return Analysis(
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cells={key: _cell(cell, resampled[key], level, key in tied) for key, cell in scored.items()},
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


def compare_pairs(
    comparison: Comparison, results_dir: Path, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> tuple[Pair, ...]:
    """The paired tests alone; arguments as in :func:`analyse`."""
    resampled = {key: bootstrap_cell(cell, results_dir, n_resamples, seed) for key, cell in _scored(comparison).items()}
    return paired_tests(comparison, resampled, level)


def _scored(comparison: Comparison) -> dict[tuple[str, str], ScoreCell]:
    """(row label, column label) -> cell, for those with a score."""
    return {
        (row.label, column.label): cell
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
        if cell.state == "scored"
    }


def _cell(cell: ScoreCell, bootstrap: BootstrapScores | str, level: float, tied: bool) -> CellUncertainty:
    by_seed = [one.result.score for one in cell.results if succeeded(one.result) and one.result.score is not None]
    several = len(by_seed) > 1 and all(map(math.isfinite, by_seed))
    seed_sd = float(np.std(by_seed, ddof=1)) if several else None
    if isinstance(bootstrap, str):
        return CellUncertainty(None, bootstrap, 0, None, math.nan, seed_sd)
    interval = percentile_interval(bootstrap.of_mean, level)
    kept = bootstrap.resampled[:, np.isfinite(bootstrap.resampled).all(axis=0)]
    test_sd = math.sqrt(score_variances(bootstrap.scores, kept).test) if kept.shape[1] > 1 else math.nan
    return CellUncertainty(
        interval if interval.is_defined else None,
        interval.reason or "",
        bootstrap.n_clips,
        bootstrap.n_groups,
        test_sd,
        seed_sd,
        tied,
        len(bootstrap.of_mean),
    )
