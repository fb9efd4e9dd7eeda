"""Encoders x tasks x protocols x seeds -> result files, one after another; what is finished is not done again."""

from __future__ import annotations

import dataclasses
import logging
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch

import hear_audiomosaic
from hear_audiomosaic.bench.assemble import probe_task
from hear_audiomosaic.bench.chance import chance_level
from hear_audiomosaic.bench.plan import Plan, Summary
from hear_audiomosaic.embedding import TaskEmbeddings, embed_task
from hear_audiomosaic.errors import HearAudioMosaicError, ResultError
from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.hear import Encoder, load_encoder
from hear_audiomosaic.metrics import get_score
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.probing.run import ProbeResult, run_protocol
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.results.predictions import fold_arrays, to_npz
from hear_audiomosaic.results.schema import (
    EncoderFacts,
    FoldScores,
    Manifest,
    ProtocolFacts,
    Result,
    TaskFacts,
    read_result,
    write_result,
)
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["run"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Cell:
    """One result to be: a protocol with a seed, on a task."""

    path: Path
    protocol: Protocol
    seed: int


def run(plan: Plan, told: Callable[[Result], None] = lambda result: None) -> Summary:
    """Run all that is not there yet.

    A failure of one encoder or one task is recorded and the rest goes on. A run that was interrupted, by Ctrl-C or
    by a kill, goes on where it was when it is started again.

    Args:
        plan: what to run.
        told: called with each result as it is finished.

    Returns:
        What was done.
    """
    summary = Summary()
    for reference in plan.encoders:
        try:
            encoder = load_encoder(reference, plan.device)
        except HearAudioMosaicError as error:
            summary.failures.append(f"{reference}: {error}")
            continue
        for task in plan.tasks:
            _run_task(plan, encoder, task, summary, told)
    return summary


def _run_task(
    plan: Plan, encoder: Encoder, task: PreparedTask, summary: Summary, told: Callable[[Result], None]
) -> None:
    cells = list(_cells(plan, encoder, task))
    missing = [cell for cell in cells if not _is_finished(cell, plan, encoder, task)]
    summary.kept.extend(cell.path for cell in cells if cell not in missing)
    if not missing:
        return
    try:
        embeddings = embed_task(encoder, task, plan.store_dir)
    except HearAudioMosaicError as error:
        for cell in missing:
            _record_failure(cell, plan, encoder, task, error, summary)
        return
    for cell in missing:
        try:
            result = _probe(cell, plan, encoder, task, embeddings)
        except HearAudioMosaicError as error:
            _record_failure(cell, plan, encoder, task, error, summary)
            continue
        embeddings = dataclasses.replace(embeddings, seconds=0.0, audio_seconds=0.0)  # the next result costs no more
        summary.finished.append(cell.path)
        told(result)


def _cells(plan: Plan, encoder: Encoder, task: PreparedTask) -> Iterator[_Cell]:
    folder = plan.out / encoder.ref.slug / task.directory.name
    for protocol in plan.protocols:
        for seed in plan.seeds:
            suffix = "" if plan.precision == "fp32" else f"-{plan.precision}"
            yield _Cell(folder / f"{protocol.name}-seed{seed}{suffix}.json", protocol, seed)


def _is_finished(cell: _Cell, plan: Plan, encoder: Encoder, task: PreparedTask) -> bool:
    """Whether the cell's file is there and was made from the same weights, data and protocol."""
    if not cell.path.is_file():
        return False
    try:
        result = read_result(cell.path)
    except ResultError as error:
        _log.warning("%s It is made again.", error)
        return False
    found = (result.encoder.fingerprint, result.task.digest, result.protocol.fingerprint, result.protocol.precision)
    wanted = (encoder.fingerprint, task.digest, cell.protocol.fingerprint, plan.precision)
    return result.status == "success" and found == wanted


def _probe(cell: _Cell, plan: Plan, encoder: Encoder, task: PreparedTask, embeddings: TaskEmbeddings) -> Result:
    arrays = probe_task(task, embeddings)
    started = time.perf_counter()
    with progress_bar(None, f"probe {task.card.name}", "check") as bar:

        def told(text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update()

        probed = run_protocol(
            arrays, cell.protocol, seed=cell.seed, device=plan.device, precision=plan.precision, progress=told
        )
    seconds = time.perf_counter() - started
    predictions = cell.path.with_suffix(".npz")
    by_fold = {f"{fold.split}/{name}": array for fold in probed.folds for name, array in fold_arrays(fold).items()}
    for fold in probed.folds:
        groups = task.groups(fold.split)
        if groups:  # what belongs together is resampled together
            by_fold[f"{fold.split}/group"] = np.array([groups.get(name, name) for name in fold.files], dtype=np.str_)
    write_bytes(predictions, to_npz(by_fold))
    result = _base(cell, plan, encoder, task).model_copy(
        update={
            "status": "success",
            "score": probed.score,
            "score_std": probed.aggregated.get("test_score_std"),
            "folds": tuple(FoldScores(split=fold.split, scores=fold.scores) for fold in probed.folds),
            "aggregated": dict(probed.aggregated),
            "hparams": dict(probed.hparams),
            "postprocessing": probed.postprocessing,
            "grid_points": tuple(probed.grid_points),
            "predictions": predictions.name,
            "task": _task_facts(task, probed),
            "manifest": _manifest(encoder, embeddings.seconds, seconds, embeddings.audio_seconds),
        }
    )
    write_result(cell.path, Result.model_validate(result.model_dump()))
    return result


def _record_failure(
    cell: _Cell, plan: Plan, encoder: Encoder, task: PreparedTask, error: HearAudioMosaicError, summary: Summary
) -> None:
    summary.failures.append(f"{encoder.ref.text} on {task.card.name}: {error}")
    write_result(cell.path, _base(cell, plan, encoder, task).model_copy(update={"error": str(error)}))


def _base(cell: _Cell, plan: Plan, encoder: Encoder, task: PreparedTask) -> Result:
    """The result of a cell before anything is known: what was to be run, and that it has not succeeded."""
    primary = task.card.evaluation[0]
    timed = task.card.embedding_type == "event"
    return Result(
        status="error",
        encoder=EncoderFacts(
            ref=encoder.ref.text,
            label=encoder.label,
            untrained=encoder.untrained,
            fingerprint=encoder.fingerprint,
            sample_rate_hz=encoder.sample_rate,
            embedding_size=encoder.timestamp_embedding_size if timed else encoder.scene_embedding_size,
            n_parameters=encoder.n_parameters,
            card=encoder.card,
        ),
        task=_task_facts(task),
        protocol=ProtocolFacts(
            name=cell.protocol.name,
            fingerprint=cell.protocol.fingerprint,
            n_grid_points=cell.protocol.n_grid_points,
            seed=cell.seed,
            precision=plan.precision,
        ),
        score_name=primary,
        higher_is_better=get_score(primary).higher_is_better,
        manifest=_manifest(encoder, 0.0, 0.0, 0.0),
    )


def _task_facts(task: PreparedTask, probed: ProbeResult | None = None) -> TaskFacts:
    card = task.card
    targets = [fold.targets for fold in probed.folds] if probed else []
    return TaskFacts(
        name=card.name,
        directory=task.directory.name,
        digest=task.digest,
        title=card.title or card.name,
        domain=card.domain,
        embedding_type=card.embedding_type,
        prediction_type=card.prediction_type,
        split_mode=card.split_mode,
        n_clips=sum(len(task.labels(split)) for split in task.splits),
        vocabulary=task.vocabulary,
        chance=chance_level(card.evaluation[0], targets) if targets else None,
    )


def _manifest(encoder: Encoder, embedding_s: float, probing_s: float, audio_s: float) -> Manifest:
    return Manifest(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        package_version=hear_audiomosaic.__version__,
        python=sys.version.split()[0],
        torch=torch.__version__,
        numpy=np.__version__,
        platform=platform.platform(terse=True),
        device=torch.cuda.get_device_name() if encoder.device.type == "cuda" else "cpu",
        embedding_seconds=round(embedding_s, 3),
        probing_seconds=round(probing_s, 3),
        audio_seconds=round(audio_s, 3),
    )
