"""The result file: one encoder x one task x one protocol x one seed, validated when written and when read.

``RESULTS/<encoder>/<task>/<protocol>-seed<k>.json`` (``-strict`` and ``-bf16`` after the seed where
they apply), with the test
predictions beside it in an ``.npz`` of the same stem. Scores that are not finite (a perfect class has an infinite d')
are the strings "Infinity", "-Infinity" and "NaN", so that the file is strict JSON.

``score`` and ``score_std`` stand in the file for whoever opens it; they follow from the folds, and a file that says
otherwise is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError, computed_field, model_validator

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_bytes, write_text
from hear_audiomosaic.hear.card import EncoderCard
from hear_audiomosaic.parsing import parse_json
from hear_audiomosaic.results.imported import Imported
from hear_audiomosaic.results.limits import TaskLimits
from hear_audiomosaic.results.rates import change_in_words
from hear_audiomosaic.results.record import Record
from hear_audiomosaic.results.scores import FoldScores, MeanAndStd, aggregate, over_folds
from hear_audiomosaic.results.upgrade import upgraded

__all__ = [
    "SCHEMA_VERSION",
    "STRICT",
    "EncoderFacts",
    "EventPostprocessing",
    "FoldScores",
    "Hyperparameter",
    "Manifest",
    "ProtocolFacts",
    "Result",
    "TaskFacts",
    "TriedGridPoint",
    "arithmetic",
    "find_results",
    "read_result",
    "write_result",
]

SCHEMA_VERSION = 2

STRICT = " (strict)"
"""What the recorded name of a protocol ends with that stops or crashes where heareval does."""

Hyperparameter = StrictBool | StrictInt | StrictFloat | StrictStr


class EncoderFacts(Record):
    """Which encoder, and what it is."""

    left_out_if_none: ClassVar[tuple[str, ...]] = ("imported",)

    ref: str
    label: str
    """As tables show it; untrained encoders are marked."""
    untrained: bool
    fingerprint: str
    """Empty where the encoder could not be loaded; it and the three below are known of every success."""
    sample_rate_hz: int | None
    embedding_size: int | None
    """Of the kind that the task takes, scene or timestamp."""
    n_parameters: int | None
    parts: dict[str, str] | None = None
    """What the fingerprint is over, part by part ("code", "packages", "weights", ...): a SHA-256 of each, to say what
    changed (:attr:`hear_audiomosaic.hear.fingerprint.Inventory.parts`); null as the fingerprint is empty, and before
    it was recorded."""
    card: EncoderCard | None = None
    """What it is and whom to cite; null in results from before there were cards, or where nothing is stated."""
    batch: int | None = None
    """How many clips it was given at once at most, where its reference says so (``?batch=1``); null: as many as fit."""
    coercions: tuple[str, ...] = ()
    """What it returned on this task, or stated, in another form than HEAR's, and what was made of it: sentences."""
    findings: tuple[str, ...] | None = None
    """What it does on the task's own clips that the score suffers from, such as embeddings that depend on the batch:
    sentences; null where that was not asked, as in results from before it was."""
    imported: Imported | None = None
    """Where its embeddings came from that another program wrote; absent where they were made here."""


class TaskFacts(Record):
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
    """Score of guessing on the test clips (:func:`hear_audiomosaic.metrics.chance.chance_level`): always the commonest
    training label for accuracies, random scores for rankings; null where the score has none."""
    groups_digest: str | None = None
    """Of what each clip belongs to (a speaker, a recording); null where no clip has a group, and in older results."""
    audio_digest: str | None = None
    """Of the audio of all clips at ``audio_rate_hz``; null in results from before it was recorded."""
    audio_rate_hz: int | None = None
    """Rate of the files that the encoder was given, before any resampling; null as above."""
    n_groups: int | None = None
    """Groups of all test clips, a clip without one counted as one of its own; null where nothing is known."""
    shared_group_clips: int | None = None
    """Test clips whose group also stands in train or valid of their fold; null where nothing is known."""
    limits: TaskLimits | None = None
    """What bounds the score whatever the probe learns; null in results from before it was recorded, and failed ones."""


class ProtocolFacts(Record):
    """Which protocol, down to the seed."""

    name: str
    """With :data:`STRICT` at its end if it is strict, so that the two never share a name."""
    fingerprint: str
    n_grid_points: int
    seed: int
    precision: str


class EventPostprocessing(Record):
    """How frame probabilities become events; heareval's names, both in milliseconds."""

    median_filter_ms: float
    min_duration: float


class TriedGridPoint(Record):
    """One choice of hyper-parameters and how it did on the validation rows of the first split."""

    hparams: dict[str, Hyperparameter]
    """By heareval's names."""
    postprocessing: EventPostprocessing | None = None
    """The best one for these hyper-parameters; null for scenes."""
    validation_score: float
    epoch: int | None = None
    """After which it was this good, from 0; null where nothing is trained by epochs."""


class Manifest(Record):
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
    scoring_version: int | None = None
    """Of the code that turns predictions into scores; null in results from before it had a version."""


class Result(Record):
    """One finished (or failed) cell of a comparison."""

    schema_version: Literal[2] = 2
    status: Literal["success", "error"]
    error: str | None = None
    encoder: EncoderFacts
    task: TaskFacts
    protocol: ProtocolFacts
    score_name: str
    """The task's primary score."""
    higher_is_better: bool
    folds: tuple[FoldScores, ...] = ()
    """Of each test split; each has the primary score."""
    grid_points: tuple[TriedGridPoint, ...] = ()
    winner: int | None = None
    """Index of the grid point that was chosen, trained on every fold and tested."""
    predictions: str | None = None
    """Name of the npz file beside this one, see :mod:`hear_audiomosaic.results.predictions`."""
    predictions_digest: str | None = None
    """SHA-256 of that file; null in results from before it was recorded."""
    embeddings_digest: str | None = None
    """SHA-256 over checksums of the stored embeddings of all clips that it was made from; null as above."""
    store_dtype: Literal["float32", "float16"] = "float32"
    """What the embeddings were stored as before they were probed; always float32 before there was a choice."""
    manifest: Manifest

    @model_validator(mode="after")
    def _fits_together(self) -> Result:
        lacking = [fold.split for fold in self.folds if self.score_name not in fold.scores]
        if lacking:
            raise ValueError(f"test split {lacking[0]} has no score {self.score_name}")
        encoder = self.encoder
        facts = encoder.sample_rate_hz, encoder.embedding_size, encoder.n_parameters
        if self.status == "success" and encoder.imported is None and (not encoder.fingerprint or None in facts):
            raise ValueError("a success by an encoder of which not all facts are known")
        if self.winner is not None and not 0 <= self.winner < len(self.grid_points):
            raise ValueError(f"winner is {self.winner}; expected one of {len(self.grid_points)} grid points")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def score(self) -> float | None:
        """Test score: the mean over folds; None without any."""
        return self._primary.mean if self.folds else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def score_std(self) -> float | None:
        """Sample standard deviation of the test score over folds; None with less than two."""
        return self._primary.std if self.folds else None

    @property
    def arithmetic(self) -> str:
        """What the score was computed in: "fp32", "bf16", "fp32 on float16 embeddings", ..."""
        return arithmetic(self.protocol.precision, self.store_dtype)

    @property
    def change_of_rate(self) -> str:
        """What became of audio that was not at the encoder's rate, in words; empty where it was or nothing is known."""
        return change_in_words(self.task.audio_rate_hz, self.encoder.sample_rate_hz)

    @property
    def is_upsampled(self) -> bool:
        """Whether the encoder was given audio of a lower rate than its own."""
        read_hz, own_hz = self.task.audio_rate_hz, self.encoder.sample_rate_hz
        return read_hz is not None and own_hz is not None and read_hz < own_hz

    @property
    def _primary(self) -> MeanAndStd:
        return over_folds([fold.scores[self.score_name] for fold in self.folds])

    @property
    def aggregated(self) -> dict[str, float]:
        """``<name>_mean`` and ``<name>_std`` of each number of the folds, by heareval's names; empty for one fold."""
        return aggregate([fold.named(self.score_name) for fold in self.folds])

    @property
    def hparams(self) -> Mapping[str, Hyperparameter]:
        """Hyper-parameters of the winner."""
        return {} if self.winner is None else self.grid_points[self.winner].hparams

    @property
    def postprocessing(self) -> EventPostprocessing | None:
        """Of the winner on the first split; None for scenes."""
        return None if self.winner is None else self.grid_points[self.winner].postprocessing


def arithmetic(precision: str, store_dtype: str) -> str:
    """In words what a score was computed in: the probe's precision, and the embeddings' if that is not float32."""
    return precision if store_dtype == "float32" else f"{precision} on {store_dtype} embeddings"


def write_result(path: Path, result: Result) -> None:
    """Write ``result`` to ``path`` atomically."""
    write_text(path, result.model_dump_json(indent=2) + "\n")


def read_result(path: Path) -> Result:
    """Read and validate one result file, of this schema or an older one.

    Raises:
        ResultError: not JSON, not of these schemas, or its score is not that of its test splits; the first fault is
            named.
    """
    try:
        content: Any = parse_json(read_bytes(path))
    except OSError as error:
        raise ResultError(described(error, "read", path)) from error
    except ValueError as error:
        raise ResultError(f"{path} is not a result file: the file: Invalid JSON: {error}") from error
    stated = content if isinstance(content, dict) else {}
    if isinstance(content, dict):
        content = upgraded(content)
        content = {name: value for name, value in content.items() if name not in Result.model_computed_fields}
    try:
        result = Result.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise ResultError(f"{path} is not a result file: {where}: {fault['msg']}") from error
    for name, derived in (("score", result.score), ("score_std", result.score_std)):
        if isinstance(said := stated.get(name), int | float) and not _is_near(said, derived):
            raise ResultError(f"{path} contradicts itself: it says {name} = {said}, its test splits give {derived}")
    return result


def _is_near(said: float, derived: float | None) -> bool:
    return said == derived or (derived is not None and abs(said) < 1e12 and abs(said - derived) <= 1e-9)


def find_results(folder: Path) -> Iterator[Path]:
    """Paths of all result files under ``folder``, sorted.

    Among them is what is no file, such as a pipe, and a folder that cannot be looked into: who reads it is told.
    """
    refused: list[OSError] = []
    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=refused.append)
        for name in names
        if name.endswith(".json") and not name.startswith(".")
    ]
    yield from sorted(
        [*found, *(Path(error.filename) for error in refused if not isinstance(error, FileNotFoundError))]
    )
