"""The overall scores of one protocol: encoders in rows, scores over all tasks in columns."""

from __future__ import annotations

import math

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.tables.model import Better, Cell, ColumnHeader, Row, Table, mark_best
from hear_audiomosaic.reporting.text.formats import bracketed, decimals, label_key, percent
from hear_audiomosaic.reporting.text.uncertainty import overall_remarks

__all__ = ["overall_table"]

_BETTER: dict[str, Better] = {"mean rank": "lower"}
_PLACES = {"mean": 3, "chance-normalised mean": 3, "mean rank": 2, "win rate": 2, "s(m)": 1, "HEAR normalised": 3}


def overall_table(comparison: Comparison, analysis: Analysis) -> Table:
    """Build the table; a value over fewer tasks than there are says over how many.

    Args:
        comparison: the results.
        analysis: of them, with overall scores.
    """
    columns = [
        ColumnHeader(name, "per cent" if name == "s(m)" else "", _BETTER.get(name, "higher"))
        for name in analysis.overall
    ]
    ranked = any(not math.isnan(one.low) for one in analysis.ranks.values())
    columns += [ColumnHeader("rank", f"{percent(analysis.level)} interval")] if ranked else []
    rows = []
    for row in comparison.rows:
        cells = [_score(row.label, name, analysis) for name in analysis.overall]
        cells += [_rank(row.label, analysis)] if ranked else []
        if any(cell.sort_value is not None for cell in cells):
            rows.append(Row(row.label, tuple(cells), row.encoder.untrained))
    return Table(
        key=f"overall-{label_key(comparison.label)}",
        title=f"Overall scores, protocol {comparison.label}",
        stub="encoder",
        columns=tuple(columns),
        rows=mark_best(columns, rows),
        remarks=overall_remarks(comparison, analysis),
    )


def _score(label: str, name: str, analysis: Analysis) -> Cell:
    one = analysis.overall[name].get(label)
    if one is None or math.isnan(one.value):
        return Cell()
    n = len(one.used)
    over = "" if one.is_complete else f"{n} task{'s' if n != 1 else ''}"
    comparable = one.is_complete or name in ("mean", "chance-normalised mean")
    return Cell(decimals(one.value, _PLACES[name]), one.value, over=over, comparable=comparable)


def _rank(label: str, analysis: Analysis) -> Cell:
    one = analysis.ranks.get(label)
    if one is None or math.isnan(one.low):
        return Cell()
    return Cell(str(one.rank), float(one.rank), bracketed(one.low, one.high, 0))
