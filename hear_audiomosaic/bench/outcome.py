"""From what was to be run and what came of it to a result."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch

import hear_audiomosaic
from hear_audiomosaic.bench.cell import Cell
from hear_audiomosaic.bench.real_clips import Seen
from hear_audiomosaic.bench.unloaded import UnloadedEncoder
from hear_audiomosaic.errors import EncoderError, HearAudioMosaicError
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.metrics import get_score
from hear_audiomosaic.metrics.chance import chance_level
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing.data import multi_hot
from hear_audiomosaic.probing.probe_result import GridPointResult, ProbeResult
from hear_audiomosaic.results.limits import TaskLimits
from hear_audiomosaic.results.schema import (
    STRICT,
    EncoderFacts,
    EventPostprocessing,
    FoldScores,
    Manifest,
    ProtocolFacts,
    Result,
    TaskFacts,
    TriedGridPoint,
)

__all__ = ["Outcome", "result_of"]

_NOTHING_SEEN = Seen()


@dataclass(frozen=True)
class Outcome:
    """What came of a cell that did not fail."""

    probe: ProbeResult
    predictions: str
    """Name of the file of the predictions, beside the result file."""
    predictions_digest: str
    """SHA-256 of that file."""
    embeddings_digest: str
    """Of what was probed."""
    embedding_seconds: float
    """Of this run; clips taken from the store cost nothing."""
    audio_seconds: float
    """Audio that was embedded in this run."""
    probing_seconds: float
    limits: TaskLimits | None = None
    """What bounds the score whatever the probe learns."""
    seen: Seen = _NOTHING_SEEN
    """What was seen of the encoder on the task's clips."""


def result_of(cell: Cell, outcome: Outcome | HearAudioMosaicError) -> Result:
    """The result of a cell, of one that failed by its error."""
    if isinstance(outcome, HearAudioMosaicError):
        return _result(cell, status="error", error=str(outcome), manifest=_manifest(cell.encoder, 0.0, 0.0, 0.0))
    probe = outcome.probe
    costs = outcome.embedding_seconds, outcome.probing_seconds, outcome.audio_seconds
    return _result(
        cell,
        status="success",
        chance=_chance(cell),
        limits=outcome.limits,
        seen=outcome.seen,
        folds=tuple(
            FoldScores.from_named(fold.split, fold.scores).model_copy(update={"unconverged": fold.unconverged})
            for fold in probe.folds
        ),
        grid_points=tuple(_grid_point(point) for point in probe.grid_points),
        winner=[point.hparams for point in probe.grid_points].index(probe.hparams),
        predictions=outcome.predictions,
        predictions_digest=outcome.predictions_digest,
        embeddings_digest=outcome.embeddings_digest,
        manifest=_manifest(cell.encoder, *costs),
    )


def _result(
    cell: Cell,
    chance: float | None = None,
    limits: TaskLimits | None = None,
    seen: Seen = _NOTHING_SEEN,
    **outcome: Any,
) -> Result:
    """What was to be run, and what came of it."""
    score = get_score(cell.task.card.evaluation[0])
    return Result(
        encoder=_encoder_facts(cell, seen),
        task=_task_facts(cell, chance, limits),
        protocol=ProtocolFacts(
            name=cell.protocol.name + (STRICT if cell.protocol.strict else ""),
            fingerprint=cell.protocol.fingerprint,
            n_grid_points=cell.protocol.n_grid_points,
            seed=cell.seed,
            precision=cell.precision,
        ),
        store_dtype=cell.store_dtype,
        score_name=score.name,
        higher_is_better=score.higher_is_better,
        **outcome,
    )


def _chance(cell: Cell) -> float | None:
    """Of the task's first score, from the labels that each fold trains on and those it tests; None for events."""
    task = cell.task
    if task.card.embedding_type == "event":
        return None
    targets = {split: multi_hot(list(task.labels(split).values()), task.vocabulary) for split in task.splits}
    folds = [(np.concatenate([targets[split] for split in fold.train]), targets[fold.test]) for fold in task.card.folds]
    return chance_level(task.card.evaluation[0], folds)


def _encoder_facts(cell: Cell, seen: Seen) -> EncoderFacts:
    encoder, timed = cell.encoder, cell.task.card.embedding_type == "event"
    return EncoderFacts(
        ref=encoder.ref.text,
        label=encoder.label,
        untrained=encoder.untrained,
        fingerprint=encoder.fingerprint,
        sample_rate_hz=encoder.sample_rate,
        embedding_size=_embedding_size(encoder, timed),
        n_parameters=encoder.n_parameters,
        parts=None if encoder.inventory is None else encoder.inventory.parts,
        card=encoder.card,
        batch=encoder.batch,
        coercions=seen.coercions,
        findings=seen.findings,
    )


def _embedding_size(encoder: Encoder | UnloadedEncoder, timed: bool) -> int | None:
    """Of one kind; None where it is not stated, and an encoder that failed cannot show it."""
    try:
        return encoder.timestamp_embedding_size if timed else encoder.scene_embedding_size
    except EncoderError:  # as its result says
        return None


def _task_facts(cell: Cell, chance: float | None, limits: TaskLimits | None) -> TaskFacts:
    task, card, audio = cell.task, cell.task.card, cell.audio
    return TaskFacts(
        name=card.label,
        directory=task.directory.name,
        digest=task.digest,
        title=card.title or card.label,
        domain=card.domain,
        embedding_type=card.embedding_type,
        prediction_type=card.prediction_type,
        split_mode=card.split_mode,
        n_clips=sum(len(task.labels(split)) for split in task.splits),
        vocabulary=task.vocabulary,
        chance=chance,
        groups_digest=task.groups_digest,
        audio_digest=None if audio is None else audio.digest,
        audio_rate_hz=None if audio is None else audio.rate_hz,
        n_groups=task.n_groups,
        shared_group_clips=task.shared_group_clips,
        limits=limits,
    )


def _grid_point(point: GridPointResult) -> TriedGridPoint:
    return TriedGridPoint(
        hparams=dict(point.hparams),
        postprocessing=EventPostprocessing(**dict(point.postprocessing)) if point.postprocessing else None,
        validation_score=point.validation_score,
        epoch=point.epoch,
    )


def _manifest(encoder: Encoder | UnloadedEncoder, embedding_s: float, probing_s: float, audio_s: float) -> Manifest:
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
        scoring_version=SCORING_VERSION,
    )
