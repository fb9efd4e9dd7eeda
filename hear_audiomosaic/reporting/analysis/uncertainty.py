"""How firm a comparison is: intervals, paired tests, overall scores and ranks, from results and their predictions.

Conventions
-----------
- Everything comes from the stored test predictions and rests on resampling the test clips; the trained probes are held
  fixed. A cell whose predictions are missing, broken or not those of its score has no interval, and says why.
- All encoders and seeds of a task are scored on the same resamples (clips in the order of their names), so that their
  draws are paired. Folds are resampled each within itself; the score is the mean over folds.
- Clips are resampled one by one. Where a predictions file has an array ``<split>/group`` (one label per file of
  ``<split>/files``), whole groups are: clips of one recording or speaker are no independent witnesses. The runner
  writes no such array yet, so that intervals of tasks with dependent clips are a little short.
- Several seeds: an interval is that of their mean score, over clips alone. The spread over seeds stands beside it.

- :func:`analyse`: all of it for one comparison. :func:`compare_pairs`: the paired tests alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hear_audiomosaic.reporting.analysis.bootstrap import BootstrapScores, draw_cell
from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty, Pair, RankPlace
from hear_audiomosaic.reporting.analysis.overall import compared_scores, overall_scores, rank_places
from hear_audiomosaic.reporting.analysis.pairs import pair_up, tied_with_best
from hear_audiomosaic.reporting.comparison.model import Comparison, ScoreCell, succeeded
from hear_audiomosaic.reporting.published.placing import place_measured
from hear_audiomosaic.statistics import draws_interval, score_variances

__all__ = ["Analysis", "CellUncertainty", "Pair", "RankPlace", "analyse", "compare_pairs"]


def analyse(
    comparison: Comparison, results_dir: Path, *, level: float = 0.95, n_draws: int = 2000, seed: int = 0
) -> Analysis:
    """Work out how firm a comparison is.

    Args:
        comparison: results of one protocol.
        results_dir: the folder that its results were read from; their predictions lie beside them.
        level: confidence level, between 0 and 1. (Default: 0.95)
        n_draws: resamples of the clips of each task; fewer, but at least 500, where a task has so many clips and
            classes that ranking them 2000 times would take minutes. (Default: 2000)
        seed: of the resampling. (Default: 0)

    Returns:
        The analysis; the same for the same files. Nothing raises for a file that cannot be used: the cells that need
        it carry the reason.
    """
    scored = _scored(comparison)
    draws = {key: draw_cell(cell, results_dir, n_draws, seed) for key, cell in scored.items()}
    pairs = pair_up(comparison, draws, level)
    tied = tied_with_best(comparison, pairs, 1.0 - level)
    scores = compared_scores(comparison)
    placing = place_measured(comparison)
    overall, left_out = overall_scores(comparison, scores, placing)
    ranks = rank_places(comparison, scores, level, n_draws, seed)
    return Analysis(
        level=level,
        n_draws=n_draws,
        seed=seed,
        cells={key: _cell(cell, draws[key], level, key in tied) for key, cell in scored.items()},
        pairs=pairs,
        overall=overall,
        overall_left_out=left_out,
        rank_tasks=ranks.tasks,
        ranks=ranks.places,
        critical_difference=ranks.critical_difference,
        cliques=ranks.cliques,
        friedman_p=ranks.friedman_p,
        placing=placing,
    )


def compare_pairs(
    comparison: Comparison, results_dir: Path, *, level: float = 0.95, n_draws: int = 2000, seed: int = 0
) -> tuple[Pair, ...]:
    """The paired tests alone; arguments as in :func:`analyse`."""
    draws = {key: draw_cell(cell, results_dir, n_draws, seed) for key, cell in _scored(comparison).items()}
    return pair_up(comparison, draws, level)


def _scored(comparison: Comparison) -> dict[tuple[str, str], ScoreCell]:
    """(row label, column label) -> cell, for those with a score."""
    return {
        (row.label, column.label): cell
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
        if cell.state == "scored"
    }


def _cell(cell: ScoreCell, drawn: BootstrapScores | str, level: float, tied: bool) -> CellUncertainty:
    by_seed = [one.result.score for one in cell.results if succeeded(one.result) and one.result.score is not None]
    several = len(by_seed) > 1 and all(map(math.isfinite, by_seed))
    seed_sd = float(np.std(by_seed, ddof=1)) if several else None
    if isinstance(drawn, str):
        return CellUncertainty(None, drawn, 0, None, math.nan, seed_sd)
    interval = draws_interval(drawn.of_mean, level)
    kept = drawn.draws[:, np.isfinite(drawn.draws).all(axis=0)]
    test_sd = math.sqrt(score_variances(drawn.scores, kept).test) if kept.shape[1] > 1 else math.nan
    return CellUncertainty(
        interval if interval.is_defined else None,
        interval.reason or "",
        drawn.n_clips,
        drawn.n_groups,
        test_sd,
        seed_sd,
        tied,
        len(drawn.of_mean),
    )
