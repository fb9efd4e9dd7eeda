"""The main table of measured results: encoders in rows, tasks in columns."""

from __future__ import annotations

from hear_audiomosaic.reporting.analysis.chance import chance_normalised
from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, ScoreCell, TaskColumn
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table
from hear_audiomosaic.reporting.text.captions import about_mean, about_scores
from hear_audiomosaic.reporting.text.formats import decimals, interval_text, label_key, percent
from hear_audiomosaic.statistics.jackknife import FEWEST_UNITS

__all__ = ["comparison_table"]

_SHADES = 10
_TIED = "no significant difference from the best"


def comparison_table(comparison: Comparison, analysis: Analysis | None = None) -> Table:
    """Build the table of one protocol, scores at three decimals, best mean first, chance last.

    Args:
        comparison: the results.
        analysis: of them; None: without intervals and daggers.
    """
    averaged = bool(comparison.mean_tasks)
    columns = [
        *([ColumnHeader("mean", f"{len(comparison.mean_tasks)} tasks", "higher", summary=True)] if averaged else []),
        *map(_column, comparison.columns),
    ]
    rows = []
    for row in comparison.rows:
        cells = [Cell(decimals(row.mean), row.mean)] if averaged else []
        cells += [
            _cell(row, column, score, analysis) for column, score in zip(comparison.columns, row.cells, strict=True)
        ]
        keywords = f"{row.encoder.ref}{' untrained' if row.encoder.untrained else ''}"
        rows.append(Row(row.label, tuple(cells), row.encoder.untrained, keywords=keywords))
    if comparison.has_chance:
        chance = [comparison.chance_mean] if averaged else []
        chance += [column.chance for column in comparison.columns]
        rows.append(Row("chance", tuple(Cell(decimals(score), score) for score in chance), apart=True))
    about = [] if comparison.official else ["This is not the protocol of the HEAR 2021 evaluation."]
    return Table(
        key=f"measured-{label_key(comparison.label)}",
        title=f"Measured results, protocol {comparison.label}",
        stub="encoder",
        columns=tuple(columns),
        rows=tuple(rows),
        remarks=(*about, about_scores(comparison, analysis), about_mean(comparison)),
        tied_means=_TIED,
        remarks_explain_marks=True,
    )


def _column(column: TaskColumn) -> ColumnHeader:
    return ColumnHeader(
        column.label,
        column.score_name,
        "higher" if column.higher_is_better else "lower",
        numeric=True,
        keywords=f"{column.task.title} {column.task.domain}",
    )


def _cell(row: EncoderRow, column: TaskColumn, score: ScoreCell, analysis: Analysis | None) -> Cell:
    if score.state == "failed":
        return Cell("failed", failed=True)
    if score.state == "missing" or score.score is None:
        return Cell(tooltip="no result")
    uncertainty = analysis.cell(row.label, column.label) if analysis else None
    amount = chance_normalised(score.score, column)
    return Cell(
        text=decimals(score.score),
        sort_value=score.score,
        interval=interval_text(uncertainty.interval) if uncertainty else "",
        spread="" if score.spread is None else f"± {decimals(score.spread)}",
        over="" if score.spread is None else score.spread_over,
        remark="; ".join(
            filter(None, (score.remark, _without_interval(uncertainty), _unconverged(score), _upsampled(score)))
        ),
        best=score.best,
        tied=uncertainty is not None and uncertainty.tied and not score.best,
        tooltip=_tooltip(row, column, score, uncertainty),
        shade=None if amount is None else round(amount * _SHADES),
    )


def _without_interval(uncertainty: CellUncertainty | None) -> str:
    """Said in the cell where there are too few units for an interval, and so for a test."""
    if uncertainty is None or uncertainty.interval is not None or not 0 < uncertainty.n_units < FEWEST_UNITS:
        return ""
    return f"only {uncertainty.n_units} {uncertainty.unit}: no interval"


def _unconverged(score: ScoreCell) -> str:
    return "not converged" if score.unconverged else ""


def _upsampled(score: ScoreCell) -> str:
    return "upsampled" if any(loaded.result.is_upsampled for loaded in score.results) else ""


def _tooltip(row: EncoderRow, column: TaskColumn, score: ScoreCell, uncertainty: CellUncertainty | None) -> str:
    words = [f"{row.label} on {column.label}: {column.score_name} {decimals(score.score)}"]
    if uncertainty is not None and uncertainty.interval is not None:
        interval = uncertainty.interval
        over = f" over {uncertainty.n_clips} test clips" if uncertainty.n_clips else ""
        over += f" in {uncertainty.n_groups} groups" if uncertainty.n_groups else ""
        ends = f"{decimals(interval.low)} to {decimals(interval.high)}"
        words.append(f"{percent(interval.level)} interval {ends}{over}")
    elif uncertainty is not None:
        words.append(f"no interval: {uncertainty.reason}")
    if score.spread is not None:
        words.append(f"± {decimals(score.spread)} over {score.spread_over}")
    if score.remark:
        words.append(score.remark)
    if score.unconverged:
        words.append(f"probe not trained to convergence: {'; '.join(score.unconverged)}")
    tied = uncertainty is not None and uncertainty.tied
    if score.best:
        words.append("best, with others tied" if tied else "best")
    elif tied:
        words.append(_TIED)
    return "; ".join(words) + "."
