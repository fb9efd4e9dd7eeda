"""The page's details of every result: :mod:`~hear_audiomosaic.reporting.tables.details`, and errors by clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.analysis.class_errors import class_errors
from hear_audiomosaic.reporting.analysis.mistakes import Mistake
from hear_audiomosaic.reporting.comparison.model import Comparison, TaskColumn
from hear_audiomosaic.reporting.figures.confusion import confusion_figure
from hear_audiomosaic.reporting.render.html.audio_playback import AudioPlayback
from hear_audiomosaic.reporting.tables.class_errors import MOST_CLASSES, class_errors_table, confusions_table
from hear_audiomosaic.reporting.tables.details import RunDetail, task_details
from hear_audiomosaic.reporting.tables.model import Table
from hear_audiomosaic.results.load import LoadedResult, scene_predictions

__all__ = ["HeardMistake", "PageRun", "PageTask", "page_tasks"]


@dataclass(frozen=True)
class HeardMistake:
    """A mistake, and what its audio element plays."""

    mistake: Mistake
    source: str
    """Empty where there is nothing to play."""


@dataclass(frozen=True)
class PageRun:
    """One result on the page."""

    run: RunDetail
    why_not: str = ""
    """Why there are no errors by class or no matrix; empty where there are."""
    errors: Table | None = None
    """By class."""
    matrix: Markup | None = None
    confusions: Table | None = None
    """In place of a matrix that is too large."""
    mistakes: tuple[HeardMistake, ...] = ()


@dataclass(frozen=True)
class PageTask:
    """One column on the page."""

    column: TaskColumn
    runs: tuple[PageRun, ...]


def page_tasks(comparison: Comparison, results_dir: Path | None, playback: AudioPlayback) -> tuple[PageTask, ...]:
    """Details of every result of a comparison, in the order of its columns and rows.

    Args:
        comparison: one protocol.
        results_dir: the folder that the results were read from; None: predictions are not looked for.
        playback: how mistakes can be heard.
    """
    return tuple(
        PageTask(detail.column, tuple(_run(run, results_dir, playback) for run in detail.runs))
        for detail in task_details(comparison)
    )


def _run(run: RunDetail, results_dir: Path | None, playback: AudioPlayback) -> PageRun:
    result = run.result
    if run.failed:
        return PageRun(run)
    if result.task.embedding_type == "event":
        why = "Scored by events, of which a clip holds several: there is no matrix of classes and no list of clips."
        return PageRun(run, why)
    if results_dir is None:
        return PageRun(run, "The predictions were not read.")
    try:
        predictions = scene_predictions(results_dir, LoadedResult(run.file, result))
    except ResultError as error:
        return PageRun(run, f"No errors by class: {error}")
    errors = class_errors(result, predictions)
    matrix, why = None, ""
    if errors.confusion is not None and len(errors.confusion.labels) <= MOST_CLASSES:
        matrix = confusion_figure(errors.confusion)
    elif errors.confusion is not None:
        why = f"{len(errors.confusion.labels)} classes are too many for a matrix; the most frequent confusions:"
    heard = tuple(HeardMistake(one, playback.source(one)) for one in playback.mistakes(result, predictions))
    return PageRun(run, why, class_errors_table(errors), matrix, confusions_table(errors), heard)
