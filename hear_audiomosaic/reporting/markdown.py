"""The report as Markdown (GitHub's dialect)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from hear_audiomosaic.reporting.content import Content, about_mean, about_scores
from hear_audiomosaic.reporting.details import RunDetail, TaskDetail, task_details
from hear_audiomosaic.reporting.table import Cell, Comparison, Row
from hear_audiomosaic.reporting.text import MISSING, count, decimals, settings

__all__ = ["main_table", "markdown"]


def markdown(content: Content) -> str:
    """Write the report as Markdown."""
    blocks = ["# Comparison of audio representations", *_notices(content)]
    for comparison in content.comparisons:
        blocks += [
            f"## Protocol {_safe(comparison.label)}",
            _caption(comparison),
            main_table(comparison),
            _safe(about_scores(comparison)),
            _safe(about_mean(comparison)),
            *_failures(comparison),
        ]
    for comparison in content.comparisons:
        blocks.append(f"## Details, protocol {_safe(comparison.label)}")
        for detail in task_details(comparison):
            blocks += _task(detail)
    blocks += [*_cost(content), *_manifest(content), *_skipped(content)]
    return "\n\n".join(blocks) + "\n"


def main_table(comparison: Comparison) -> str:
    """The table encoders x tasks of one protocol, as Markdown."""
    averaged = bool(comparison.mean_tasks)
    header = ["encoder", *(["mean ↑"] if averaged else [])]
    header += [f"{_safe(column.label)}<br>{_safe(column.score_name)} {column.arrow}" for column in comparison.columns]
    rows = [
        [_encoder(row), *([decimals(row.mean)] if averaged else []), *(_cell(cell) for cell in row.cells)]
        for row in comparison.rows
    ]
    if comparison.has_chance:
        chance = [decimals(column.chance) for column in comparison.columns]
        rows.append(["*chance*", *([decimals(comparison.chance_mean)] if averaged else []), *chance])
    return _table(header, rows)


def _caption(comparison: Comparison) -> str:
    points = _numbers(comparison.grid_points)
    seeds = _numbers(comparison.seeds)
    official = "" if comparison.official else " **This is not the protocol of the HEAR 2021 evaluation.**"
    return (
        f"{len(comparison.rows)} encoders x {len(comparison.columns)} tasks. "
        f"Protocol **{_safe(comparison.protocol)}**, {points} grid points, seeds {seeds}, "
        f"{_safe(comparison.precision)}, fingerprint {_code(comparison.fingerprint[:12])}.{official}"
    )


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _encoder(row: Row) -> str:
    return _safe(row.label) + (" **[UNTRAINED]**" if row.encoder.untrained else "")


def _cell(cell: Cell) -> str:
    if cell.state == "missing":
        return MISSING
    if cell.state == "failed":
        return "failed"
    score = f"**{decimals(cell.score)}**" if cell.best else decimals(cell.score)
    spread = f" ± {decimals(cell.spread)} ({cell.spread_over})" if cell.spread is not None else ""
    return score + spread + (f" [{cell.remark}]" if cell.remark else "")


def _notices(content: Content) -> Iterator[str]:
    if content.notices:
        yield "\n".join(f"- {_safe(note)}" for note in content.notices)


def _failures(comparison: Comparison) -> Iterator[str]:
    if comparison.failures:
        yield "Failed:"
        yield "\n".join(
            f"- {_encoder(row)} on {_safe(column.label)}, seed {loaded.result.protocol.seed}: "
            f"{_safe(loaded.result.error or 'no score in the file')} ({_code(loaded.file)})"
            for row, column, loaded in comparison.failures
        )


def _task(detail: TaskDetail) -> Iterator[str]:
    task, column = detail.column.task, detail.column
    yield f"### {_safe(column.label)}"
    yield (
        f"{_safe(task.title)}. {_safe(f'{task.domain}, ') if task.domain else ''}"
        f"{task.embedding_type}, {task.prediction_type}, "
        f"{_safe(task.split_mode)}, {count(task.n_clips)} clips, {len(task.vocabulary)} classes; "
        f"primary score {_safe(column.score_name)} {column.arrow}, chance {decimals(column.chance)}."
    )
    for run in detail.runs:
        yield from _run(run)


def _run(run: RunDetail) -> Iterator[str]:
    result = run.result
    outcome = "failed" if run.failed else decimals(result.score)
    label = html.escape(run.row.label) + (" [UNTRAINED]" if run.row.encoder.untrained else "")
    yield f"<details><summary>{label}, seed {result.protocol.seed}: {outcome}</summary>"
    if run.failed:
        yield _safe(result.error or "no score in the file")
    else:
        yield _table([_safe(name) for name in run.folds.header], [[_safe(v) for v in row] for row in run.folds.rows])
        yield f"Hyper-parameters: {_safe(settings(run.hparams))}. Post-processing: {_safe(run.postprocessing)}."
        if run.grid.rows:
            rows = [[_safe(value) for value in row] for row in run.grid.rows]
            if run.grid.marked is not None:
                rows[run.grid.marked] = [f"**{value}**" for value in rows[run.grid.marked]]
            yield _table([_safe(name) for name in run.grid.header], rows)
    yield "</details>"


def _cost(content: Content) -> Iterator[str]:
    yield "## Cost"
    yield (
        "Over all results that succeeded. Clips whose embeddings were in the store already cost nothing and are not "
        "counted as audio."
    )
    header = ["encoder", "device", "parameters", "embedding size", "audio (s)", "embedding (s)"]
    header += ["audio seconds per second", "probing (s)", "results"]
    yield _table(
        header,
        [
            [
                _safe(cost.label) + (" **[UNTRAINED]**" if cost.encoder.untrained else ""),
                _safe(cost.device),
                count(cost.encoder.n_parameters),
                _numbers(cost.embedding_sizes),
                decimals(cost.audio_seconds, 1),
                decimals(cost.embedding_seconds, 1),
                decimals(cost.speed, 1),
                decimals(cost.probing_seconds, 1),
                str(cost.n_results),
            ]
            for cost in content.costs
        ],
    )


def _manifest(content: Content) -> Iterator[str]:
    yield "## Manifest"
    header = ["hear_audiomosaic", "python", "torch", "numpy", "platform", "device", "results", "first", "last"]
    rows = []
    for found in content.environments:
        made = found.manifest
        software = [made.package_version, made.python, made.torch, made.numpy, made.platform, made.device]
        rows.append([*map(_safe, software), str(found.n_results), _safe(made.created), _safe(found.last_created)])
    yield _table(header, rows)
    yield _table(
        ["encoder", "reference", "fingerprint", "sample rate (Hz)"],
        [
            [
                _encoder(row),
                _code(row.encoder.ref),
                _code(row.encoder.fingerprint[:12]),
                count(row.encoder.sample_rate_hz),
            ]
            for row in content.encoders
        ],
    )
    yield _table(
        ["task", "directory", "digest", "clips", "classes"],
        [
            [
                _safe(task.name),
                _code(task.directory),
                _code(task.digest[:12]),
                count(task.n_clips),
                str(len(task.vocabulary)),
            ]
            for task in content.tasks
        ],
    )
    yield "## How to make it again"
    fence = "`" * max(
        3, 1 + max((len(ticks) for line in content.commands for ticks in re.findall("`+", line)), default=0)
    )
    yield "\n".join([f"{fence}sh", *content.commands, fence])


def _skipped(content: Content) -> Iterator[str]:
    if content.skipped:
        yield "## Files that could not be used"
        yield "\n".join(f"- {_code(skipped.file)}: {_safe(skipped.reason)}" for skipped in content.skipped)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of safe cells: the first column to the left, the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _safe(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no end of a table cell."""
    text = html.escape(" ".join(str(text).split()), quote=False)
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    return re.sub(r"^([#>+-]|\d+[.)])(?=\s)", r"\\\1", text)


def _code(text: str) -> str:
    """Text as a code span that may stand in a table."""
    text = " ".join(str(text).split()).replace("|", "¦")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text else MISSING
