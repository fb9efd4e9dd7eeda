"""Ranks of measured rows on the HEAR 2021 leaderboard: a table of measured rows alone."""

from __future__ import annotations

from hear_audiomosaic.reporting.analysis.leaderboard_ranks import FEWEST_TASKS, LeaderboardRank, LeaderboardRanks
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.text.formats import MISSING, decimals, interval_text, label_key

__all__ = ["leaderboard_ranks_table"]


def leaderboard_ranks_table(protocol: str, ranks: LeaderboardRanks) -> Table:
    """Build the table.

    Args:
        protocol: label of their table.
        ranks: of the measured rows of one protocol.
    """
    left_out = "; ".join(f"{task} ({reason})" for task, reason in ranks.left_out)
    return Table(
        key=f"placing-{label_key(protocol)}",
        title="Where the measured rows would stand on the HEAR 2021 leaderboard",
        stub="encoder (measured)",
        columns=(
            ColumnHeader("tasks", f"of {ranks.n_tasks}"),
            ColumnHeader("normalised score", "95 % interval", "higher"),
            ColumnHeader("rank", "95 % interval"),
            ColumnHeader("next above (published)"),
            ColumnHeader("next below (published)"),
        ),
        rows=tuple(map(_row, ranks.rows)),
        remarks=(
            f"Each measured row is compared alone with the {ranks.n_published} published systems on the "
            "tasks that the row has, without imputation; a row with all tasks with their published normalised scores. "
            "It changes none of these. Rows with different tasks are not comparable with each other.",
            f"Intervals are bootstraps over tasks, that of the rank by mean rank; with fewer than {FEWEST_TASKS} "
            "tasks there is none.",
            *([f"Not counted: {left_out}."] if left_out else []),
        ),
    )


def _row(row: LeaderboardRank) -> Row:
    return Row(
        row.label,
        (
            Cell(str(len(row.tasks)), float(len(row.tasks))),
            Cell(decimals(row.normalised), row.normalised, interval_text(row.interval)),
            Cell(str(row.rank), float(row.rank), interval_text(row.rank_interval, 0)),
            Cell(row.above or MISSING),
            Cell(row.below or MISSING),
        ),
        row.untrained,
    )
