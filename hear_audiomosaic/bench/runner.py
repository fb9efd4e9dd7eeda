"""Encoders x tasks x protocols x seeds -> result files, one after another; what is finished is not done again."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hear_audiomosaic.bench.assemble import probe_task
from hear_audiomosaic.bench.cell import Cell, cells_of, differences
from hear_audiomosaic.bench.limits import limits_of, tell_limits
from hear_audiomosaic.bench.outcome import Outcome, result_of
from hear_audiomosaic.bench.plan import Plan, Summary
from hear_audiomosaic.bench.rates import tell_rate
from hear_audiomosaic.bench.real_clips import Seen, seen_on_clips
from hear_audiomosaic.bench.unloaded import unloaded
from hear_audiomosaic.embedding import TaskEmbeddings, embed_task, task_audio, task_stores
from hear_audiomosaic.errors import FileError, HearAudioMosaicError, ResultError
from hear_audiomosaic.file_errors import file_errors, hits_every_file
from hear_audiomosaic.files import sha256_of_file
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.objects import EncoderLike, Labelled, as_encoder, name_of
from hear_audiomosaic.hear.surroundings import kept
from hear_audiomosaic.probing.fold_predictions import fold_predictions
from hear_audiomosaic.probing.run import run_protocol
from hear_audiomosaic.probing.unfinished import Unfinished, remove_abandoned, unfinished_folder
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import Result, read_result, write_result
from hear_audiomosaic.results.support import contradiction, has_predictions
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
        with kept():  # dtypes, random numbers, ...: an encoder's results do not depend on those before it
            for result in _run_encoder(plan, item, summary):
                if on_result is not None:
                    on_result(result)
    for folder in remove_abandoned(plan.out, summary.asked):
        _log.info("Removed %s: the unfinished probe of a result that is not asked for any more.", folder)
    return summary


def _run_encoder(plan: Plan, item: EncoderLike | Labelled, summary: Summary) -> Iterator[Result]:
    """The results of one encoder, as :func:`_run_task` has them."""
    try:
        encoder = as_encoder(item, device=plan.device)
        _ = encoder.fingerprint, encoder.n_parameters  # what results record of it, before anything is embedded
    except HearAudioMosaicError as error:
        _record_unloaded(plan, item, error, summary)
        return
    loading = dict(encoder.coercions)
    for task in plan.tasks:
        before = {sentence: n for sentence, n in encoder.coercions.items() if sentence not in loading}
        yield from _run_task(plan, encoder, task, summary, before)


def _run_task(
    plan: Plan, encoder: Encoder, task: PreparedTask, summary: Summary, before: Mapping[str, int]
) -> Iterator[Result]:
    """The results of one encoder on one task that were not there and did not fail, each written when it is yielded.

    ``before``: the encoder's coercions on other tasks.
    """
    audio = embeddings = None
    summary.asked.extend(cell.path for cell in cells_of(plan, encoder, task, None))
    try:
        with file_errors("used"):
            is_begun = any(
                store.is_begun for store in task_stores(encoder, task, plan.store_dir, plan.store_dtype).values()
            )
            there = [cell.path.exists() for cell in cells_of(plan, encoder, task, None)]
            is_new = not is_begun and not any(there)
            if not all(there):
                tell_rate(encoder, task)
            if not is_new:
                audio = task_audio(task, encoder.sample_rate, plan.store_dir)
            if is_begun or is_new:
                # Made whole and sure of also where all results are there: it says whether they were made from it.
                embeddings = embed_task(encoder, task, plan.store_dir, audio=audio, dtype=plan.store_dtype)
                audio = embeddings.audio
    except HearAudioMosaicError as error:
        for cell in cells_of(plan, encoder, task, audio):
            _record_failure(cell, error, summary)
        return
    cells = list(cells_of(plan, encoder, task, audio, embeddings.digest if embeddings else None))
    missing = [cell for cell in cells if not _is_finished(cell)]
    for cell in cells:
        if cell not in missing:
            summary.kept.append(cell.path)
            Unfinished(unfinished_folder(cell.path)).remove()  # of a run that was killed after it wrote the result
    if not missing:
        return
    try:
        with file_errors("used"):
            embeddings = embeddings or embed_task(encoder, task, plan.store_dir, audio=audio, dtype=plan.store_dtype)
            seen = seen_on_clips(encoder, task, embeddings.audio, before)
    except HearAudioMosaicError as error:
        for cell in missing:
            _record_failure(cell, error, summary)
        return
    for cell in missing:
        try:
            with file_errors("used"):
                result = _probe(cell, embeddings, plan.device, seen)
        except HearAudioMosaicError as error:
            _record_failure(cell, error, summary)
            continue
        embeddings = dataclasses.replace(embeddings, seconds=0.0, audio_seconds=0.0)  # the next result costs no more
        summary.finished.append(cell.path)
        if cell is missing[0]:
            tell_limits(result)
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
    if not has_predictions(cell.path, result):
        _log.warning("%s is made again: its predictions are not beside it.", cell.path)
        return False
    if reason := contradiction(cell.path, result):
        _log.warning("%s is made again: %s.", cell.path, reason)
        return False
    if result.encoder.label != cell.encoder.label:  # the same weights under another name
        encoder = result.encoder.model_copy(update={"label": cell.encoder.label})
        write_result(cell.path, result.model_copy(update={"encoder": encoder}))
    return True


def _probe(cell: Cell, embeddings: TaskEmbeddings, device: str, seen: Seen) -> Result:
    """Probe, and write the predictions and the result."""
    task = probe_task(cell.task, embeddings)
    digest = embeddings.digest
    unfinished = Unfinished(unfinished_folder(cell.path))
    started = time.perf_counter()
    with progress_bar(None, f"probe {task.name}", "check") as bar:

        def on_check(text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update()

        probe = run_protocol(
            task,
            cell.protocol,
            seed=cell.seed,
            device=device,
            precision=cell.precision,
            progress=on_check,
            unfinished=unfinished,
        )
    seconds = time.perf_counter() - started + unfinished.earlier_s
    predictions = cell.path.with_suffix(".npz")
    folds = [fold_predictions(fold, cell.task.groups(fold.split)) for fold in probe.folds]
    Predictions(tuple(folds)).save(predictions)
    outcome = Outcome(
        probe=probe,
        predictions=predictions.name,
        predictions_digest=sha256_of_file(predictions),
        embeddings_digest=digest,
        embedding_seconds=embeddings.seconds,
        audio_seconds=embeddings.audio_seconds,
        probing_seconds=seconds,
        limits=limits_of(cell.task, task, cell.protocol, embeddings),
        seen=seen,
    )
    result = result_of(cell, outcome)
    write_result(cell.path, result)
    unfinished.remove()
    return result


def _record_failure(cell: Cell, error: HearAudioMosaicError, summary: Summary) -> None:
    """A failure is a result, too, but it replaces none that was made from all that is there alike.

    Raises:
        FileError: a full or read-only disk, which is nothing of the cell and would fail every other one, too.
    """
    if isinstance(error, FileError) and hits_every_file(error):
        raise error
    summary.failures.append(f"{cell.encoder.ref.text} on {cell.task.card.name}: {error}")
    if _is_finished(cell):
        return
    _write_failure(cell, error, summary)


def _write_failure(cell: Cell, error: HearAudioMosaicError, summary: Summary) -> None:
    try:
        write_result(cell.path, result_of(cell, error))
    except FileError as refused:
        if hits_every_file(refused):
            raise
        summary.failures.append(f"{cell.encoder.ref.text} on {cell.task.card.name}: that is not recorded: {refused}")


def _record_unloaded(plan: Plan, item: EncoderLike | Labelled, error: HearAudioMosaicError, summary: Summary) -> None:
    """An encoder that cannot be loaded fails in every cell, but replaces no success: that may well be its own."""
    summary.failures.append(f"{name_of(item)}: {error}")
    encoder = unloaded(item)
    if encoder is None:
        return
    for task in plan.tasks:
        for cell in cells_of(plan, encoder, task, None):
            summary.asked.append(cell.path)
            if not _is_success(cell.path):
                _write_failure(cell, error, summary)


def _is_success(path: Path) -> bool:
    try:
        return path.is_file() and read_result(path).status == "success"
    except ResultError:
        return False
