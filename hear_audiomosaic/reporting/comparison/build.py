"""From results to comparisons.

Results of two protocols, of two fingerprints of one protocol or of two precisions (of probes, of stored embeddings)
are in separate tables; a task prepared from other data is a column of its own, and so is one whose audio at one rate is
known to be another; other weights are a row of their own.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from hear_audiomosaic.reporting.comparison.model import (
    OFFICIAL_PROTOCOL,
    Comparison,
    EncoderRow,
    ScoreCell,
    TaskColumn,
    succeeded,
)
from hear_audiomosaic.reporting.text.formats import decimals, listing, plain_label
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import EncoderFacts, Result

__all__ = ["compare", "encoder_labels"]

EncoderKey = tuple[str, str]
ColumnKey = tuple[str, str, str, str]
"""Directory, digest and score of a task, and the digest of its audio where that tells columns apart."""
Key = TypeVar("Key")


def compare(results: Iterable[LoadedResult]) -> tuple[Comparison, ...]:
    """Sort results into one table per protocol, HEAR's own protocol first, then by name.

    Args:
        results: at most one per encoder, task, protocol and seed.
    """

    def key(loaded: LoadedResult) -> tuple[bool, str, str, str]:
        protocol = loaded.result.protocol
        return protocol.name != OFFICIAL_PROTOCOL, protocol.name, protocol.fingerprint, loaded.result.arithmetic

    results = _without_repeats(_with_known_encoders(results))
    encoders = encoder_labels(results)
    groups = [(identity, tuple(members)) for identity, members in groupby(sorted(results, key=key), key)]
    names = [name for (_, name, _, _), _ in groups]
    return tuple(
        _comparison(
            _table_label(name, precision, fingerprint, is_only=names.count(name) == 1),
            members,
            encoders,
        )
        for (_, name, fingerprint, precision), members in groups
    )


def _table_label(name: str, precision: str, fingerprint: str, *, is_only: bool) -> str:
    if not is_only:
        return f"{name} ({precision}, fingerprint {fingerprint[:12]})"
    return name if precision == "fp32" else f"{name} ({precision})"


def _without_repeats(results: Iterable[LoadedResult]) -> list[LoadedResult]:
    """Of results that differ in the seed alone, where nothing is trained by epochs, that of the first seed.

    Older runs fitted such a probe once for each seed, to the same scores: there is no spread over seeds, and a seed
    that was not run is not missing.
    """
    kept: dict[tuple[object, ...], LoadedResult] = {}
    for loaded in sorted(results, key=lambda one: (one.result.protocol.seed, one.file)):
        result, protocol = loaded.result, loaded.result.protocol
        drawn = not result.folds or any(fold.epoch is not None for fold in result.folds)
        scores = tuple((fold.split, tuple(fold.scores.items())) for fold in result.folds)
        cell = (_encoder_key(result), _task_key(result), protocol.name, protocol.fingerprint, result.arithmetic)
        kept.setdefault((*cell, loaded.file if drawn else scores), loaded)
    return list(kept.values())


def _with_known_encoders(results: Iterable[LoadedResult]) -> list[LoadedResult]:
    """A failure to load an encoder, of no fingerprint, counts to the one encoder of its reference that is known."""
    results = list(results)
    known: defaultdict[str, dict[str, EncoderFacts]] = defaultdict(dict)
    for encoder in (loaded.result.encoder for loaded in results):
        if encoder.fingerprint:
            known[encoder.ref].setdefault(encoder.fingerprint, encoder)

    def settled(loaded: LoadedResult) -> LoadedResult:
        of_ref = known.get(loaded.result.encoder.ref, {})
        if loaded.result.encoder.fingerprint or len(of_ref) != 1:
            return loaded
        return replace(loaded, result=loaded.result.model_copy(update={"encoder": next(iter(of_ref.values()))}))

    return [settled(loaded) for loaded in results]


def encoder_labels(results: Iterable[LoadedResult]) -> dict[EncoderKey, str]:
    """Reference and fingerprint of each encoder -> its label, made longer where two encoders share it."""
    encoders = {_encoder_key(loaded.result): loaded.result.encoder for loaded in _with_known_encoders(results)}
    return _distinct(encoders, _encoder_names)


def _comparison(label: str, members: Sequence[LoadedResult], encoder_names: Mapping[EncoderKey, str]) -> Comparison:
    by_column: defaultdict[ColumnKey, list[Result]] = defaultdict(list)
    by_cell: defaultdict[tuple[EncoderKey, ColumnKey], list[LoadedResult]] = defaultdict(list)
    encoders: dict[EncoderKey, EncoderFacts] = {}
    column_key = _column_keys(members)
    for loaded in sorted(members, key=lambda one: (one.result.protocol.seed, one.file)):
        encoder, column = _encoder_key(loaded.result), column_key(loaded.result)
        encoders.setdefault(encoder, loaded.result.encoder)
        by_column[column].append(loaded.result)
        by_cell[encoder, column].append(loaded)
    columns = _columns(by_column)
    by_task = [
        _mark_best([_cell(by_cell.get((encoder, key), [])) for encoder in encoders], column)
        for key, column in columns.items()
    ]
    table = dict(zip(encoders, zip(*by_task, strict=True), strict=True))
    in_mean, left_out = _mean_tasks(list(columns.values()), {encoder_names[key]: row for key, row in table.items()})
    rows = [
        EncoderRow(encoder_names[key], encoders[key], row, _mean([row[i].score for i in in_mean]))
        for key, row in table.items()
    ]
    rows.sort(key=lambda row: (row.mean is None, -(row.mean or 0.0), row.label.lower(), row.label))
    column_list = tuple(columns.values())
    protocol = members[0].result.protocol
    return Comparison(
        label=label,
        protocol=protocol.name,
        fingerprint=protocol.fingerprint,
        precision=protocol.precision,
        store_dtype=members[0].result.store_dtype,
        grid_points=tuple(sorted({loaded.result.protocol.n_grid_points for loaded in members})),
        seeds=tuple(sorted({loaded.result.protocol.seed for loaded in members})),
        columns=column_list,
        rows=tuple(rows),
        mean_tasks=tuple(column_list[i].label for i in in_mean),
        mean_left_out=left_out,
        chance_mean=_mean([column_list[i].chance for i in in_mean]),
    )


def _encoder_key(result: Result) -> EncoderKey:
    return result.encoder.ref, result.encoder.fingerprint


def _encoder_names(facts: EncoderFacts) -> tuple[str, ...]:
    plain = plain_label(facts.label)
    return plain, f"{plain} [{facts.ref}]", f"{plain} [{facts.ref}, weights {facts.fingerprint[:8]}]"


def _task_key(result: Result) -> tuple[str, str, str]:
    return result.task.directory, result.task.digest, result.score_name


def _column_keys(members: Iterable[LoadedResult]) -> Callable[[Result], ColumnKey]:
    """The column of each result.

    Encoders that read different rates read different files, so digests of audio tell something at one rate only.
    """
    heard: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for result in (loaded.result for loaded in members):
        if result.task.audio_digest is not None:
            heard[_task_key(result), result.task.audio_rate_hz].add(result.task.audio_digest)

    def key(result: Result) -> ColumnKey:
        differs = len(heard.get((_task_key(result), result.task.audio_rate_hz), ())) > 1
        return (*_task_key(result), (result.task.audio_digest or "") if differs else "")

    return key


def _columns(by_column: Mapping[ColumnKey, Sequence[Result]]) -> dict[ColumnKey, TaskColumn]:
    def names(results: Sequence[Result]) -> tuple[str, ...]:
        task, score_name = results[0].task, results[0].score_name
        data = f"{task.directory} [data {task.digest[:8]}]"
        audio = f"{task.directory} [audio {(task.audio_digest or '')[:8]}]"
        return task.name, task.directory, data, audio, f"{data} {score_name}", f"{data} {audio} {score_name}"

    labels = _distinct(by_column, names)
    columns = {
        key: TaskColumn(
            label=labels[key],
            task=next((one.task for one in results if one.task.n_groups is not None), results[0].task),
            score_name=results[0].score_name,
            higher_is_better=results[0].higher_is_better,
            chance=next((one.task.chance for one in results if one.task.chance is not None), None),
        )
        for key, results in by_column.items()
    }
    return dict(sorted(columns.items(), key=lambda item: (item[1].label.lower(), item[0])))


Facts = TypeVar("Facts")


def _distinct(items: Mapping[Key, Facts], names: Callable[[Facts], tuple[str, ...]]) -> dict[Key, str]:
    """For each item the first of its names that no other item has at the same position; else the last."""
    candidates = {key: names(facts) for key, facts in items.items()}
    labels = {}
    for key, own in candidates.items():
        indices = range(len(own))
        unique = (i for i in indices if sum(other[i] == own[i] for other in candidates.values()) == 1)
        labels[key] = own[next(unique, indices[-1])]
    return labels


def _cell(results: Sequence[LoadedResult]) -> ScoreCell:
    if not results:
        return ScoreCell("missing")
    good = [loaded.result for loaded in results if succeeded(loaded.result)]
    scores = [result.score for result in good if result.score is not None]
    if not scores:
        return ScoreCell("failed", results=tuple(results))
    spread, over = None, ""
    if len(good) > 1:
        if all(math.isfinite(score) for score in scores):
            spread, over = statistics.stdev(scores), f"{len(good)} seeds"
    elif len(good[0].folds) > 1 and good[0].score_std is not None and math.isfinite(good[0].score_std):
        spread, over = good[0].score_std, f"{len(good[0].folds)} folds"
    remark = f"{len(good)} of {len(results)} seeds" if len(good) < len(results) else ""
    reasons = tuple(dict.fromkeys(fold.unconverged for one in good for fold in one.folds if fold.unconverged))
    return ScoreCell("scored", sum(scores) / len(scores), spread, over, remark, reasons, results=tuple(results))


def _mark_best(cells: list[ScoreCell], column: TaskColumn) -> list[ScoreCell]:
    """Mark the cells that equal the best at three decimals, if there are at least two scores."""
    scores = [cell.score for cell in cells if cell.score is not None and not math.isnan(cell.score)]
    if len(scores) < 2:
        return cells
    best = decimals(max(scores) if column.higher_is_better else min(scores))
    return [replace(cell, best=cell.score is not None and decimals(cell.score) == best) for cell in cells]


def _mean_tasks(
    columns: Sequence[TaskColumn], table: Mapping[str, Sequence[ScoreCell]]
) -> tuple[list[int], tuple[tuple[str, str], ...]]:
    """Columns in which every encoder with any score has one, and the reasons why the others are left out."""
    compared = {label: row for label, row in table.items() if any(_is_number(cell.score) for cell in row)}
    included, left_out = [], []
    for i, column in enumerate(columns):
        without = sorted(label for label, row in compared.items() if not _is_number(row[i].score))
        if not column.averaged:
            left_out.append((column.label, f"{column.score_name} has another scale or direction"))
        elif without:
            left_out.append((column.label, f"no score of {listing(without)}"))
        else:
            included.append(i)
    return (included, tuple(left_out)) if len(included) > 1 else ([], tuple(left_out))


def _is_number(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None if there are no values, or any of them is missing or not finite."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None
