"""Stored test predictions of a scene task, checked before anything is drawn from them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import Result, read_predictions

__all__ = ["ScenePredictions", "scene_predictions"]


@dataclass(frozen=True)
class ScenePredictions:
    """Predictions for the clips of one test split."""

    split: str
    files: tuple[str, ...]
    """(n,) name of each row's clip."""
    probabilities: npt.NDArray[np.float64]
    """(n, C), finite."""
    targets: npt.NDArray[np.bool_]
    """(n, C) multi-hot."""


def scene_predictions(results_dir: Path, loaded: LoadedResult) -> tuple[ScenePredictions, ...]:
    """Read the predictions beside a result file.

    Args:
        results_dir: the folder that the results were read from.
        loaded: a result of a scene task.

    Returns:
        One per fold, in the order of the result's folds.

    Raises:
        ResultError: there are none, or they do not fit the result; the message is a sentence without a path.
    """
    result = loaded.result
    name = result.predictions
    if not name:
        raise ResultError("No predictions were stored with this result.")
    if Path(name).name != name:
        raise ResultError("The result names predictions outside its own folder; they were not read.")
    path = results_dir / Path(loaded.file).parent / name
    if not path.is_file():
        raise ResultError(f"The predictions ({name}) are not beside the result file.")
    try:
        arrays = read_predictions(path)
    except (ResultError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultError(f"The predictions ({name}) cannot be read.") from error
    return tuple(_split(fold.split, arrays, name, result) for fold in result.folds)


def _split(split: str, arrays: Mapping[str, npt.NDArray[Any]], name: str, result: Result) -> ScenePredictions:
    try:
        probabilities, targets, files, rows = (
            arrays[f"{split}/{what}"] for what in ("prediction", "target", "files", "row_file")
        )
    except KeyError as error:
        raise ResultError(f"The predictions ({name}) have no array {error}; run the task again.") from error
    shape = (len(rows), len(result.task.vocabulary))
    fits = probabilities.shape == targets.shape == shape and rows.ndim == files.ndim == 1 and rows.dtype.kind in "iu"
    if not fits or not len(rows) or rows.min() < 0 or rows.max() >= len(files):
        raise ResultError(f"The predictions ({name}) of {split} do not fit the task's {shape[1]} classes.")
    if probabilities.dtype.kind != "f" or not np.isfinite(probabilities).all():
        raise ResultError(f"The predictions ({name}) of {split} are not all finite.")
    return ScenePredictions(
        split=split,
        files=tuple(str(files[row]) for row in rows),
        probabilities=probabilities.astype(np.float64),
        targets=targets.astype(bool),
    )
