"""A task in figures: what is asked, how it is split, how it is scored, where it comes from.

A card is read from a YAML file (``tasks/<suite>/<name>.yaml``) or from the ``task_metadata.json`` of a task folder
in HEAR's layout. Reading either never touches audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.parsing import faults, parse_yaml
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.printable import listed, shortened
from hear_audiomosaic.reading import read_file
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, PREPARATION
from hear_audiomosaic.tasks.splits import Fold, SplitMode, fold_rotation

__all__ = [
    "EVENT_EVALUATION",
    "HEAREVAL_TASK_GRIDS",
    "MULTICLASS_EVALUATION",
    "MULTILABEL_EVALUATION",
    "SECTION",
    "KnownCount",
    "TaskCard",
]

Number = StrictInt | StrictFloat
"""A truth value or a text is none."""

MULTICLASS_EVALUATION = ("top1_acc", "mAP", "d_prime", "aucroc")
MULTILABEL_EVALUATION = ("mAP", "d_prime", "aucroc", "top1_acc")
EVENT_EVALUATION = ("event_onset_200ms_fms", "segment_1s_er")

SECTION = "hear_audiomosaic"
"""Key of ``task_metadata.json`` under which stands what HEAR's tools have no key for (they ignore it)."""

_TRAIN_VALID_TEST = ("train", "valid", "test")
_MOST_BYTES_OF_SPLIT = 200
"""So that "<split>.filename-timestamps.json" and what it is called while it is written are names of files, too."""
_FACTS = (
    "title",
    "domain",
    "n_classes",
    "n_clips",
    "hours",
    "chance",
    "source",
    "licence",
    "citation",
    "notes",
    "leaderboard_column",
    "counts",
    "published_as",
    "generator",
    "seed",
)
HEAREVAL_TASK_GRIDS: Mapping[str, Mapping[str, tuple[Number, ...]]] = MappingProxyType(
    {"dcase2016_task2": MappingProxyType({"check_val_every_n_epoch": (10,)})}
)
"""Entries of the probe's grid that heareval itself replaces for a task name, before the task's own metadata do."""


class KnownCount(BaseModel):
    """A number of clips that somebody counted, beside the card's own.

    Attributes:
        n_clips: in all splits.
        mode: of the task; None: the card's.
        source: who counted, or where it is printed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_clips: StrictInt = Field(ge=1)
    mode: str | None = None
    source: str = Field(min_length=1)


class TaskCard(BaseModel):
    """Everything about a task but its clips.

    Attributes:
        name: task name without version and mode (letters, digits, underscores).
        version: version of the data as it stands in the folder name (``v2.0.0``).
        mode: subset as it stands in the folder name (``full``, ``5h``).
        title: one line for tables.
        domain: speech, music, environment, bioacoustics, ...
        embedding_type: ``scene`` (one vector per clip) or ``event`` (one per frame).
        prediction_type: ``multiclass`` (exactly one label per clip) or ``multilabel``.
        split_mode: ``trainvaltest``, or k folds that are given (``presplit_kfold``) or drawn (``new_split_kfold``);
            the two kinds of folds are evaluated alike.
        splits: ``train``, ``valid``, ``test``, or the folds; plain names, since files and folders are called so.
        sample_duration_s: seconds of every clip, None if they differ.
        evaluation: names of scores; probes are selected by the first.
        use_scoring_for_early_stopping: False: stop and select by the validation loss.
        event_postprocessing_grid: ``median_filter_ms`` and ``min_duration`` (ms) tried for events; None: HEAR's
            250 and 125, 250.
        task_specific_param_grid: entries of the probe's grid that this task replaces.
        n_classes: size of the vocabulary.
        n_clips: clips in all splits.
        hours: of audio in all splits.
        chance: share of the commonest label, or mean share of the labels where a clip may have several: about the
            first score of guessing, before any split.
        source: where the recordings were published.
        licence: of the recordings.
        citation: of the data set.
        notes: anything a reader of a table has to know.
        leaderboard_column: column of the HEAR 2021 leaderboard.
        counts: other numbers of clips that are known: of other releases, or of another mode (``small``).
        published_as: what tables of published figures (``reports/published``) call the task.
        generator: synthetic tasks: which generator makes the clips.
        seed: synthetic tasks: its seed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    version: str = Field(default="v1", pattern=r"^[A-Za-z0-9_.-]+$")
    mode: str = Field(default="full", pattern=r"^[A-Za-z0-9_.]+$")
    title: str = ""
    domain: str = ""
    embedding_type: Literal["scene", "event"]
    prediction_type: Literal["multiclass", "multilabel"]
    split_mode: SplitMode
    splits: tuple[str, ...]
    sample_duration_s: StrictFloat | None = Field(default=None, gt=0)
    evaluation: tuple[str, ...] = Field(min_length=1)
    use_scoring_for_early_stopping: StrictBool = True
    event_postprocessing_grid: dict[str, tuple[Number, ...]] | None = None
    task_specific_param_grid: dict[str, tuple[Number | str | StrictBool, ...]] | None = None
    n_classes: StrictInt | None = Field(default=None, ge=1)
    n_clips: StrictInt | None = Field(default=None, ge=1)
    hours: StrictFloat | None = Field(default=None, ge=0)
    chance: StrictFloat | None = None
    source: str = ""
    licence: str = ""
    citation: str = ""
    notes: str = ""
    leaderboard_column: str | None = None
    # Facts about a task, not what it is: in ``model_dump`` they would change the identity of results that are there.
    counts: tuple[KnownCount, ...] = Field(default=(), exclude=True)
    published_as: tuple[str, ...] = Field(default=(), exclude=True)
    generator: str | None = None
    seed: StrictInt | None = None

    @field_validator("splits")
    @classmethod
    def _names_of_files(cls, splits: tuple[str, ...]) -> tuple[str, ...]:
        for split in splits:
            if fault := plain_name_fault(split, "split", _MOST_BYTES_OF_SPLIT):
                raise ValueError(fault)
            if f"{split}.json" in (METADATA, GROUPS, PREPARATION):
                raise ValueError(f"the split '{split}' has the name of a file that is no split's; rename it")
        return splits

    @field_validator("event_postprocessing_grid")
    @classmethod
    def _known_postprocessing(cls, grid: dict[str, tuple[Number, ...]] | None) -> dict[str, tuple[Number, ...]] | None:
        if grid is not None:
            if set(grid) != {"median_filter_ms", "min_duration"} or not all(grid.values()):
                raise ValueError(f"expected values for median_filter_ms and min_duration, found {shortened(grid)}")
            if any(value < 0 for values in grid.values() for value in values):
                raise ValueError(f"milliseconds cannot be negative, found {shortened(grid)}")
        return grid

    @model_validator(mode="after")
    def _fits_together(self) -> TaskCard:
        if self.split_mode == "trainvaltest":
            if sorted(self.splits) != sorted(_TRAIN_VALID_TEST):
                raise ValueError(
                    f"split_mode trainvaltest has the splits train, valid, test; found {listed(self.splits)}"
                )
        elif len(set(self.splits)) != len(self.splits) or len(self.splits) < 3:
            raise ValueError(f"{self.split_mode} needs at least 3 different folds; found {listed(self.splits)}")
        if self.embedding_type == "event" and self.prediction_type != "multilabel":
            raise ValueError("an event task is multilabel: several events may sound at once")
        kind = "event" if self.embedding_type == "event" else "clip"
        for score in self.evaluation:
            _check_score(score, kind)
        if fault := plain_name_fault(self.directory_name, "name-version-mode", _MOST_BYTES_OF_SPLIT):
            raise ValueError(fault)
        return self

    @property
    def directory_name(self) -> str:
        """Name of the task's folder: ``<name>-<version>-<mode>``."""
        return f"{self.name}-{self.version}-{self.mode}"

    @property
    def label(self) -> str:
        """What tables call the task: its name; of HEAR's few clips for trying things ``<name> (small)``."""
        return f"{self.name} (small)" if self.mode == "small" else self.name

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The trainings of the task, in heareval's order."""
        return fold_rotation(self.split_mode, self.splits)

    @classmethod
    def from_yaml(cls, path: Path) -> TaskCard:
        """Read a card.

        Raises:
            TaskError: the file is not there, is not YAML, or has a missing, unknown or wrong field.
        """
        content = read_file(path, parse_yaml, TaskError, "a task card", "see tasks/README.md")
        if not isinstance(content, dict):
            raise TaskError(f"The task card {path} must be a mapping of fields (see tasks/README.md)")
        return cls.from_fields(content, str(path))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any], where: str = "task_metadata.json") -> TaskCard:
        """Card of a task folder, made by this package, by hearpreprocess or by hand; unknown keys are ignored.

        Args:
            metadata: content of ``task_metadata.json``.
            where: what to call it in messages.

        Raises:
            TaskError: a key that HEAR's evaluation reads is missing or wrong.
        """
        needed = ("task_name", "embedding_type", "prediction_type", "split_mode", "splits", "evaluation")
        missing = [key for key in needed if key not in metadata]
        if missing:
            raise TaskError(f"{where} lacks {', '.join(missing)}; is this a task folder in HEAR's layout?")
        name = metadata["task_name"]
        parameters = _section(metadata, "evaluation_params", where)
        grid = dict(HEAREVAL_TASK_GRIDS.get(name, {}) if isinstance(name, str) else {})
        grid |= _section(parameters, "task_specific_param_grid", where)
        fields = {key: value for key, value in _section(metadata, SECTION, where).items() if key in _FACTS}
        fields |= {
            "name": name,
            "version": _as_text(metadata.get("version", "v1")),
            "mode": _as_text(metadata.get("mode", "full")),
            "embedding_type": metadata["embedding_type"],
            "prediction_type": metadata["prediction_type"],
            "split_mode": metadata["split_mode"],
            "splits": metadata["splits"],
            "sample_duration_s": metadata.get("sample_duration"),
            "evaluation": metadata["evaluation"],
            "use_scoring_for_early_stopping": metadata.get("use_scoring_for_early_stopping", True),
            "event_postprocessing_grid": parameters.get("event_postprocessing_grid"),
            "task_specific_param_grid": grid or None,
        }
        return cls.from_fields(fields, where)

    def to_metadata(self) -> dict[str, Any]:
        """Content of ``task_metadata.json``, with the keys of HEAR and a section of this package's own."""
        metadata: dict[str, Any] = {
            "task_name": self.name,
            "version": self.version,
            "mode": self.mode,
            "default_mode": self.mode,
            "embedding_type": self.embedding_type,
            "prediction_type": self.prediction_type,
            "split_mode": self.split_mode,
        }
        if self.split_mode != "trainvaltest":
            metadata["nfolds"] = len(self.splits)
        metadata |= {
            "splits": list(self.splits),
            "sample_duration": self.sample_duration_s,
            "evaluation": list(self.evaluation),
            "use_scoring_for_early_stopping": self.use_scoring_for_early_stopping,
        }
        grids = {
            "event_postprocessing_grid": self.event_postprocessing_grid,
            "task_specific_param_grid": self.task_specific_param_grid,
        }
        parameters = {
            key: {name: list(values) for name, values in grid.items()}
            for key, grid in grids.items()
            if grid is not None
        }
        if parameters:
            metadata["evaluation_params"] = parameters
        facts = {key: getattr(self, key) for key in _FACTS}
        facts |= {"counts": [one.model_dump() for one in self.counts], "published_as": list(self.published_as)}
        metadata[SECTION] = {key: value for key, value in facts.items() if value not in (None, "", [])}
        return metadata

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], where: str) -> TaskCard:
        """Card from its fields.

        Args:
            fields: field name -> value.
            where: what to call them in messages.

        Raises:
            TaskError: a field is missing, unknown or wrong.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise TaskError(f"{where}: {faults(error)}") from error


def _section(metadata: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A part of the metadata that is a mapping, or is not there."""
    section = metadata.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise TaskError(f"{where}: {name} must be a mapping of names, found {shortened(section)!r}")
    return section


def _as_text(value: Any) -> Any:
    """A version that looks like a number is meant as text; anything else is for the card to judge."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _check_score(name: str, kind: str) -> None:
    """Raise ValueError unless ``name`` is a score of that kind (``clip`` or ``event``)."""
    from hear_audiomosaic.metrics.scores import SCORES

    known = [score.name for score in SCORES.values() if score.kind == kind]
    if name not in known:
        task = "an event task" if kind == "event" else "a scene task"
        raise ValueError(f"'{shortened(name)}' is not a score of {task}; expected one of {', '.join(known)}")
