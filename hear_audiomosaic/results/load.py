"""Reading the result files of a folder, keeping count of what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.results.predictions import FoldPredictions, Predictions
from hear_audiomosaic.results.schema import Result, find_results, read_result
from hear_audiomosaic.results.support import contradiction

__all__ = ["LoadedResult", "ResultFolder", "SkippedFile", "load_results", "scene_predictions"]


@dataclass(frozen=True)
class LoadedResult:
    """A result and the file it came from."""

    file: str
    """Relative to the folder that was read, with forward slashes."""
    result: Result

    def predictions(self, results_dir: Path) -> tuple[FoldPredictions, ...]:
        """Read the test predictions beside the file.

        Args:
            results_dir: the folder that the results were read from.

        Returns:
            One per fold, in the order of the result's folds.

        Raises:
            ResultError: there are none, or they are not those of the result; the message has no path.
        """
        name = self.result.predictions
        if name is None:
            raise ResultError("the result file names no predictions")
        if fault := plain_name_fault(name, "predictions file"):
            raise ResultError(f"the result file names no predictions beside it: {fault}")
        path = results_dir / Path(self.file).parent / name
        if not path.is_file():
            raise ResultError(f"there is no predictions file {name} beside the result file")
        try:
            return Predictions.load(path, [fold.split for fold in self.result.folds]).folds
        except ResultError as error:
            raise ResultError(str(error).replace(str(path), name)) from error


def scene_predictions(results_dir: Path, loaded: LoadedResult) -> tuple[FoldPredictions, ...]:
    """:meth:`LoadedResult.predictions` of a scene task, with a finite probability of each of the task's classes.

    Raises:
        ResultError: there are none, or they do not fit the task; the message has no path.
    """
    name = loaded.result.predictions
    if name is None:
        raise ResultError("No predictions were stored with this result.")
    folds = loaded.predictions(results_dir)
    try:
        for fold in folds:
            fold.require_classes(len(loaded.result.task.vocabulary))
    except ResultError as error:
        raise ResultError(f"{name} does not hold the result's predictions ({error})") from error
    return folds


@dataclass(frozen=True)
class SkippedFile:
    """A JSON file that is no result or does not count, and why."""

    file: str
    """Relative to the folder that was read, with forward slashes."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True)
class ResultFolder:
    """The results of a folder; iterating goes over its results."""

    folder: Path
    results: tuple[LoadedResult, ...]
    """Sorted by file."""
    skipped: tuple[SkippedFile, ...]
    """Sorted by file."""

    def __iter__(self) -> Iterator[LoadedResult]:
        return iter(self.results)

    def __len__(self) -> int:
        """Number of results."""
        return len(self.results)


def load_results(folder: str | Path | ResultFolder) -> ResultFolder:
    """Read every result file under a folder.

    A broken or foreign JSON file is skipped, and so is a result whose scores are not those of the predictions beside it
    (:mod:`hear_audiomosaic.results.support`). Where two files hold the same cell (encoder, task, protocol and seed,
    down to their fingerprints), the newer one counts and the other is skipped, so that no score counts twice.

    Args:
        folder: of result files, at any depth; what was read already is returned as it is.

    Returns:
        The results and the skipped files.

    Raises:
        ResultError: the folder is missing, or holds no valid result file.
    """
    if isinstance(folder, ResultFolder):
        return folder
    folder = Path(folder)
    if not folder.is_dir():
        raise ResultError(f"{folder} is not a folder; expected a folder of result files. {_HOW_TO_MAKE}")
    newest: dict[tuple[object, ...], LoadedResult] = {}
    skipped: list[SkippedFile] = []
    for path in find_results(folder):
        file = path.relative_to(folder).as_posix()
        try:
            loaded = LoadedResult(file, read_result(path))
        except ResultError as error:
            skipped.append(SkippedFile(file, str(error).replace(str(path), file).removeprefix(f"{file} ")))
            continue
        if reason := contradiction(path, loaded.result):
            skipped.append(SkippedFile(file, f"{reason}; run it again"))
            continue
        key = _cell_key(loaded.result)
        other = newest.get(key)
        if other is None:
            newest[key] = loaded
            continue
        older, newer = sorted((other, loaded), key=lambda one: (one.result.manifest.created, one.file))
        newest[key] = newer
        skipped.append(SkippedFile(older.file, f"the same cell as {newer.file}, which is newer"))
    if not newest:
        found = f"of {len(skipped)} JSON files none is a result file" if skipped else "there is no JSON file"
        first = f" ({skipped[0].file} {skipped[0].reason})" if skipped else ""
        raise ResultError(
            f"{folder}: expected result files, ENCODER/TASK/PROTOCOL-seedN.json; {found}{first}. {_HOW_TO_MAKE}"
        )
    return ResultFolder(
        folder,
        tuple(sorted(newest.values(), key=lambda loaded: loaded.file)),
        tuple(sorted(skipped, key=lambda one: one.file)),
    )


_HOW_TO_MAKE = "Make some with: hear-audiomosaic run --encoders REF... --tasks NAME... --out RESULTS"


def _cell_key(result: Result) -> tuple[object, ...]:
    return (
        *(result.encoder.ref, result.encoder.fingerprint),
        *(result.task.directory, result.task.digest),
        *(result.protocol.name, result.protocol.fingerprint, result.arithmetic, result.protocol.seed),
    )
