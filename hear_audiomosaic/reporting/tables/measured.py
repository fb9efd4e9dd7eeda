"""Measured results as printable tables."""

from __future__ import annotations

import math
import re

from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, ScoreCell
from hear_audiomosaic.reporting.tables.model import Better, Entry, Heading, Line, Sheet, bracketed, mark_best
from hear_audiomosaic.reporting.text.captions import about_mean, about_scores
from hear_audiomosaic.reporting.text.formats import MISSING, decimals
from hear_audiomosaic.reporting.text.uncertainty import interval_text, overall_remarks

__all__ = ["comparison_sheet", "label_key", "overall_sheet"]

_BETTER: dict[str, Better] = {"mean rank": "lower"}
_PLACES = {"mean": 3, "mean rank": 2, "win rate": 2, "s(m)": 1, "HEAR normalised": 3}


def comparison_sheet(comparison: Comparison, analysis: Analysis | None = None) -> Sheet:
    """Encoders in rows, tasks in columns, scores at three decimals.

    Args:
        comparison: the results.
        analysis: of them; None: without intervals and daggers.
    """
    averaged = bool(comparison.mean_tasks)
    headings = [Heading("mean", f"{len(comparison.mean_tasks)} tasks", "higher")] if averaged else []
    headings += [
        Heading(column.label, column.score_name, "higher" if column.higher_is_better else "lower")
        for column in comparison.columns
    ]
    lines = []
    for row in comparison.rows:
        entries = [Entry(decimals(row.mean), row.mean)] if averaged else []
        for column, cell in zip(comparison.columns, row.cells, strict=True):
            entries.append(_entry(cell, analysis.cell(row.label, column.label) if analysis else None))
        lines.append(Line(_name(row), tuple(entries)))
    if comparison.has_chance:
        chance = [comparison.chance_mean] if averaged else []
        chance += [column.chance for column in comparison.columns]
        lines.append(Line("chance", tuple(Entry(decimals(score), score) for score in chance), apart=True))
    about = [] if comparison.official else ["This is not the protocol of the HEAR 2021 evaluation."]
    about += [about_scores(comparison, analysis), about_mean(comparison)]
    return Sheet(
        key=label_key(comparison.label),
        title=f"Measured results, protocol {comparison.label}",
        stub="encoder",
        headings=tuple(headings),
        lines=tuple(lines),
        remarks=tuple(about),
    )


def overall_sheet(comparison: Comparison, analysis: Analysis) -> Sheet:
    """Encoders in rows, overall scores in columns; a value over fewer tasks than there are says over how many."""
    headings = [
        Heading(name, "per cent" if name == "s(m)" else "", _BETTER.get(name, "higher")) for name in analysis.overall
    ]
    ranked = any(not math.isnan(place.low) for place in analysis.ranks.values())
    headings += [Heading("place", f"{100 * analysis.level:g} % interval")] if ranked else []
    lines = []
    for row in comparison.rows:
        entries = [_overall_entry(row, name, analysis) for name in analysis.overall]
        entries += [_place_entry(row, analysis)] if ranked else []
        if any(entry.number is not None for entry in entries):
            lines.append(Line(_name(row), tuple(entries)))
    return Sheet(
        key=f"overall-{label_key(comparison.label)}",
        title=f"Overall scores, protocol {comparison.label}",
        stub="encoder",
        headings=tuple(headings),
        lines=mark_best(headings, lines),
        remarks=overall_remarks(comparison, analysis),
    )


def label_key(text: str) -> str:
    """Lower-case letters, digits and hyphens, which every tool takes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _name(row: EncoderRow) -> str:
    return row.label + (" [UNTRAINED]" if row.encoder.untrained else "")


def _entry(cell: ScoreCell, firm: CellUncertainty | None) -> Entry:
    if cell.state != "scored":
        return Entry("failed" if cell.state == "failed" else MISSING)
    parts = [interval_text(cell, firm), f"[{cell.remark}]" if cell.remark else ""]
    tied = firm is not None and firm.tied and not cell.best
    return Entry(decimals(cell.score), cell.score, " ".join(part for part in parts if part), cell.best, tied)


def _overall_entry(row: EncoderRow, name: str, analysis: Analysis) -> Entry:
    one = analysis.overall[name].get(row.label)
    if one is None or math.isnan(one.value):
        return Entry()
    n = len(one.used)
    spread = "" if one.is_complete else f"({n} task{'s' if n != 1 else ''})"
    return Entry(decimals(one.value, _PLACES[name]), one.value, spread, comparable=one.is_complete or name == "mean")


def _place_entry(row: EncoderRow, analysis: Analysis) -> Entry:
    place = analysis.ranks.get(row.label)
    if place is None or math.isnan(place.low):
        return Entry()
    return Entry(str(place.rank), float(place.rank), bracketed(place.low, place.high, 0))
