"""The page's tables, cell by cell, as the template writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hear_audiomosaic.reporting.analysis.chance import chance_normalised
from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, ScoreCell, TaskColumn, succeeded
from hear_audiomosaic.reporting.comparison.provenance import Cost
from hear_audiomosaic.reporting.figures.svg import MINUS
from hear_audiomosaic.reporting.tables.model import bracketed
from hear_audiomosaic.reporting.tables.text_table import TextTable
from hear_audiomosaic.reporting.text.formats import MISSING, decimals
from hear_audiomosaic.reporting.text.uncertainty import adjacent_pairs, p_text
from hear_audiomosaic.results.load import LoadedResult

__all__ = ["CellView", "cell_views", "pairs_table", "precisions", "sort_value"]

_SHADES = 10


@dataclass(frozen=True)
class CellView:
    """One cell of a main table."""

    cell: ScoreCell
    interval: str = ""
    """``[0.812, 0.845]``; empty where there is none."""
    tied: bool = False
    hint: str = ""
    """All that is known of it, in words: for the pointer, the keyboard and a reader who hears the page."""
    shade: int | None = None
    """0 (chance) to 10 (perfect); None where the score has no such scale."""


def cell_views(comparison: Comparison, analysis: Analysis | None) -> dict[tuple[str, str], CellView]:
    """Every cell of a comparison by the labels of its row and column."""
    return {
        (row.label, column.label): _cell(
            row, column, cell, analysis.cell(row.label, column.label) if analysis else None, analysis
        )
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
    }


def _cell(
    row: EncoderRow, column: TaskColumn, cell: ScoreCell, firm: CellUncertainty | None, analysis: Analysis | None
) -> CellView:
    if cell.state != "scored" or cell.score is None:
        return CellView(cell)
    words = [f"{row.label} on {column.label}: {column.score_name} {decimals(cell.score)}"]
    interval = ""
    if firm is not None and analysis is not None:
        if firm.interval is not None:
            low, high = firm.interval.low, firm.interval.high
            interval = bracketed(low, high)
            over = f" over {firm.n_clips} test clips" if firm.n_clips else ""
            over += f" in {firm.n_groups} groups" if firm.n_groups else ""
            words.append(f"{100 * analysis.level:g} % interval {decimals(low)} to {decimals(high)}{over}")
        else:
            words.append(f"no interval: {firm.reason}")
    if cell.spread is not None:
        words.append(f"± {decimals(cell.spread)} over {cell.spread_over}")
    if cell.remark:
        words.append(cell.remark)
    tied = firm is not None and firm.tied
    if cell.best:
        words.append("best, with others tied" if tied else "best")
    elif tied:
        words.append("no significant difference from the best")
    amount = chance_normalised(cell.score, column)
    return CellView(cell, interval, tied, "; ".join(words) + ".", None if amount is None else round(amount * _SHADES))


def pairs_table(comparison: Comparison, analysis: Analysis) -> TextTable | None:
    """The tests between neighbours of the table, or nothing if there are none."""
    rows = tuple(
        (
            f"{pair.a} {MINUS} {pair.b}",
            pair.column,
            decimals(pair.difference),
            MISSING if pair.interval is None else bracketed(pair.interval.low, pair.interval.high),
            *(p_text(p) or MISSING for p in (pair.p, pair.p_holm, pair.p_bh)),
            pair.verdict,
        )
        for pair in adjacent_pairs(comparison, analysis)
    )
    level = f"{100 * analysis.level:g} % interval"
    return (
        TextTable(("pair", "task", "difference", level, "p", "p (Holm)", "p (BH)", "verdict"), rows) if rows else None
    )


def precisions(results: tuple[LoadedResult, ...], cost: Cost) -> str:
    """Precisions of the probes behind one row of costs."""
    found = {
        loaded.result.protocol.precision
        for loaded in results
        if succeeded(loaded.result)
        and (loaded.result.encoder.ref, loaded.result.encoder.fingerprint, loaded.result.manifest.device)
        == (cost.encoder.ref, cost.encoder.fingerprint, cost.device)
    }
    return ", ".join(sorted(found))


def sort_value(value: float | None) -> str:
    """What the page's script sorts by; empty for what has no place in an order and so comes last."""
    if value is None or math.isnan(value):
        return ""
    return repr(float(value)) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
