"""Whether a result's predictions support its scores: every score is computed from them again."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from hear_audiomosaic.errors import MetricError, ResultError
from hear_audiomosaic.files import sha256_of_file
from hear_audiomosaic.metrics import evaluate_clips, evaluate_events
from hear_audiomosaic.metrics.scores import SCORES
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.results.predictions import FoldPredictions, Predictions
from hear_audiomosaic.results.schema import Result

__all__ = ["contradiction", "has_predictions"]

_SAME = 1e-6
"""Largest difference, relative above 1, of what counts as the same score; some are recorded as float32."""


def has_predictions(path: Path, result: Result) -> bool:
    """Whether the file of predictions that a result names stands beside it.

    Args:
        path: of the result file.
        result: what is in it.
    """
    name = result.predictions
    return name is not None and not plain_name_fault(name, "predictions file") and path.with_name(name).is_file()


def contradiction(path: Path, result: Result) -> str | None:
    """What the predictions beside a result file say against it.

    Scores are compared where the scoring code is the result's own, or the result is from before that was recorded.

    Args:
        path: of the result file.
        result: what is in it.

    Returns:
        The reason, with no path in it; None where they agree or there are none. Of a result from before the digest of
        its predictions was recorded, what cannot be read or scored counts as not there.
    """
    if result.status != "success" or not has_predictions(path, result):
        return None
    name, digest = result.predictions or "", result.predictions_digest
    file = path.with_name(name)
    try:
        if digest is not None and sha256_of_file(file) != digest:
            return f"{name} beside it is not the file of predictions that was written with it"
        if result.manifest.scoring_version not in {None, SCORING_VERSION}:
            return None
        folds = Predictions.load(file, [fold.split for fold in result.folds])
        for recorded, predictions in zip(result.folds, folds, strict=True):
            for score, value in _scores(result, recorded.scores, predictions).items():
                stated = recorded.scores.get(score, value)
                if not _is_same(stated, value):
                    return f"{name} gives {score} = {value:.6g} on {recorded.split}, the result file says {stated:.6g}"
    except (OSError, ResultError, MetricError) as error:
        return None if digest is None else f"no score follows from {name} beside it: {error}".replace(str(file), name)
    return None


def _scores(result: Result, recorded: Mapping[str, float], predictions: FoldPredictions) -> dict[str, float]:
    """The recorded scores that this version knows, and their sub-scores, from the predictions.

    Raises:
        ResultError, MetricError: the predictions cannot be scored.
    """
    clip, event = (list(_of_kind(recorded, kind)) for kind in ("clip", "event"))
    if clip:
        predictions.require_classes(len(result.task.vocabulary))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a NaN score says it
        scores = evaluate_clips(clip, predictions.targets, predictions.probabilities) if clip else {}
        if event:
            if predictions.reference_events is None or predictions.predicted_events is None:
                raise MetricError("there are no events.")
            scores |= evaluate_events(event, predictions.reference_events, predictions.predicted_events)
    return scores


def _of_kind(recorded: Mapping[str, float], kind: str) -> Iterator[str]:
    yield from (name for name in recorded if name in SCORES and SCORES[name].kind == kind)


def _is_same(stated: float, value: float) -> bool:
    if math.isfinite(stated) and math.isfinite(value):
        return abs(stated - value) <= _SAME * max(1.0, abs(value))
    return stated == value or (math.isnan(stated) and math.isnan(value))
