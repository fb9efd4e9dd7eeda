"""Intervals, p-values and overall scores in words, shared by all formats."""

from __future__ import annotations

import math
from collections import defaultdict

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.text.formats import decimals, listing
from hear_audiomosaic.reporting.text.forms import about_encoders
from hear_audiomosaic.reporting.text.limits import about_limits
from hear_audiomosaic.reporting.text.sources import about_sources

__all__ = ["about_units", "overall_remarks", "p_equation", "p_text", "without_interval"]

_MEANINGS = {
    "mean": "mean: over the tasks that all compared encoders have",
    "chance-normalised mean": "chance-normalised mean: (score - chance) / (1 - chance), over the tasks of the mean "
    "whose chance is known",
    "mean rank": "mean rank: over each encoder's own tasks, 1 is the best",
    "win rate": "win rate: share of comparisons won with another encoder on a task of both",
    "s(m)": "s(m): improvement over logmel relative to that of the best encoder of this table, in per cent, mean over "
    "tasks",
    "HEAR normalised": "HEAR normalised: HEAR's own score, on the scale of the 34 systems of its leaderboard",
}


def without_interval(comparison: Comparison, analysis: Analysis) -> tuple[str, ...]:
    """The scores without an interval, one sentence for each reason."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for column in comparison.columns:
        cells = {row.label: analysis.cell(row.label, column.label) for row in comparison.rows}
        measured = {label: cell for label, cell in cells.items() if cell is not None}
        without: defaultdict[str, list[str]] = defaultdict(list)
        for label, cell in measured.items():
            if cell.interval is None:
                without[cell.reason].append(label)
        for reason, labels in without.items():
            all_of_many = len(labels) == len(measured) > 1
            by_reason[reason] += (
                [f"every encoder on {column.label}"]
                if all_of_many
                else [f"{label} on {column.label}" for label in labels]
            )
    return tuple(f"No interval, since {reason}: {listing(cells)}." for reason, cells in by_reason.items())


def about_units(comparison: Comparison, analysis: Analysis) -> tuple[str, ...]:
    """What is taken as independent on each task, a sentence for each kind; which tasks test seen groups; limits."""
    tasks: defaultdict[str, list[str]] = defaultdict(list)
    for column in comparison.columns:
        cells = (analysis.cell(row.label, column.label) for row in comparison.rows)
        measured = next((cell for cell in cells if cell is not None and cell.n_units), None)
        if measured is not None:
            number = f" ({measured.n_units})"
            blocks = measured.unit == "blocks" and measured.n_groups is None
            kind = "clips" if blocks else "groups" if measured.unit == "blocks" else measured.unit
            tasks[kind].append(column.label + (number if measured.unit != "clips" else ""))
    sentences = {
        "groups": "Independent units are groups of test clips (their number in brackets) on {}.",
        "folds": "With a single group a fold, the folds are the units on {}.",
        "clips": "No groups of clips are known on {}: the clips are taken as independent, and where some are of one "
        "speaker or recording, intervals are too short and tests reject too often.",
    }
    shared = [
        f"{column.label} ({column.task.shared_group_clips} clips)"
        for column in comparison.columns
        if column.task.shared_group_clips
    ]
    known = [text.format(listing(tasks[kind])) for kind, text in sentences.items() if tasks[kind]]
    if shared:
        known.append(f"Groups of test clips stand in training, too, on {listing(shared)}: no score of unseen groups.")
    return (*known, *about_limits(comparison), *about_encoders(comparison), *about_sources(comparison))


def overall_remarks(comparison: Comparison, analysis: Analysis) -> tuple[str, ...]:
    """What the overall scores mean, over which tasks they are, and why others are missing."""
    remarks = [f"{'; '.join(_MEANINGS[name] for name in analysis.overall)}."] if analysis.overall else []
    missing = _missing(comparison, analysis)
    remarks += [f"Over fewer tasks than there are: {text}." for text in missing]
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for name, reason in analysis.overall_left_out.items():
        by_reason[reason].append(name)
    left_out = "; ".join(f"{listing(names)} ({reason})" for reason, names in by_reason.items())
    remarks += [f"No overall score {left_out}."] if left_out else []
    if analysis.ranks:
        n, tasks = len(analysis.rank_tasks), listing(analysis.rank_tasks)
        has_intervals = not any(math.isnan(one.low) for one in analysis.ranks.values())
        remarks.append(
            f"Ranks are by mean rank over the {n} tasks {tasks}; their intervals are from resampling the tasks."
            if has_intervals
            else f"No intervals of ranks: too few tasks have a score of every compared encoder ({n})."
        )
        if analysis.friedman_p is not None and analysis.critical_difference is not None:
            groups = "; ".join(listing(group) for group in analysis.cliques) or "none"
            remarks.append(
                f"Friedman's test that all encoders are equal by these ranks: p {p_equation(analysis.friedman_p)}. "
                f"Nemenyi's critical difference of mean ranks: {decimals(analysis.critical_difference, 2)}; groups "
                f"without a significant difference: {groups}."
            )
    return tuple(remarks)


def p_text(p: float | None) -> str:
    """A p-value: three decimals, and ``< 0.001`` below them; empty where there is none."""
    if p is None or math.isnan(p):
        return ""
    return "< 0.001" if p < 0.001 else decimals(p)


def p_equation(p: float) -> str:
    """A p-value after its letter: ``= 0.023`` or ``< 0.001``."""
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def _missing(comparison: Comparison, analysis: Analysis) -> list[str]:
    """``SCORE of ROWS is without TASKS``, rows that lack the same tasks of the same score together."""
    sentences = []
    for name, by_row in analysis.overall.items():
        groups: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
        for label, one in by_row.items():
            if one.missing:
                groups[one.missing].append(label)
        for columns, labels in groups.items():
            tasks = listing(comparison.columns[i].label for i in columns)
            encoders = "all" if len(labels) == len(by_row) else listing(labels)
            sentences.append(f"{name} of {encoders} is without {tasks}")
    return sentences
