"""Encoders x tasks x protocols x seeds -> result files, one after another; what is finished is not done again."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator

from hear_audiomosaic.bench.assemble import probe_task
from hear_audiomosaic.bench.cell import Cell, cells_of, differences
from hear_audiomosaic.bench.outcome import Outcome, result_of
from hear_audiomosaic.bench.plan import Plan, Summary
from hear_audiomosaic.embedding import TaskEmbeddings, embed_task, task_audio
from hear_audiomosaic.errors import FileError, HearAudioMosaicError, ResultError
from hear_audiomosaic.file_errors import file_errors, hits_every_file
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.objects import as_encoder, name_of
from hear_audiomosaic.probing.fold_predictions import fold_predictions
from hear_audiomosaic.probing.run import run_protocol
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import Result, read_result, write_result
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(plan: Plan, *, on_result: Callable[[Result], None] | None = None) -> Summary:
    """Run all that is not there yet.

    A failure of one encoder or one task is recorded and the rest is run. A run that was interrupted, by Ctrl-C, by a
    kill or by a full disk, resumes where it was when it is started again.

    Args:
        plan: what to run.
        on_result: called with each result as it is finished.

    Returns:
        What was done.

    Raises:
        FileError: the disk is full or read-only; what is finished is kept.
    """
    summary = Summary()
    for item in plan.encoders:
        try:
            encoder = as_encoder(item, device=plan.device)
        except HearAudioMosaicError as error:
            summary.failures.append(f"{name_of(item)}: {error}")
            continue
        for task in plan.tasks:
            for result in _run_task(plan, encoder, task, summary):
                if on_result is not None:
                    on_result(result)
    return summary


def _run_task(plan: Plan, encoder: Encoder, task: PreparedTask, summary: Summary) -> Iterator[Result]:
    """The results of one encoder on one task that were not there and did not fail, each written when it is yielded."""
    try:
        with file_errors("read"):
            audio = task_audio(task, encoder.sample_rate, plan.store_dir)
    except HearAudioMosaicError as error:
        for cell in cells_of(plan, encoder, task, None):
            _record_failure(cell, error, summary)
        return
    cells = list(cells_of(plan, encoder, task, audio))
    missing = [cell for cell in cells if not _is_finished(cell)]
    summary.kept.extend(cell.path for cell in cells if cell not in missing)
    if not missing:
        return
    try:
        with file_errors("used"):
            embeddings = embed_task(encoder, task, plan.store_dir, audio=audio)
    except HearAudioMosaicError as error:
        for cell in missing:
            _record_failure(cell, error, summary)
        return
    for cell in missing:
        try:
            with file_errors("used"):
                result = _probe(cell, embeddings, plan.device)
        except HearAudioMosaicError as error:
            _record_failure(cell, error, summary)
            continue
        embeddings = dataclasses.replace(embeddings, seconds=0.0, audio_seconds=0.0)  # the next result costs no more
        summary.finished.append(cell.path)
        yield result


def _is_finished(cell: Cell) -> bool:
    """Whether the cell's file is there and is its result; in what it is not is logged."""
    if not cell.path.is_file():
        return False
    try:
        result = read_result(cell.path)
    except ResultError as error:
        _log.warning("%s It is made again.", error)
        return False
    if result.status != "success":
        return False
    if others := differences(result, cell):
        _log.warning(
            "%s is made again: its %s changed, or was not recorded when it was made.", cell.path, ", ".join(others)
        )
        return False
    if result.encoder.label != cell.encoder.label:  # the same weights under another name
        encoder = result.encoder.model_copy(update={"label": cell.encoder.label})
        write_result(cell.path, result.model_copy(update={"encoder": encoder}))
    return True


def _probe(cell: Cell, embeddings: TaskEmbeddings, device: str) -> Result:
    """Probe, and write the predictions and the result."""
    task = probe_task(cell.task, embeddings)
    started = time.perf_counter()
    with progress_bar(None, f"probe {task.name}", "check") as bar:

        def on_check(text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update()

        probe = run_protocol(
            task, cell.protocol, seed=cell.seed, device=device, precision=cell.precision, progress=on_check
        )
    seconds = time.perf_counter() - started
    predictions = cell.path.with_suffix(".npz")
    folds = [fold_predictions(fold, cell.task.groups(fold.split)) for fold in probe.folds]
    Predictions(tuple(folds)).save(predictions)
    outcome = Outcome(
        probe=probe,
        predictions=predictions.name,
        embedding_seconds=embeddings.seconds,
        audio_seconds=embeddings.audio_seconds,
        probing_seconds=seconds,
    )
    result = result_of(cell, outcome)
    write_result(cell.path, result)
    return result


def _record_failure(cell: Cell, error: HearAudioMosaicError, summary: Summary) -> None:
    """A failure is a result, too, but where audio is gone it replaces none that was made from all else alike.

    Raises:
        FileError: a full or read-only disk, which is nothing of the cell and would fail every other one, too.
    """
    if isinstance(error, FileError) and hits_every_file(error):
        raise error
    summary.failures.append(f"{cell.encoder.ref.text} on {cell.task.card.name}: {error}")
    if cell.audio is None and _is_finished(cell):
        return
    try:
        write_result(cell.path, result_of(cell, error))
    except FileError as refused:
        if hits_every_file(refused):
            raise
        summary.failures.append(f"{cell.encoder.ref.text} on {cell.task.card.name}: that is not recorded: {refused}")
