"""What pre-training changed: every method beside its untrained twin, task by task."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from hear_audiomosaic.files import write_text
from hear_audiomosaic.reporting.text.csv_cells import csv_text, original_text

__all__ = ["headline", "write_twins"]

_COLUMNS = ("method", "protocol", "task", "score_name", "gain", "low", "high", "level", "p_holm", "verdict")
_SIGNIFICANT = 0.05  # of p_holm


def write_twins(pairs: Path, twins: Mapping[str, tuple[str, str]], path: Path) -> dict[str, list[str]]:
    """Take the rows of a report's paired tests that compare a method with its twin, and say what each amounts to.

    Args:
        pairs: ``pairs.csv`` of a report.
        twins: method -> reference of its trained encoder and of the untrained one, in canonical form.
        path: CSV to be, a row per method, protocol and task. ``gain`` is the trained encoder's score minus the other's,
            with the opposite sign where lower is better; ``low`` and ``high`` are its interval. ``p_holm``
            is corrected over the tasks of the pair, not over the pairs of the report. ``verdict`` is "better" or
            "worse" where it is below .05, else "no significant difference", or "no test" where there is none.

    Returns:
        Method -> the verdicts on its tasks.
    """
    with pairs.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    written: list[list[str]] = []
    verdicts = {}
    for method, (trained, untrained) in twins.items():
        gains = [_gain_row(row, trained) for row in rows if _refs(row) == {trained, untrained}]
        written += [[method, *(original_text(row[name]) for name in _COLUMNS[1:])] for row in gains]
        verdicts[method] = [row["verdict"] for row in gains]
    write_text(path, csv_text(_COLUMNS, written))
    return verdicts


def headline(verdicts: Sequence[str]) -> str:
    """The verdicts on a method's tasks in one line."""
    worse, untested = verdicts.count("worse"), verdicts.count("no test")
    return (
        f"significantly better than its untrained twin on {verdicts.count('better')} of {len(verdicts)} tasks"
        f", worse on {worse}" + (f", no test on {untested}" if untested else "")
    )


def _refs(row: Mapping[str, str]) -> set[str]:
    return {original_text(row["a_ref"]), original_text(row["b_ref"])}


def _gain_row(row: Mapping[str, str], trained: str) -> dict[str, str]:
    """A pair's row with the difference as a gain of ``trained``."""
    ends = {"gain": row["difference"], "low": row["low"], "high": row["high"]}
    if (original_text(row["a_ref"]) == trained) != (row["higher_is_better"] == "true"):
        ends = {name: _negated(row[key]) for name, key in (("gain", "difference"), ("low", "high"), ("high", "low"))}
    return {**row, **ends, "verdict": _verdict(float(ends["gain"]), row["p_holm"])}


def _verdict(gain: float, p_holm: str) -> str:
    if not p_holm:
        return "no test"
    if float(p_holm) >= _SIGNIFICANT:
        return "no significant difference"
    return "better" if gain > 0 else "worse"


def _negated(number: str) -> str:
    return f"{-float(number)!r}" if number else ""
