"""The report as Markdown (GitHub's dialect)."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis, CellUncertainty
from hear_audiomosaic.reporting.comparison.details import RunDetail, TaskDetail, task_details
from hear_audiomosaic.reporting.comparison.model import Cell, Comparison, Row
from hear_audiomosaic.reporting.comparison.report_data import ReportData, about_mean, about_scores
from hear_audiomosaic.reporting.render.markdown_analysis import overall_section, pairs_section, placing_section
from hear_audiomosaic.reporting.render.markdown_text import code, fenced, safe, table
from hear_audiomosaic.reporting.text.citations import bibtex
from hear_audiomosaic.reporting.text.formats import MISSING, count, decimals, settings
from hear_audiomosaic.reporting.text.methods import methods
from hear_audiomosaic.reporting.text.uncertainty import interval_text, without_interval

__all__ = ["main_table", "markdown"]


def markdown(content: ReportData, analyses: Sequence[Analysis]) -> str:
    """Write the report as Markdown.

    Args:
        content: what it is about.
        analyses: of its comparisons, in their order.
    """
    blocks = ["# Comparison of audio representations", *_notices(content)]
    for comparison, analysis in zip(content.comparisons, analyses, strict=True):
        blocks += [
            f"## Protocol {safe(comparison.label)}",
            _caption(comparison),
            main_table(comparison, analysis),
            safe(about_scores(comparison, analysis)),
            safe(about_mean(comparison)),
            *map(safe, without_interval(comparison, analysis)),
            *_failures(comparison),
            *overall_section(comparison, analysis),
            *pairs_section(comparison, analysis),
            *placing_section(analysis),
        ]
    for comparison in content.comparisons:
        blocks.append(f"## Details, protocol {safe(comparison.label)}")
        for detail in task_details(comparison):
            blocks += _task(detail)
    blocks += [*_methods(content, analyses), *_cost(content), *_manifest(content), *_skipped(content)]
    return "\n\n".join(blocks) + "\n"


def main_table(comparison: Comparison, analysis: Analysis | None = None) -> str:
    """The table encoders x tasks of one protocol, as Markdown.

    Args:
        comparison: the results.
        analysis: of them; None: without intervals and daggers.
    """
    averaged = bool(comparison.mean_tasks)
    header = ["encoder", *(["mean ↑"] if averaged else [])]
    header += [f"{safe(column.label)}<br>{safe(column.score_name)} {column.arrow}" for column in comparison.columns]
    rows = [
        [
            _encoder(row),
            *([decimals(row.mean)] if averaged else []),
            *(
                _cell(cell, analysis.cell(row.label, column.label) if analysis else None)
                for column, cell in zip(comparison.columns, row.cells, strict=True)
            ),
        ]
        for row in comparison.rows
    ]
    if comparison.has_chance:
        chance = [decimals(column.chance) for column in comparison.columns]
        rows.append(["*chance*", *([decimals(comparison.chance_mean)] if averaged else []), *chance])
    return table(header, rows)


def _caption(comparison: Comparison) -> str:
    points = _numbers(comparison.grid_points)
    seeds = _numbers(comparison.seeds)
    official = "" if comparison.official else " **This is not the protocol of the HEAR 2021 evaluation.**"
    return (
        f"{len(comparison.rows)} encoders x {len(comparison.columns)} tasks. "
        f"Protocol **{safe(comparison.protocol)}**, {points} grid points, seeds {seeds}, "
        f"{safe(comparison.precision)}, fingerprint {code(comparison.fingerprint[:12])}.{official}"
    )


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _encoder(row: Row) -> str:
    return safe(row.label) + (" **[UNTRAINED]**" if row.encoder.untrained else "")


def _cell(cell: Cell, firm: CellUncertainty | None) -> str:
    if cell.state == "missing":
        return MISSING
    if cell.state == "failed":
        return "failed"
    score = f"**{decimals(cell.score)}**" if cell.best else decimals(cell.score)
    score += "†" if firm is not None and firm.tied and not cell.best else ""
    return " ".join([score, *(part for part in (safe(interval_text(cell, firm)), _remark(cell)) if part)])


def _remark(cell: Cell) -> str:
    return f"[{cell.remark}]" if cell.remark else ""


def _notices(content: ReportData) -> Iterator[str]:
    if content.notices:
        yield "\n".join(f"- {safe(note)}" for note in content.notices)


def _failures(comparison: Comparison) -> Iterator[str]:
    if comparison.failures:
        yield "Failed:"
        yield "\n".join(
            f"- {_encoder(row)} on {safe(column.label)}, seed {loaded.result.protocol.seed}: "
            f"{safe(loaded.result.error or 'no score in the file')} ({code(loaded.file)})"
            for row, column, loaded in comparison.failures
        )


def _task(detail: TaskDetail) -> Iterator[str]:
    task, column = detail.column.task, detail.column
    yield f"### {safe(column.label)}"
    yield (
        f"{safe(task.title)}. {safe(f'{task.domain}, ') if task.domain else ''}"
        f"{task.embedding_type}, {task.prediction_type}, "
        f"{safe(task.split_mode)}, {count(task.n_clips)} clips, {len(task.vocabulary)} classes; "
        f"primary score {safe(column.score_name)} {column.arrow}, chance {decimals(column.chance)}."
    )
    for run in detail.runs:
        yield from _run(run)


def _run(run: RunDetail) -> Iterator[str]:
    result = run.result
    outcome = "failed" if run.failed else decimals(result.score)
    label = html.escape(run.row.label) + (" [UNTRAINED]" if run.row.encoder.untrained else "")
    yield f"<details><summary>{label}, seed {result.protocol.seed}: {outcome}</summary>"
    if run.failed:
        yield safe(result.error or "no score in the file")
    else:
        yield table([safe(name) for name in run.folds.header], [[safe(v) for v in row] for row in run.folds.rows])
        yield f"Hyper-parameters: {safe(settings(run.hparams))}. Post-processing: {safe(run.postprocessing)}."
        if run.grid.rows:
            rows = [[safe(value) for value in row] for row in run.grid.rows]
            if run.grid.marked is not None:
                rows[run.grid.marked] = [f"**{value}**" for value in rows[run.grid.marked]]
            yield table([safe(name) for name in run.grid.header], rows)
    yield "</details>"


def _methods(content: ReportData, analyses: Sequence[Analysis]) -> Iterator[str]:
    yield "## Methods"
    yield from map(safe, methods(content, analyses))
    yield "To be cited, as far as they are compared here:"
    yield fenced(bibtex(content).rstrip().split("\n"), "bibtex")


def _cost(content: ReportData) -> Iterator[str]:
    yield "## Cost"
    yield (
        "Over all results that succeeded. Clips whose embeddings were in the store already cost nothing and are not "
        "counted as audio."
    )
    header = ["encoder", "device", "parameters", "embedding size", "audio (s)", "embedding (s)"]
    header += ["audio seconds per second", "probing (s)", "results"]
    yield table(
        header,
        [
            [
                safe(cost.label) + (" **[UNTRAINED]**" if cost.encoder.untrained else ""),
                safe(cost.device),
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


def _manifest(content: ReportData) -> Iterator[str]:
    yield "## Manifest"
    header = ["hear_audiomosaic", "python", "torch", "numpy", "platform", "device", "results", "first", "last"]
    rows = []
    for found in content.environments:
        made = found.manifest
        software = [made.package_version, made.python, made.torch, made.numpy, made.platform, made.device]
        rows.append([*map(safe, software), str(found.n_results), safe(made.created), safe(found.last_created)])
    yield table(header, rows)
    yield table(
        ["encoder", "reference", "fingerprint", "sample rate (Hz)"],
        [
            [
                _encoder(row),
                code(row.encoder.ref),
                code(row.encoder.fingerprint[:12]),
                count(row.encoder.sample_rate_hz),
            ]
            for row in content.encoders
        ],
    )
    yield table(
        ["task", "directory", "digest", "clips", "classes"],
        [
            [
                safe(task.name),
                code(task.directory),
                code(task.digest[:12]),
                count(task.n_clips),
                str(len(task.vocabulary)),
            ]
            for task in content.tasks
        ],
    )
    yield "## How to make it again"
    yield fenced(content.commands, "sh")


def _skipped(content: ReportData) -> Iterator[str]:
    if content.skipped:
        yield "## Files that could not be used"
        yield "\n".join(f"- {code(skipped.file)}: {safe(skipped.reason)}" for skipped in content.skipped)
