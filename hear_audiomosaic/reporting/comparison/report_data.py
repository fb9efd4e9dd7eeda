"""All that a report says, before it is written in any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.build import compare, encoder_labels
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn
from hear_audiomosaic.reporting.comparison.provenance import Cost, Environment, commands, costs, environments, notices
from hear_audiomosaic.reporting.text.formats import listing
from hear_audiomosaic.results.load import LoadedResult, SkippedFile
from hear_audiomosaic.results.schema import TaskFacts

__all__ = ["ReportData", "about_mean", "about_scores"]


@dataclass(frozen=True)
class ReportData:
    """All that a report says."""

    results: tuple[LoadedResult, ...]
    skipped: tuple[SkippedFile, ...]
    comparisons: tuple[Comparison, ...]
    costs: tuple[Cost, ...]
    environments: tuple[Environment, ...]
    commands: tuple[str, ...]
    notices: tuple[str, ...]

    @classmethod
    def of(cls, results: Sequence[LoadedResult], skipped: Sequence[SkippedFile]) -> ReportData:
        """Work out everything from the results."""
        comparisons = compare(results)
        found = environments(results)
        return cls(
            results=tuple(results),
            skipped=tuple(skipped),
            comparisons=comparisons,
            costs=costs(results, encoder_labels(results)),
            environments=found,
            commands=commands(comparisons),
            notices=notices(comparisons, found, len(skipped)),
        )

    @property
    def encoders(self) -> tuple[EncoderRow, ...]:
        """Every encoder once, by label."""
        rows = {
            (row.encoder.ref, row.encoder.fingerprint): row
            for comparison in self.comparisons
            for row in comparison.rows
        }
        return tuple(sorted(rows.values(), key=lambda row: (row.label.lower(), row.encoder.ref)))

    @property
    def tasks(self) -> tuple[TaskFacts, ...]:
        """Every prepared task once, by directory."""
        tasks = {
            (column.task.directory, column.task.digest): column.task
            for comparison in self.comparisons
            for column in comparison.columns
        }
        return tuple(tasks[key] for key in sorted(tasks))


def about_scores(comparison: Comparison, analysis: Analysis | None = None) -> str:
    """How to read the cells of a table, in words.

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
    if analysis is not None and any(firm.interval for firm in analysis.cells.values()):
        level = f"{100 * analysis.level:g} %"
        parts.append(f"In brackets the {level} interval of the score: how it would vary with other test clips.")
    if len(comparison.rows) > 1 and (analysis is None or not any(pair.is_tested for pair in analysis.pairs)):
        parts.append("Best of each task, to three decimals, in bold; no test of significance was made.")
    elif len(comparison.rows) > 1:
        parts.append(
            "Best of each task, to three decimals, in bold; † not told apart from it (paired bootstrap over the test "
            "clips, Holm over the encoders). Where there is no interval, there was no test."
        )
    if comparison.has_chance:
        parts.append("Chance is the score of a constant guess on the same test data.")
    return " ".join(parts)


def _has_interval(analysis: Analysis | None, row: EncoderRow, column: TaskColumn) -> bool:
    firm = None if analysis is None else analysis.cell(row.label, column.label)
    return firm is not None and firm.interval is not None


def about_mean(comparison: Comparison) -> str:
    """What the mean over tasks is over, and what it leaves out and why."""
    tasks = comparison.mean_tasks
    text = (
        f"Mean over the {len(tasks)} tasks that all compared encoders have: {listing(tasks)}."
        if tasks
        else "No mean over tasks: fewer than two tasks have a score of every encoder on a common scale."
    )
    if comparison.mean_left_out:
        text += " Left out: " + "; ".join(f"{task} ({reason})" for task, reason in comparison.mean_left_out) + "."
    return text
