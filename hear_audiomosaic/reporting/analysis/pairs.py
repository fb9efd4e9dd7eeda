"""The paired tests of a comparison: which encoders differ on which tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.reporting.analysis.model import Analysis, Pair
from hear_audiomosaic.reporting.analysis.replicates import CellReplicates
from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow, TaskColumn
from hear_audiomosaic.statistics import benjamini_hochberg, holm, mcnemar_of_all, paired_t_test

__all__ = ["adjacent_pairs", "paired_tests", "tied_with_best"]

Replicates = Mapping[tuple[str, str], CellReplicates | str]
"""(row label, column label) -> the cell's jackknife, or why there is none; for every scored cell."""


def paired_tests(comparison: Comparison, replicates: Replicates, level: float) -> tuple[Pair, ...]:
    """Compare each two encoders on each task that both have."""
    pairs: list[Pair] = []
    exact = _mcnemar(comparison, replicates)
    for a, b in combinations(comparison.rows, 2):
        own = list(_on_tasks(comparison, a, b, replicates, exact, level))
        p = [one.p for one in own]
        for one, p_holm, p_bh in zip(own, holm(p).tolist(), benjamini_hochberg(p).tolist(), strict=True):
            pairs.append(_with_verdict(replace(one, p_holm=p_holm, p_bh=p_bh), comparison, 1.0 - level))
    return tuple(pairs)


def tied_with_best(comparison: Comparison, pairs: Sequence[Pair], alpha: float) -> frozenset[tuple[str, str]]:
    """(row label, column label) of the cells without a significant difference from their task's best.

    The best is chosen from the data, so the tests are adjusted by Holm's method over all pairs of the task: among
    equal encoders, that any of them is not tied then has a probability of ``alpha`` at most. The best itself is tied
    where another cell of its task is.
    """
    by_task: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_task[pair.column].append(pair)
    tied: set[tuple[str, str]] = set()
    for i, column in enumerate(comparison.columns):
        scored = [(row.label, score) for row in comparison.rows if (score := row.cells[i].score) is not None]
        scored = [(label, score) for label, score in scored if np.isfinite(score)]
        if len(scored) < 2:
            continue
        best = (max if column.higher_is_better else min)(scored, key=lambda one: one[1])[0]
        own = by_task[column.label]
        adjusted = holm([pair.p for pair in own]).tolist()
        others = ({pair.a, pair.b} - {best} for pair, p in zip(own, adjusted, strict=True) if p >= alpha)
        same = {label for pair in others if len(pair) == 1 for label in pair}
        tied |= {(label, column.label) for label in (same | {best} if same else same)}
    return frozenset(tied)


def adjacent_pairs(comparison: Comparison, analysis: Analysis) -> tuple[Pair, ...]:
    """The tests between encoders that follow each other in the table; encoders without any score are skipped."""
    labels = [row.label for row in comparison.rows if any(cell.score is not None for cell in row.cells)]
    neighbours = set(pairwise(labels))
    return tuple(pair for pair in analysis.pairs if (pair.a, pair.b) in neighbours)


def _on_tasks(
    comparison: Comparison,
    a: EncoderRow,
    b: EncoderRow,
    replicates: Replicates,
    exact: Mapping[tuple[str, str, str], float],
    level: float,
) -> Iterator[Pair]:
    """One pair on every task that both have, before adjustment."""
    for i, column in enumerate(comparison.columns):
        score_a, score_b = a.cells[i].score, b.cells[i].score
        if score_a is None or score_b is None:
            continue
        difference = score_a - score_b
        own = (replicates[a.label, column.label], replicates[b.label, column.label])
        empty = Pair(column.label, a.label, b.label, difference, None, np.nan, np.nan, np.nan, None, "", "")
        if isinstance(own[0], str) or isinstance(own[1], str):
            reasons = [f"{row.label}: {one}" for row, one in zip((a, b), own, strict=True) if isinstance(one, str)]
            yield replace(empty, verdict=f"no test: {'; '.join(reasons)}")
        elif own[0].clips != own[1].clips:
            yield replace(empty, verdict="no test: the two were tested on different clips")
        else:
            yield _tested(empty, own[0], own[1], exact.get((column.label, a.label, b.label)), level)


def _mcnemar(comparison: Comparison, replicates: Replicates) -> dict[tuple[str, str, str], float]:
    """(column label, row label, row label) -> p of McNemar's test, for two rows with the same clips, all at once."""
    exact: dict[tuple[str, str, str], float] = {}
    for column in comparison.columns:
        by_clips: defaultdict[str, dict[str, npt.NDArray[np.bool_]]] = defaultdict(dict)
        for row in comparison.rows:
            own = replicates.get((row.label, column.label))
            if isinstance(own, CellReplicates) and own.correct is not None:
                by_clips[own.clips][row.label] = own.correct
        for correct in by_clips.values():
            p = mcnemar_of_all(list(correct.values())).tolist()
            for i, a in enumerate(correct):
                exact.update({(column.label, a, b): p[i][j] for j, b in enumerate(correct)})
    return exact


def _tested(pair: Pair, a: CellReplicates, b: CellReplicates, exact: float | None, level: float) -> Pair:
    by_seed = _seed_differences(a, b)
    test = paired_t_test(a.folds, b.folds, level, seed_differences=by_seed)
    if not test.interval.is_defined:
        return replace(pair, verdict=f"no test: {test.interval.reason}")
    return replace(pair, interval=test.interval, p=test.p, mcnemar_p=exact, includes_seeds=len(by_seed) > 1)


def _seed_differences(a: CellReplicates, b: CellReplicates) -> list[float]:
    """Of the seeds that both have."""
    of_b = dict(zip(b.seeds, b.scores.tolist(), strict=True))
    return [score - of_b[seed] for seed, score in zip(a.seeds, a.scores.tolist(), strict=True) if seed in of_b]


def _with_verdict(pair: Pair, comparison: Comparison, alpha: float) -> Pair:
    """The pair with its verdict, by the p-value adjusted by Holm's method."""
    if not pair.is_tested:
        return pair
    if pair.p_holm >= alpha or pair.difference == 0:
        return replace(pair, verdict="no significant difference")
    column: TaskColumn = next(one for one in comparison.columns if one.label == pair.column)
    if (pair.difference > 0) == column.higher_is_better:
        return replace(pair, better="a", verdict=f"{pair.a} better")
    return replace(pair, better="b", verdict=f"{pair.b} better")
