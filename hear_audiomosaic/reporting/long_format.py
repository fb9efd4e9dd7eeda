"""The CSV: one row per encoder x task x protocol x seed, with all digits, for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from hear_audiomosaic.reporting.load import LoadedResult

__all__ = ["COLUMNS", "long_csv"]

COLUMNS = (
    *("encoder", "encoder_ref", "encoder_fingerprint", "untrained"),
    *("task", "task_directory", "task_digest", "domain", "embedding_type", "n_clips"),
    *("protocol", "protocol_fingerprint", "precision", "n_grid_points", "seed"),
    *("status", "score_name", "higher_is_better", "score", "score_std_over_folds", "n_folds", "chance"),
    *("n_parameters", "embedding_size", "embedding_seconds", "audio_seconds", "probing_seconds", "device"),
    *("package_version", "created", "error", "file"),
)
"""The columns, in order."""


def long_csv(results: Sequence[LoadedResult]) -> str:
    """Write results as CSV with a header.

    A value that is not there is empty; truth values are ``true`` and ``false``; what is not finite is ``inf``,
    ``-inf`` or ``nan``.

    Args:
        results: any results.

    Returns:
        Text as in RFC 4180 but for its line ends, which are a line feed, sorted by protocol, task, encoder and seed.
    """
    rows = sorted((_row(loaded) for loaded in results), key=lambda row: [row[i] for i in _SORTED_BY])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([[_text(value) for value in row] for row in rows])
    return file.getvalue()


_SORTED_BY = [
    COLUMNS.index(name)
    for name in ("protocol", "precision", "protocol_fingerprint", "task_directory", "encoder_ref", "seed", "file")
]

Value = str | int | float | bool | None


def _row(loaded: LoadedResult) -> list[Value]:
    result = loaded.result
    encoder, task, protocol, made = result.encoder, result.task, result.protocol, result.manifest
    return [
        *(encoder.label, encoder.ref, encoder.fingerprint, encoder.untrained),
        *(task.name, task.directory, task.digest, task.domain, task.embedding_type, task.n_clips),
        *(protocol.name, protocol.fingerprint, protocol.precision, protocol.n_grid_points, protocol.seed),
        *(result.status, result.score_name, result.higher_is_better),
        *(result.score, result.score_std, len(result.folds), task.chance),
        *(encoder.n_parameters, encoder.embedding_size),
        *(made.embedding_seconds, made.audio_seconds, made.probing_seconds, made.device),
        *(made.package_version, made.created, result.error, loaded.file),
    ]


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value)
