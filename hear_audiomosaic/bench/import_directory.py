"""From a heareval directory with scores, whoever wrote it, to a result file that stands beside those of a run.

The task is the prepared one where a folder of its name holds the same labels, so that the scores stand in one column
with those of a run; else it is what the directory says. Scores without predictions are taken as they are: they cannot
be computed again. With the predictions of this project's ``probe`` they are, and must come out the same.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from pydantic import ValidationError

import hear_audiomosaic
from hear_audiomosaic.errors import FileError, HearAudioMosaicError, ResultError, TaskError
from hear_audiomosaic.file_errors import file_errors, hits_every_file
from hear_audiomosaic.files import read_bytes, read_json, sha256_of_file, sha256_of_json, write_bytes
from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.heareval.read import is_heareval_directory, read_heareval_directory
from hear_audiomosaic.heareval.scores import WrittenScores, read_scores
from hear_audiomosaic.metrics import Events, get_score
from hear_audiomosaic.metrics.chance import chance_level
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.parsing import faults
from hear_audiomosaic.printable import printable
from hear_audiomosaic.probing import ProbeTask, SplitRows, multi_hot
from hear_audiomosaic.probing.protocol import get_protocol, protocol_names
from hear_audiomosaic.results.imported import UNKNOWN, Imported, imported_label, imported_ref
from hear_audiomosaic.results.predictions import Predictions
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
    write_result,
)
from hear_audiomosaic.results.support import contradiction
from hear_audiomosaic.tasks.layout import METADATA
from hear_audiomosaic.tasks.prepared import PreparedTask, find_task

__all__ = ["ImportedResult", "import_directories"]

_log = logging.getLogger(__name__)
_HEAREVAL_PROTOCOL, _HEAREVAL_SEED = "hear-2021", 42
_NO_PREDICTIONS = "no predictions, so no intervals and no paired tests; `hear-audiomosaic probe` makes some"


@dataclass(frozen=True)
class ImportedResult:
    """What became of a directory.

    Attributes:
        path: of the result file.
        result: what is in it.
        missing: what the directory does not have, in words.
    """

    path: Path
    result: Result
    missing: tuple[str, ...]

    @property
    def scored_by(self) -> str:
        """Which program's prediction step wrote the scores."""
        imported = self.result.encoder.imported
        return "" if imported is None else imported.scored_by


def import_directories(
    directories: Sequence[Path],
    label: str,
    out: Path,
    *,
    tasks_dir: Path,
    seed: int = _HEAREVAL_SEED,
    on_failure: Callable[[HearAudioMosaicError], None] | None = None,
) -> Iterator[ImportedResult]:
    """Write the result file of each directory.

    Args:
        directories: ``<embeddings>/<module>/<task>``, probed, or ``<embeddings>/<module>`` for all that are in it.
        label: what tables call the encoder; they add that it is imported.
        out: folder of the result files.
        tasks_dir: folder of prepared tasks.
        seed: of heareval's probes, whose files do not name it. (Default: 42, heareval's own)
        on_failure: called with the error of a directory, and the others are imported; None: it is raised.

    Raises:
        EmbeddingError, TaskError: a directory contradicts itself.
        ResultError: it was not probed, its scores are of other embeddings, or its predictions do not give its scores.
    """
    if not label.strip() or not label.isprintable():
        raise ResultError(f"{printable(label)!r} cannot be an encoder's label; give a name in one line.")
    for directory in directories:
        found = []
        try:
            found = _task_directories(directory)
        except HearAudioMosaicError as error:
            _tell(error, on_failure)
        for one in found:
            try:
                yield _import(one.resolve(), label, out, tasks_dir, seed)
            except HearAudioMosaicError as error:
                _tell(error, on_failure)


def _tell(error: HearAudioMosaicError, on_failure: Callable[[HearAudioMosaicError], None] | None) -> None:
    if on_failure is None or (isinstance(error, FileError) and hits_every_file(error)):
        raise error
    on_failure(error)


def _task_directories(directory: Path) -> list[Path]:
    """The directory itself, or those of the tasks in it (``embeddings/<module>``), sorted.

    Raises:
        ResultError: it is none of heareval's, and none is in it.
    """
    if is_heareval_directory(directory):
        return [directory]
    with file_errors("read", directory):
        there = sorted(directory.iterdir()) if directory.is_dir() else []
    inner = [path for path in there if is_heareval_directory(path)]
    if not inner:
        raise ResultError(
            f"{directory} is no embeddings directory of heareval, and none is in it; give embeddings/MODULE/TASK "
            f"({METADATA}, <split>.embeddings.npy and the scores of a probe)."
        )
    return inner


def _import(directory: Path, label: str, out: Path, tasks_dir: Path, seed: int) -> ImportedResult:
    task = read_heareval_directory(directory)
    written = read_scores(directory, [fold.test for fold in task.card.folds])
    if written.embedding_size != task.embedding_size:
        raise ResultError(
            f"{directory}: its scores are of embeddings of size {written.embedding_size}, those there are of size "
            f"{task.embedding_size}; probe it again."
        )
    prepared = _same_task(directory, task, tasks_dir)
    predictions = _predictions(directory, task, written, prepared)
    result = _result(directory, label, task, written, prepared, seed)
    protocol = result.protocol
    suffix = ("-strict" if written.strict else "") + ("" if protocol.precision == "fp32" else f"-{protocol.precision}")
    folder = out / EncoderRef("imported", result.encoder.ref.partition(":")[2]).slug / directory.name
    path = folder / f"{protocol.name.removesuffix(STRICT)}-seed{protocol.seed}{suffix}.json"
    if predictions is not None:
        result = _with_predictions(path, result, predictions)
    write_result(path, result)
    return ImportedResult(path, result, tuple(_missing(result, prepared)))


def _same_task(directory: Path, task: ProbeTask, tasks_dir: Path) -> PreparedTask | None:
    """The prepared task of the directory's name, if it asks the same of the same clips; the reason is told if not."""
    try:
        prepared = find_task(directory.name, tasks_dir)
    except TaskError:
        return None
    same = (
        prepared.vocabulary == task.vocabulary
        and prepared.card.evaluation == task.card.evaluation
        and set(prepared.splits) == set(task.splits)
        and all(_same_labels(prepared, split, rows) for split, rows in task.splits.items())
    )
    if not same:
        _log.warning(
            "%s is not the task %s: clips, labels or scores differ; its result stands in a column of its own.",
            directory,
            prepared.directory,
        )
    return prepared if same else None


def _same_labels(prepared: PreparedTask, split: str, rows: SplitRows) -> bool:
    labels = prepared.labels(split)
    if set(labels) != set(rows.files):
        return False
    if rows.reference is None:
        return bool(np.array_equal(multi_hot([labels[file] for file in rows.files], prepared.vocabulary), rows.targets))
    theirs = Events.from_lists(labels, rows.files, prepared.vocabulary)
    parts = ("file", "label", "start_ms", "end_ms")
    return all(np.array_equal(getattr(theirs, part), getattr(rows.reference, part)) for part in parts)


def _predictions(
    directory: Path, task: ProbeTask, written: WrittenScores, prepared: PreparedTask | None
) -> Predictions | None:
    """Those of this project's probe; heareval's are a pickle, which is not read."""
    paths = {split: directory / f"{split}.predictions.npz" for split in written.folds}
    if written.program != "hear_audiomosaic" or not all(path.is_file() for path in paths.values()):
        return None
    folds = []
    for split, path in paths.items():
        fold = dataclasses.replace(Predictions.load(path, [""]).folds[0], split=split)  # its arrays have plain names
        rows = task.splits[split]
        if fold.files != rows.files or not np.array_equal(fold.targets, rows.targets):
            raise ResultError(f"{path} is of other clips or labels than the directory; probe it again.")
        groups = prepared.groups(split) if prepared is not None else {}
        folds.append(dataclasses.replace(fold, groups=tuple(groups.get(f, f) for f in fold.files) if groups else None))
    return Predictions(tuple(folds))


def _with_predictions(path: Path, result: Result, predictions: Predictions) -> Result:
    """Write the predictions beside where the result will be, if the scores follow from them.

    Raises:
        ResultError: they do not.
    """
    name = f"{path.stem}.npz"
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, path.name)
        predictions.save(trial.with_name(name))
        digest = sha256_of_file(trial.with_name(name))
        manifest = result.manifest.model_copy(update={"scoring_version": SCORING_VERSION})
        imported = result.encoder.imported
        assert imported is not None  # noqa: S101 - as it was made
        encoder = result.encoder.model_copy(
            update={"imported": imported.model_copy(update={"has_predictions": True})}
        )  # fmt: skip
        facts = {"predictions": name, "predictions_digest": digest, "manifest": manifest, "encoder": encoder}
        result = result.model_copy(update=facts)
        if reason := contradiction(trial, result):
            raise ResultError(f"Nothing is written to {path}: {reason}; probe the directory again.")
        write_bytes(path.with_name(name), read_bytes(trial.with_name(name)))
    return result


def _result(
    directory: Path, label: str, task: ProbeTask, written: WrittenScores, prepared: PreparedTask | None, seed: int
) -> Result:
    score = get_score(task.card.evaluation[0])
    for split, numbers in written.folds.items():
        primary, said = numbers.get(f"test_{score.name}"), numbers["test_score"]
        if primary is not None and primary != said and not (math.isnan(primary) and math.isnan(said)):
            raise ResultError(
                f"{directory}: of {split} the scores say test_score {said} and test_{score.name} {primary}; probe it "
                "again."
            )
    try:
        folds = tuple(FoldScores.from_named(split, numbers) for split, numbers in written.folds.items())
        return Result(
            status="success",
            encoder=EncoderFacts(
                ref=imported_ref(label),
                label=imported_label(label),
                untrained=False,
                fingerprint="",
                sample_rate_hz=None,
                embedding_size=task.embedding_size,
                n_parameters=None,
                imported=Imported(
                    directory="/".join(directory.parts[-2:]), scored_by=written.program, has_predictions=False
                ),
            ),
            task=_task_facts(directory, task, prepared),
            protocol=_protocol_facts(written, seed),
            score_name=score.name,
            higher_is_better=score.higher_is_better,
            folds=folds,
            grid_points=(
                TriedGridPoint(
                    hparams=dict(written.hparams),
                    postprocessing=EventPostprocessing(**written.postprocessing) if written.postprocessing else None,
                    validation_score=folds[0].validation_score,
                    epoch=folds[0].epoch,
                ),
            ),
            winner=0,
            embeddings_digest=sha256_of_json(
                {split: sha256_of_file(directory / f"{split}.embeddings.npy") for split in task.card.splits}
            ),
            manifest=_manifest(written),
        )
    except ValidationError as error:
        raise ResultError(f"The scores in {directory} make no result: {faults(error)}; probe it again.") from error


def _protocol_facts(written: WrittenScores, seed: int) -> ProtocolFacts:
    """The protocol of heareval is the protocol that reproduces it, so that both stand in one table."""
    name = written.protocol or _HEAREVAL_PROTOCOL
    known = get_protocol(name) if name in protocol_names() else None
    n_grid_points = written.n_grid_points
    if known is not None and dataclasses.replace(known, strict=written.strict).fingerprint == written.fingerprint:
        n_grid_points = known.n_grid_points  # as a run records it: a task's own grid may have fewer
    return ProtocolFacts(
        name=name + (STRICT if written.strict else ""),
        fingerprint=written.fingerprint or get_protocol(_HEAREVAL_PROTOCOL).fingerprint,
        n_grid_points=n_grid_points,
        seed=seed if written.seed is None else written.seed,
        precision=written.precision,
    )


def _task_facts(directory: Path, task: ProbeTask, prepared: PreparedTask | None) -> TaskFacts:
    card = task.card if prepared is None else prepared.card
    targets = {split: rows.targets for split, rows in task.splits.items()}
    of_folds = [(np.concatenate([targets[split] for split in fold.train]), targets[fold.test]) for fold in card.folds]
    return TaskFacts(
        name=card.label,
        directory=directory.name if prepared is None else prepared.directory.name,
        digest=_digest(directory, task) if prepared is None else prepared.digest,
        title=card.title or card.label,
        domain=card.domain,
        embedding_type=card.embedding_type,
        prediction_type=card.prediction_type,
        split_mode=card.split_mode,
        n_clips=sum(len(rows.files) for rows in task.splits.values()),
        vocabulary=task.vocabulary,
        chance=None if card.embedding_type == "event" else chance_level(card.evaluation[0], of_folds),
        groups_digest=None if prepared is None else prepared.groups_digest,
        n_groups=None if prepared is None else prepared.n_groups,
        shared_group_clips=None if prepared is None else prepared.shared_group_clips,
    )


def _digest(directory: Path, task: ProbeTask) -> str:
    """As of a prepared task of these files (:attr:`hear_audiomosaic.tasks.PreparedTask.digest`)."""
    in_order = [[split, list(read_json(directory / f"{split}.json").items())] for split in task.card.splits]
    return sha256_of_json([read_json(directory / METADATA), list(task.vocabulary), in_order])


def _manifest(written: WrittenScores) -> Manifest:
    """Of the machine that made the embeddings or the scores, nothing is known."""
    return Manifest(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        package_version=hear_audiomosaic.__version__,
        python=UNKNOWN,
        torch=UNKNOWN,
        numpy=UNKNOWN,
        platform=UNKNOWN,
        device=UNKNOWN,
        embedding_seconds=0.0,
        probing_seconds=round(written.seconds, 3),
        audio_seconds=0.0,
    )


def _missing(result: Result, prepared: PreparedTask | None) -> Iterator[str]:
    if result.predictions is None:
        imported = result.encoder.imported
        pickled = imported is not None and imported.scored_by == "heareval"
        yield ("heareval's predictions are a pickle, which is not read: " if pickled else "") + _NO_PREDICTIONS
    if prepared is None:
        yield "the task is not prepared here, so groups, title and domain are not known"
