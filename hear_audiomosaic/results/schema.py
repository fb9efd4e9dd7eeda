"""The result file: one encoder x one task x one protocol x one seed, validated when written and when read.

``RESULTS/<encoder>/<task>/<protocol>-seed<k>.json`` (``-bf16`` after the seed at that precision), with the test
predictions beside it in an ``.npz`` of the same stem. Scores that are not finite (a perfect class has an infinite d')
are the strings "Infinity" and "NaN", so that the file is strict JSON.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.hear.card import EncoderCard

__all__ = [
    "SCHEMA_VERSION",
    "EncoderFacts",
    "FoldScores",
    "Manifest",
    "ProtocolFacts",
    "Result",
    "TaskFacts",
    "find_results",
    "read_predictions",
    "read_result",
    "write_result",
]

SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class EncoderFacts(_Record):
    """Which encoder, and what it is."""

    ref: str
    label: str
    """As tables show it; untrained encoders are marked."""
    untrained: bool
    fingerprint: str
    sample_rate_hz: int
    embedding_size: int
    """Of the kind that the task takes, scene or timestamp."""
    n_parameters: int
    card: EncoderCard | None = None
    """What it is and whom to cite; null in results from before there were cards, or where nothing is stated."""


class TaskFacts(_Record):
    """Which task, as prepared."""

    name: str
    directory: str
    digest: str
    title: str
    domain: str
    embedding_type: Literal["scene", "event"]
    prediction_type: Literal["multiclass", "multilabel"]
    split_mode: str
    n_clips: int
    vocabulary: tuple[str, ...]
    chance: float | None = None
    """Score of a constant guess on the test clips; null where the score has none."""


class ProtocolFacts(_Record):
    """Which protocol, down to the seed."""

    name: str
    fingerprint: str
    n_grid_points: int
    seed: int
    precision: str


class FoldScores(_Record):
    """Scores of one test split."""

    split: str
    scores: dict[str, float]


class Manifest(_Record):
    """Where and with what it was made, and what it cost."""

    created: str
    package_version: str
    python: str
    torch: str
    numpy: str
    platform: str
    device: str
    embedding_seconds: float
    """Wall time of this run's embedding; clips taken from the store cost nothing."""
    probing_seconds: float
    audio_seconds: float
    """Audio that was embedded in this run."""


class Result(_Record):
    """One finished (or failed) cell of a comparison."""

    schema_version: Literal[1] = 1
    status: Literal["success", "error"]
    error: str | None = None
    encoder: EncoderFacts
    task: TaskFacts
    protocol: ProtocolFacts
    score_name: str
    """The task's primary score."""
    higher_is_better: bool
    score: float | None = None
    """Test score; the mean over folds where there are folds."""
    score_std: float | None = None
    """Sample standard deviation over folds."""
    folds: tuple[FoldScores, ...] = ()
    aggregated: dict[str, float] = {}
    hparams: dict[str, Any] = {}
    postprocessing: tuple[tuple[str, float], ...] = ()
    grid_points: tuple[dict[str, Any], ...] = ()
    predictions: str | None = None
    """Name of the npz file beside this one."""
    manifest: Manifest


def write_result(path: Path, result: Result) -> None:
    """Write ``result`` to ``path`` atomically."""
    write_text(path, result.model_dump_json(indent=2) + "\n")


def read_result(path: Path) -> Result:
    """Read and validate one result file.

    Raises:
        ResultError: not JSON, or not of this schema; the first fault is named.
    """
    try:
        return Result.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise ResultError(f"{path} is no result file: {where}: {fault['msg']}") from error


def find_results(folder: Path) -> Iterator[Path]:
    """Paths of all result files under ``folder``, sorted."""
    yield from sorted(path for path in folder.rglob("*.json") if not path.name.startswith("."))


def read_predictions(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an ``.npz`` of predictions, by ``<split>/<what>``; nothing is unpickled.

    What there is: :func:`hear_audiomosaic.results.predictions.fold_arrays`.

    Raises:
        ResultError: the file is missing or not such an archive.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultError(f"{path} cannot be read as predictions: {error}") from error
