"""The paired tests between encoders that follow each other in the main table."""

from __future__ import annotations

from hear_audiomosaic.reporting.analysis.model import Analysis, Pair
from hear_audiomosaic.reporting.analysis.pairs import adjacent_pairs
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.text.formats import MINUS, MISSING, decimals, interval_text, label_key, percent
from hear_audiomosaic.reporting.text.uncertainty import p_text

__all__ = ["pairs_table"]


def pairs_table(comparison: Comparison, analysis: Analysis) -> Table | None:
    """Build the table, one row for two encoders on one task; None where there are no pairs.

    Args:
        comparison: the results.
        analysis: of them.
    """
    pairs = adjacent_pairs(comparison, analysis)
    if not pairs:
        return None
    numbers = ("difference", f"{percent(analysis.level)} interval", "p", "p (Holm)", "p (BH)")
    return Table(
        key=f"pairs-{label_key(comparison.label)}",
        title=f"Neighbours compared, protocol {comparison.label}",
        stub="pair",
        columns=(
            ColumnHeader("task"),
            *(ColumnHeader(label, numeric=True) for label in numbers),
            ColumnHeader("verdict"),
        ),
        rows=tuple(map(_row, pairs)),
    )


def _row(pair: Pair) -> Row:
    return Row(
        f"{pair.a} {MINUS} {pair.b}",
        (
            Cell(pair.column),
            Cell(decimals(pair.difference), pair.difference),
            Cell(interval_text(pair.interval) or MISSING),
            *(Cell(p_text(p) or MISSING) for p in (pair.p, pair.p_holm, pair.p_bh)),
            Cell(pair.verdict),
        ),
    )
