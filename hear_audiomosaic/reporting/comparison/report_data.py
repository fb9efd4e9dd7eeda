"""The contents of a report, before any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hear_audiomosaic.reporting.comparison.build import compare, encoder_labels
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow
from hear_audiomosaic.reporting.comparison.provenance import Cost, Environment, commands, costs, environments, notices
from hear_audiomosaic.results.load import LoadedResult, SkippedFile
from hear_audiomosaic.results.schema import TaskFacts

__all__ = ["ReportData"]


@dataclass(frozen=True)
class ReportData:
    """The contents of a report, but for the analyses, which are computed from the predictions beside the results."""

    results: tuple[LoadedResult, ...]
    skipped: tuple[SkippedFile, ...]
    comparisons: tuple[Comparison, ...]
    costs: tuple[Cost, ...]
    environments: tuple[Environment, ...]
    commands: tuple[str, ...]
    notices: tuple[str, ...]

    @classmethod
    def of(cls, results: Sequence[LoadedResult], skipped: Sequence[SkippedFile]) -> ReportData:
        """Compute everything from the results."""
        comparisons = compare(results)
        where = environments(results)
        return cls(
            results=tuple(results),
            skipped=tuple(skipped),
            comparisons=comparisons,
            costs=costs(results, encoder_labels(results)),
            environments=where,
            commands=commands(comparisons),
            notices=notices(comparisons, where, len(skipped)),
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
