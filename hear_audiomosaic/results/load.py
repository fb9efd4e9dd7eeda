"""Reading the result files of a folder, keeping count of what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.results.schema import Result, find_results, read_result

__all__ = ["LoadedResult", "SkippedFile", "load_results"]


@dataclass(frozen=True)
class LoadedResult:
    """A result and the file it came from."""

    file: str
    """Relative to the folder that was read, with forward slashes."""
    result: Result


@dataclass(frozen=True)
class SkippedFile:
    """A JSON file that is not in the report, and why."""

    file: str
    """Relative to the folder that was read, with forward slashes."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def load_results(results_dir: Path) -> tuple[tuple[LoadedResult, ...], tuple[SkippedFile, ...]]:
    """Read every result file under a folder.

    A broken or foreign JSON file is skipped. Where two files hold the same cell (encoder, task, protocol and seed,
    down to their fingerprints), the newer one counts and the other is skipped, so that no score counts twice.

    Args:
        results_dir: folder of result files, at any depth.

    Returns:
        The results and the skipped files, both sorted by file.

    Raises:
        ResultError: the folder is missing, or holds no valid result file.
    """
    if not results_dir.is_dir():
        raise ResultError(f"{results_dir} is no folder; expected a folder of result files. {_HOW_TO_MAKE}")
    newest: dict[tuple[object, ...], LoadedResult] = {}
    skipped: list[SkippedFile] = []
    for path in find_results(results_dir):
        file = path.relative_to(results_dir).as_posix()
        try:
            loaded = LoadedResult(file, read_result(path))
        except ResultError as error:
            skipped.append(SkippedFile(file, str(error).replace(str(path), file).removeprefix(f"{file} ")))
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
            f"{results_dir}: expected result files, ENCODER/TASK/PROTOCOL-seedN.json; {found}{first}. {_HOW_TO_MAKE}"
        )
    results = sorted(newest.values(), key=lambda loaded: loaded.file)
    return tuple(results), tuple(sorted(skipped, key=lambda one: one.file))


_HOW_TO_MAKE = "Make some with: hear-audiomosaic run --encoders REF... --tasks NAME... --out RESULTS"


def _cell_key(result: Result) -> tuple[object, ...]:
    return (
        *(result.encoder.ref, result.encoder.fingerprint),
        *(result.task.directory, result.task.digest),
        *(result.protocol.name, result.protocol.fingerprint, result.protocol.precision, result.protocol.seed),
    )
