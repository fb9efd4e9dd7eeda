"""What pre-training changed: every method beside its untrained twin, task by task."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from hear_audiomosaic.files import write_text

__all__ = ["write_twins"]

_COLUMNS = ("method", "protocol", "task", "score_name", "gain", "low", "high", "level", "p_holm")


def write_twins(pairs: Path, twins: Mapping[str, tuple[str, str]], path: Path) -> dict[str, tuple[int, int]]:
    """Take the rows of a report's paired tests that compare a method with its twin.

    Args:
        pairs: ``pairs.csv`` of a report.
        twins: method -> reference of its trained encoder and of the untrained one, in canonical form.
        path: CSV to be, a row per method, protocol and task. ``gain`` is the trained encoder's score minus the other's,
            with the opposite sign where lower is better; ``low`` and ``high`` are its interval, ``p_holm`` is
            corrected over all pairs of the report.

    Returns:
        Method -> number of tasks on which training gained anything, and number of tasks with both scores.
    """
    with pairs.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    counts = {}
    for method, (trained, untrained) in twins.items():
        gains = [_gain_row(row, trained) for row in rows if {row["a_ref"], row["b_ref"]} == {trained, untrained}]
        writer.writerows({**row, "method": method} for row in gains)
        counts[method] = sum(float(row["gain"]) > 0 for row in gains), len(gains)
    write_text(path, text.getvalue())
    return counts


def _gain_row(row: Mapping[str, str], trained: str) -> dict[str, str]:
    """A pair's row with the difference as a gain of ``trained``."""
    ends = {"gain": row["difference"], "low": row["low"], "high": row["high"]}
    if (row["a_ref"] == trained) != (row["higher_is_better"] == "true"):
        ends = {name: _negated(row[key]) for name, key in (("gain", "difference"), ("low", "high"), ("high", "low"))}
    return {**row, **ends}


def _negated(number: str) -> str:
    return f"{-float(number)!r}" if number else ""
