"""Two encoders compared task by task: what ``hear-audiomosaic compare`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.analysis.model import Pair
from hear_audiomosaic.reporting.analysis.uncertainty import compare_pairs
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow
from hear_audiomosaic.reporting.text.formats import listing, percent
from hear_audiomosaic.results.imported import imported_ref
from hear_audiomosaic.results.load import ResultFolder, SkippedFile, load_results

__all__ = ["EncoderComparison", "EncoderComparisons", "TaskVerdict", "compare_encoders"]


@dataclass(frozen=True)
class TaskVerdict:
    """One task."""

    task: str
    score_name: str
    higher_is_better: bool
    score_a: float
    score_b: float
    pair: Pair
    """The test of the difference a - b."""

    @property
    def verdict(self) -> str:
        """``A better``, ``B better``, ``no significant difference``, or ``no test: REASON``."""
        return {"a": "A better", "b": "B better", "": self.pair.verdict}[self.pair.better]

    def facts(self) -> dict[str, Any]:
        """The numbers as strict JSON has them: infinities as text, missing ones as None."""
        interval = self.pair.interval
        return {
            "task": self.task,
            "score_name": self.score_name,
            "higher_is_better": self.higher_is_better,
            "a": _finite(self.score_a),
            "b": _finite(self.score_b),
            "difference": _finite(self.pair.difference),
            "low": None if interval is None else _finite(interval.low),
            "high": None if interval is None else _finite(interval.high),
            "p": _finite(self.pair.p),
            "p_holm": _finite(self.pair.p_holm),
            "p_bh": _finite(self.pair.p_bh),
            "mcnemar_p": self.pair.mcnemar_p,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class EncoderComparison:
    """Two encoders by one protocol."""

    protocol: str
    """Label of the table."""
    a: str
    b: str
    """Labels of the encoders."""
    level: float
    tasks: tuple[TaskVerdict, ...]
    """Those that both have."""
    only_a: tuple[str, ...]
    """Labels of the tasks that b has no score on."""
    only_b: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """A summary: on how many tasks either encoder is better."""
        pairs = [one.pair for one in self.tasks]
        counts = {
            "A better on": sum(pair.better == "a" for pair in pairs),
            "B better on": sum(pair.better == "b" for pair in pairs),
            "no significant difference on": sum(pair.is_tested and not pair.better for pair in pairs),
            "no test on": sum(not pair.is_tested for pair in pairs),
        }
        if not pairs:
            return "They have no task in common."
        n = len(pairs)
        verdicts = ", ".join(f"{what} {number}" for what, number in counts.items() if number)
        text = f"Of {n} task{'s' if n != 1 else ''} that both have: {verdicts}"
        tested = n - counts["no test on"]
        seeds = "variance between seeds included" if any(pair.includes_seeds for pair in pairs) else "probes held fixed"
        text += f" (paired t tests, {seeds}, Holm over tasks, {percent(1 - self.level)})." if tested else "."
        for encoder, tasks in (("A", self.only_a), ("B", self.only_b)):
            text += f" Only {encoder} has a score on {listing(tasks)}." if tasks else ""
        return text

    def facts(self) -> dict[str, Any]:
        """Everything as strict JSON has it."""
        return {
            "protocol": self.protocol,
            "a": self.a,
            "b": self.b,
            "level": self.level,
            "tasks": [task.facts() for task in self.tasks],
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class EncoderComparisons:
    """Two encoders by every protocol that has results of both; iterating goes over the protocols."""

    comparisons: tuple[EncoderComparison, ...]
    """HEAR's own protocol first."""
    skipped: tuple[SkippedFile, ...]
    """Result files that could not be used, and why."""

    def __iter__(self) -> Iterator[EncoderComparison]:
        return iter(self.comparisons)

    def __len__(self) -> int:
        return len(self.comparisons)

    def to_dataframe(self) -> pd.DataFrame:
        """One row a protocol and task that both encoders have a score on.

        Returns:
            Columns ``protocol``, ``task``, ``score_name``, ``higher_is_better``, ``a`` and ``b`` (the scores),
            ``difference`` (a - b), ``low`` and ``high`` (its interval), ``p``, ``p_holm`` and ``p_bh`` (adjusted over
            the tasks), ``mcnemar_p``, ``verdict``.
        """
        return pd.DataFrame([{"protocol": one.protocol} | task.facts() for one in self for task in one.tasks])

    def __str__(self) -> str:
        """The verdicts, task by task, and a sentence for each protocol."""
        columns = ["task", "a", "b", "difference", "low", "high", "p_holm", "verdict"]
        blocks = []
        for one in self.comparisons:
            lines = [f"{one.protocol}: a = {one.a}, b = {one.b}"]
            if one.tasks:
                table = pd.DataFrame([task.facts() for task in one.tasks])[columns]
                lines.append(table.to_string(index=False, float_format="{:.3f}".format))
            blocks.append("\n".join([*lines, one.sentence]))
        return "\n\n".join(blocks)


def compare_encoders(
    results: Path | ResultFolder, a: str, b: str, *, protocol: str | None = None, level: float = 0.95
) -> EncoderComparisons:
    """Compare two encoders on every task that both have.

    Args:
        results: folder of result files, or what was read of one.
        a: an encoder, by its label in the tables or by its reference.
        b: another one.
        protocol: the name of a protocol; None: every protocol that has results of both. (Default: None)
        level: of intervals; tests are at ``1 - level``. (Default: 0.95)

    Returns:
        One comparison per table, HEAR's own protocol first, and the files that could not be used.

    Raises:
        ResultError: no such encoder or protocol, a name that fits several encoders, twice the same encoder, or no
            table with both. The message lists the encoders and protocols that there are.
    """
    loaded = load_results(results)
    tables = compare(loaded.results)
    chosen = [table for table in tables if protocol in (None, table.protocol, table.label)]
    if not chosen:
        raise ResultError(f"No results of the protocol '{protocol}'; there are {listing(one.label for one in tables)}.")
    first, second = _find_label(chosen, a), _find_label(chosen, b)
    if first == second:
        raise ResultError(f"'{a}' and '{b}' are the same encoder; {_known_encoders(chosen)}")
    comparisons = []
    for table in chosen:
        rows = {row.label: row for row in table.rows}
        if first in rows and second in rows:
            comparisons.append(_compare(table, rows[first], rows[second], loaded.folder, level))
    if not comparisons:
        raise ResultError(
            f"No protocol has results of both {first} and {second}. There are: "
            + "; ".join(f"{table.label}: {listing(row.label for row in table.rows)}" for table in chosen)
            + "."
        )
    return EncoderComparisons(tuple(comparisons), loaded.skipped)


def _compare(table: Comparison, a: EncoderRow, b: EncoderRow, results_dir: Path, level: float) -> EncoderComparison:
    pairs = {pair.column: pair for pair in compare_pairs(replace(table, rows=(a, b)), results_dir, level=level)}
    tasks, only_a, only_b = [], [], []
    for column, own, other in zip(table.columns, a.cells, b.cells, strict=True):
        if own.score is not None and other.score is not None:
            pair = pairs[column.label]
            scores = own.score, other.score
            tasks.append(TaskVerdict(column.label, column.score_name, column.higher_is_better, *scores, pair))
        elif own.score is not None:
            only_a.append(column.label)
        elif other.score is not None:
            only_b.append(column.label)
    return EncoderComparison(table.label, a.label, b.label, level, tuple(tasks), tuple(only_a), tuple(only_b))


def _find_label(tables: Sequence[Comparison], name: str) -> str:
    """The label of the encoder that has this label, or else this reference."""
    rows = [row for table in tables for row in table.rows]
    for labels in (
        {row.label for row in rows if row.label == name},
        {row.label for row in rows if row.encoder.ref == name},
        {row.label for row in rows if row.encoder.label == name},
        {row.label for row in rows if row.encoder.imported is not None and row.encoder.ref == imported_ref(name)},
    ):
        if len(labels) == 1:
            return labels.pop()
        if labels:
            raise ResultError(f"'{name}' may be {' or '.join(sorted(labels))}; give one of these labels.")
    raise ResultError(f"No results of an encoder '{name}'; {_known_encoders(tables)}")


def _known_encoders(tables: Sequence[Comparison]) -> str:
    rows = {row.label: row.encoder.ref for table in tables for row in table.rows}
    return f"there are {listing(_named(label, ref) for label, ref in sorted(rows.items()))}."


def _named(label: str, ref: str) -> str:
    return label if label == ref else f"{label} ({ref})"


def _finite(value: float) -> float | str | None:
    """As result files have it: strict JSON has no infinity."""
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)
