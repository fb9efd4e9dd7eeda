"""The whole report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.render.markdown.tables import pipe_table, safe_label, table_section
from hear_audiomosaic.reporting.render.markdown.text import code, fenced, pipes, safe, summary
from hear_audiomosaic.reporting.tables.details import RunDetail, TaskDetail, task_details
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.reporting.tables.report import ProtocolTables
from hear_audiomosaic.reporting.text.captions import about_mean, about_scores
from hear_audiomosaic.reporting.text.citations import bibtex
from hear_audiomosaic.reporting.text.formats import count, decimals, marked_label, settings
from hear_audiomosaic.reporting.text.methods import methods
from hear_audiomosaic.reporting.text.uncertainty import about_units, overall_remarks, without_interval

__all__ = ["markdown"]


def markdown(content: ReportData, analyses: Sequence[Analysis]) -> str:
    """Write the report as Markdown.

    Args:
        content: what it is about.
        analyses: of its comparisons, in their order.
    """
    blocks = ["# Comparison of audio representations", *_notices(content)]
    for comparison, analysis in zip(content.comparisons, analyses, strict=True):
        tables = ProtocolTables.of(comparison, analysis)
        blocks += [
            f"## Protocol {safe(comparison.label)}",
            _caption(comparison),
            pipe_table(tables.scores, bold_mark=True),
            safe(about_scores(comparison, analysis)),
            safe(about_mean(comparison)),
            *map(safe, about_units(comparison, analysis)),
            *map(safe, without_interval(comparison, analysis)),
            *_failures(comparison),
            *_overall(tables.overall, comparison, analysis),
            *_pairs(tables.pairs, comparison),
            *([table_section(tables.leaderboard_ranks, level=3)] if tables.leaderboard_ranks else []),
        ]
    for comparison in content.comparisons:
        blocks.append(f"## Details, protocol {safe(comparison.label)}")
        for detail in task_details(comparison):
            blocks += _task(detail)
    blocks += [*_methods(content, analyses), *_cost(content), *_manifest(content), *_skipped(content)]
    return "\n\n".join(blocks) + "\n"


def _caption(comparison: Comparison) -> str:
    points = _numbers(comparison.grid_points)
    seeds = _numbers(comparison.seeds)
    official = "" if comparison.official else " **This is not the protocol of the HEAR 2021 evaluation.**"
    return (
        f"{len(comparison.rows)} encoders x {len(comparison.columns)} tasks. "
        f"Protocol **{safe(comparison.protocol)}**, {points} grid points, seeds {seeds}, "
        f"{safe(comparison.arithmetic)}, fingerprint {code(comparison.fingerprint[:12])}.{official}"
    )


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _notices(content: ReportData) -> Iterator[str]:
    if content.notices:
        yield "\n".join(f"- {safe(note)}" for note in content.notices)


def _failures(comparison: Comparison) -> Iterator[str]:
    if comparison.failures:
        yield "Failed:"
        yield "\n".join(
            f"- {safe_label(row.label, row.encoder.untrained)} on {safe(column.label)}, "
            f"seed {loaded.result.protocol.seed}: "
            f"{safe(loaded.result.error or 'no score in the file')} ({code(loaded.file)})"
            for row, column, loaded in comparison.failures
        )


def _overall(table: Table | None, comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    if table is not None:
        yield table_section(table, level=3)
    else:
        yield from map(safe, overall_remarks(comparison, analysis))


def _pairs(table: Table | None, comparison: Comparison) -> Iterator[str]:
    if table is None:
        return
    yield "### Neighbours compared"
    words = "mean" if comparison.mean_tasks else "label"
    yield (
        f"Encoders that follow each other in the table (by {words}), on the same test clips; all "
        "pairs are in `pairs.csv`. The difference is the first score minus the second. p is adjusted over the tasks of "
        "a pair; Holm's gives the verdict. (The mark † is adjusted over all pairs of encoders of "
        "a task, and so may differ.)"
    )
    yield pipe_table(table)


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
    label = summary(marked_label(run.row.label, run.row.encoder.untrained))
    yield f"<details><summary>{label}, seed {result.protocol.seed}: {outcome}</summary>"
    if run.failed:
        yield safe(result.error or "no score in the file")
    else:
        yield pipe_table(run.folds)
        yield f"Hyper-parameters: {safe(settings(run.hparams))}. Post-processing: {safe(run.postprocessing)}."
        if run.grid.rows:
            yield pipe_table(run.grid)
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
    yield pipes(
        header,
        [
            [
                safe_label(cost.label, cost.encoder.untrained),
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
    yield pipes(header, rows)
    yield pipes(
        ["encoder", "reference", "fingerprint", "sample rate (Hz)"],
        [
            [
                safe_label(row.label, row.encoder.untrained),
                code(row.encoder.ref),
                code(row.encoder.fingerprint[:12]),
                count(row.encoder.sample_rate_hz),
            ]
            for row in content.encoders
        ],
    )
    yield pipes(
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
