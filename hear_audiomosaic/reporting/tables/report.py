"""All tables of one protocol's section of a report."""

from __future__ import annotations

from dataclasses import dataclass

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.tables.comparison import comparison_table
from hear_audiomosaic.reporting.tables.leaderboard_ranks import leaderboard_ranks_table
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.overall import overall_table
from hear_audiomosaic.reporting.tables.pairs import pairs_table

__all__ = ["ProtocolTables"]


@dataclass(frozen=True)
class ProtocolTables:
    """What every format prints of one protocol."""

    scores: Table
    """Encoders in rows, tasks in columns."""
    overall: Table | None
    """None where there is no overall score."""
    pairs: Table | None
    """None where there are no two encoders to compare."""
    leaderboard_ranks: Table | None
    """Where the rows would stand on the HEAR 2021 leaderboard; None for another protocol."""

    @classmethod
    def of(cls, comparison: Comparison, analysis: Analysis | None) -> ProtocolTables:
        """Build the tables.

        Args:
            comparison: the results.
            analysis: of them; None: the main table alone, without intervals.
        """
        scores = comparison_table(comparison, analysis)
        if analysis is None:
            return cls(scores, None, None, None)
        return cls(
            scores,
            overall_table(comparison, analysis) if analysis.overall else None,
            pairs_table(comparison, analysis),
            leaderboard_ranks_table(comparison.label, analysis.leaderboard_ranks)
            if analysis.leaderboard_ranks is not None
            else None,
        )
