"""Every result and every paired test as CSV, with all digits, for other programs.

- :func:`long_csv`: one row per encoder x task x protocol x seed.
- :func:`pairs_csv`: one row per two encoders x task x protocol.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty
from hear_audiomosaic.reporting.comparison.model import Comparison, succeeded
from hear_audiomosaic.reporting.text.csv_cells import csv_text
from hear_audiomosaic.results.load import LoadedResult

__all__ = ["COLUMNS", "PAIR_COLUMNS", "long_csv", "pairs_csv"]

COLUMNS = (
    *("encoder", "encoder_ref", "encoder_fingerprint", "untrained"),
    *("task", "task_directory", "task_digest", "domain", "embedding_type", "n_clips"),
    *("protocol", "protocol_fingerprint", "precision", "n_grid_points", "seed"),
    *("status", "score_name", "higher_is_better", "score", "score_std_over_folds", "n_folds", "chance"),
    *(
        "low",
        "high",
        "level",
        "n_test_clips",
        "n_groups",
        "n_units",
        "unit",
        "test_sd",
        "seed_sd",
        "tied",
        "no_interval",
    ),
    *("n_parameters", "embedding_size", "embedding_seconds", "audio_seconds", "probing_seconds", "device"),
    *("package_version", "created", "error", "file"),
)
"""The columns, in order. From ``low`` to ``no_interval`` they are about the mean over the seeds of a task, and so the
same in the rows of all its seeds; ``n_clips`` is the whole task, ``n_test_clips`` what the interval is over, ``unit``
(clips, groups, folds or blocks) what is taken as independent, and ``n_units`` how many of them there are."""

PAIR_COLUMNS = (
    *("protocol", "task", "score_name", "higher_is_better", "a", "b", "a_ref", "b_ref", "difference"),
    *("low", "high", "level", "p", "p_holm", "p_bh", "mcnemar_p", "better", "verdict"),
)
"""The columns of the pairs, in order."""


def long_csv(
    results: Sequence[LoadedResult], comparisons: Sequence[Comparison] = (), analyses: Sequence[Analysis] = ()
) -> str:
    """Write results as CSV with a header.

    A value that is not there is empty; truth values are ``true`` and ``false``; what is not finite is ``inf``,
    ``-inf`` or ``nan``. A text that a spreadsheet would take for a formula has an apostrophe before it.

    Args:
        results: any results.
        comparisons: the tables they stand in.
        analyses: of these tables, in their order; without them the columns from ``low`` on are empty.

    Returns:
        Text as in RFC 4180 but for its line ends, which are a line feed, sorted by protocol, task, encoder and seed.
    """
    uncertainties = {
        loaded.file: (analysis.level, cell)
        for comparison, analysis in zip(comparisons, analyses, strict=True)
        for row in comparison.rows
        for column, scored in zip(comparison.columns, row.cells, strict=True)
        if (cell := analysis.cell(row.label, column.label)) is not None
        for loaded in scored.results
        if succeeded(loaded.result)
    }
    rows = sorted((_row(loaded, uncertainties) for loaded in results), key=lambda row: [row[i] for i in _SORTED_BY])
    return csv_text(COLUMNS, [[_text(value) for value in row] for row in rows])


def pairs_csv(comparisons: Sequence[Comparison], analyses: Sequence[Analysis]) -> str:
    """Write the paired tests as CSV with a header, in the order of the tables; values as in :func:`long_csv`.

    Args:
        comparisons: the tables.
        analyses: of them, in their order.
    """
    rows: list[list[Value]] = []
    for comparison, analysis in zip(comparisons, analyses, strict=True):
        refs = {row.label: row.encoder.ref for row in comparison.rows}
        columns = {column.label: column for column in comparison.columns}
        for pair in analysis.pairs:
            column, interval = columns[pair.column], pair.interval
            ends = (None, None, None) if interval is None else (interval.low, interval.high, interval.level)
            tests = [None if math.isnan(p) else p for p in (pair.p, pair.p_holm, pair.p_bh)]
            better = {"a": pair.a, "b": pair.b, "": None}[pair.better]
            rows.append(
                [
                    *(comparison.label, pair.column, column.score_name, column.higher_is_better),
                    *(pair.a, pair.b, refs[pair.a], refs[pair.b], pair.difference),
                    *(*ends, *tests, pair.mcnemar_p, better, pair.verdict),
                ]
            )
    return csv_text(PAIR_COLUMNS, [[_text(value) for value in row] for row in rows])


_SORTED_BY = [
    COLUMNS.index(name)
    for name in ("protocol", "precision", "protocol_fingerprint", "task_directory", "encoder_ref", "seed", "file")
]

Value = str | int | float | bool | None


def _row(loaded: LoadedResult, uncertainties: Mapping[str, tuple[float, CellUncertainty]]) -> list[Value]:
    result = loaded.result
    encoder, task, protocol, made = result.encoder, result.task, result.protocol, result.manifest
    return [
        *(encoder.label, encoder.ref, encoder.fingerprint, encoder.untrained),
        *(task.name, task.directory, task.digest, task.domain, task.embedding_type, task.n_clips),
        *(protocol.name, protocol.fingerprint, result.arithmetic, protocol.n_grid_points, protocol.seed),
        *(result.status, result.score_name, result.higher_is_better),
        *(result.score, result.score_std, len(result.folds), task.chance),
        *_uncertainty(*uncertainties.get(loaded.file, (None, None))),
        *(encoder.n_parameters, encoder.embedding_size),
        *(made.embedding_seconds, made.audio_seconds, made.probing_seconds, made.device),
        *(made.package_version, made.created, result.error, loaded.file),
    ]


def _uncertainty(level: float | None, cell: CellUncertainty | None) -> list[Value]:
    if cell is None:
        return [None] * 11
    ends = (None, None, None) if cell.interval is None else (cell.interval.low, cell.interval.high, level)
    test_sd = None if math.isnan(cell.test_sd) else cell.test_sd
    n_clips = cell.n_clips or None
    units = (cell.n_units, cell.unit) if cell.n_units else (None, None)
    return [*ends, n_clips, cell.n_groups, *units, test_sd, cell.seed_sd, cell.tied, cell.reason or None]


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value)
