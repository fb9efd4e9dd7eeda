"""Captions of the main table, shared by all formats."""

from __future__ import annotations

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn
from hear_audiomosaic.reporting.text.formats import listing, percent

__all__ = ["about_mean", "about_scores"]


def about_scores(comparison: Comparison, analysis: Analysis | None = None) -> str:
    """How to read the cells of a table.

    Args:
        comparison: the table.
        analysis: of it; None: the table shows neither intervals nor ties.
    """
    kinds = {
        cell.spread_over.split()[-1]
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
        if cell.spread_over and not (_has_interval(analysis, row, column) and cell.spread_over.endswith("folds"))
    }
    parts = ["Each task's primary score on its test data, the mean over seeds where there are several."]
    if kinds:
        parts.append(f"± is one sample standard deviation over what is named beside it ({listing(sorted(kinds))}).")
    parts.append("↑ higher is better, ↓ lower is better.")
    if analysis is not None and any(uncertainty.interval for uncertainty in analysis.cells.values()):
        parts.append(
            f"In brackets the {percent(analysis.level)} interval of the score expected of test sets of this size."
        )
    if len(comparison.rows) > 1 and (analysis is None or not any(pair.is_tested for pair in analysis.pairs)):
        parts.append("Best of each task, to three decimals, in bold; no test of significance was made.")
    elif len(comparison.rows) > 1:
        parts.append(
            "Best of each task, to three decimals, in bold; † no significant difference from it (paired t test, Holm "
            "over all pairs of encoders). Where there is no interval, there was no test."
        )
    if comparison.has_unconverged:
        parts.append(
            "Not converged: the probe took too few steps to leave its start, or was still improving when it was cut "
            "off, so that the score says as much of the protocol as of the encoder."
        )
    if comparison.has_chance:
        parts.append(
            "Chance is the score of a guess: for accuracies always the commonest training label, for mAP the score "
            "expected of random scores on the same test clips; event scores have none."
        )
    return " ".join(parts)


def _has_interval(analysis: Analysis | None, row: EncoderRow, column: TaskColumn) -> bool:
    uncertainty = None if analysis is None else analysis.cell(row.label, column.label)
    return uncertainty is not None and uncertainty.interval is not None


def about_mean(comparison: Comparison) -> str:
    """Which tasks the mean is over, and which are left out and why."""
    tasks = comparison.mean_tasks
    text = (
        f"Mean over the {len(tasks)} tasks that all compared encoders have: {listing(tasks)}."
        if tasks
        else "No mean over tasks: fewer than two tasks have a score of every encoder on a common scale."
    )
    kinds = sorted({column.score_name for column in comparison.columns if column.label in tasks})
    if len(kinds) > 1:
        text += f" It mixes scores of different kinds ({listing(kinds)})."
    if comparison.mean_left_out:
        text += " Left out: " + "; ".join(f"{task} ({reason})" for task, reason in comparison.mean_left_out) + "."
    return text
