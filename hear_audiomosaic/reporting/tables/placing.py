"""Where measured rows would stand on the HEAR 2021 leaderboard: a table of measured rows alone."""

from __future__ import annotations

from hear_audiomosaic.reporting.published.placing import FEWEST_TASKS, Placed, Placing
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.text.formats import MISSING, decimals, interval_text, label_key

__all__ = ["placing_table"]


def placing_table(protocol: str, placing: Placing) -> Table:
    """Build the table.

    Args:
        protocol: label of their table.
        placing: the measured rows of one protocol.
    """
    left_out = "; ".join(f"{task} ({reason})" for task, reason in placing.left_out)
    return Table(
        key=f"placing-{label_key(protocol)}",
        title="Where the measured rows would stand on the HEAR 2021 leaderboard",
        stub="encoder (measured)",
        columns=(
            ColumnHeader("tasks", f"of {placing.n_tasks}"),
            ColumnHeader("normalised score", "95 % interval", "higher"),
            ColumnHeader("place", "95 % interval"),
            ColumnHeader("next above (published)"),
            ColumnHeader("next below (published)"),
        ),
        rows=tuple(map(_row, placing.rows)),
        remarks=(
            f"Each measured row alone is held against the {placing.n_published} published systems on the tasks that "
            "the row has, without imputation; a row with all tasks against their published normalised scores. It "
            "moves none of them. Rows with different tasks do not compare with each other.",
            f"Intervals are bootstraps over tasks, that of the place by mean rank; with fewer than {FEWEST_TASKS} "
            "tasks there is none.",
            *([f"Not counted: {left_out}."] if left_out else []),
        ),
    )


def _row(placed: Placed) -> Row:
    return Row(
        placed.label,
        (
            Cell(str(len(placed.tasks)), float(len(placed.tasks))),
            Cell(decimals(placed.normalised), placed.normalised, interval_text(placed.interval)),
            Cell(str(placed.place), float(placed.place), interval_text(placed.place_interval, 0)),
            Cell(placed.above or MISSING),
            Cell(placed.below or MISSING),
        ),
        placed.untrained,
    )
