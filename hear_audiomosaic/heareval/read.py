"""Reading an embeddings directory as heareval writes it, and writing back what heareval's prediction step would.

Origin: heareval 2021.1.3. ``<split>.embeddings.npy`` is raw float32 without a header, its shape is in
``<split>.embedding-dimensions.json``; labels per row are a pickle, which is read by an unpickler that admits lists and
strings only (and, for scenes, compared with ``<split>.json`` in the order of the rows).
"""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.files import read_json, write_text
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing.data import ProbeTask, SplitRows, frame_labels, heareval_row_order, multi_hot
from hear_audiomosaic.probing.fold_predictions import fold_predictions
from hear_audiomosaic.probing.probe_result import ProbeResult

__all__ = ["is_heareval_directory", "read_heareval_directory", "read_vocabulary", "write_predictions"]

Metadata = Mapping[str, Any]


def is_heareval_directory(directory: Path) -> bool:
    """Tell whether this looks like a finished directory of heareval's embeddings step."""
    return (directory / "task_metadata.json").is_file() and any(directory.glob("*.embedding-dimensions.json"))


def read_heareval_directory(directory: Path) -> ProbeTask:
    """Read a directory that heareval's embeddings step (or ours) wrote.

    Args:
        directory: ``<embeddings>/<module>/<task>``.

    Returns:
        The task, its rows in the order of the files.

    Raises:
        EmbeddingError: a file is missing, has the wrong size, holds foreign objects, or contradicts another one.
    """
    if not is_heareval_directory(directory):
        raise EmbeddingError(
            f"{directory}: expected an embeddings directory of heareval (task_metadata.json and "
            "<split>.embedding-dimensions.json); give the directory of one task."
        )
    metadata: Metadata = read_json(directory / "task_metadata.json")
    vocabulary, aliases = read_vocabulary(directory / "labelvocabulary.csv")
    is_event = metadata["embedding_type"] == "event"
    files = {split: list(read_json(_existing(directory / f"{split}.json"))) for split in metadata["splits"]}
    order = heareval_row_order(files)
    splits = {}
    for split in metadata["splits"]:
        read = _read_events if is_event else _read_scenes
        splits[split] = read(directory, split, order[split], vocabulary, aliases)
    params = metadata.get("evaluation_params") or {}
    return ProbeTask(
        name=metadata["task_name"],
        embedding_type=metadata["embedding_type"],
        prediction_type=metadata["prediction_type"],
        split_mode=metadata["split_mode"],
        splits=splits,
        vocabulary=vocabulary,
        evaluation=tuple(metadata["evaluation"]),
        use_scoring_for_early_stopping=bool(metadata.get("use_scoring_for_early_stopping", True)),
        event_postprocessing_grid=params.get("event_postprocessing_grid") if is_event else None,
        task_specific_param_grid=params.get("task_specific_param_grid"),
    )


def read_vocabulary(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read ``labelvocabulary.csv`` (header ``idx,label``).

    heareval reads it by pandas, to which "01" is the number 1 and "NA" is missing, so annotations made for it may say
    "1" or "nan". Here labels are what stands in the file, and what pandas makes of them are aliases.

    Returns:
        The labels by index; and alias -> label, where an alias is no label and stands for one label only.

    Raises:
        EmbeddingError: the indices are not 0, 1, 2, ...
    """
    text = _existing(path).read_text(encoding="utf-8")
    rows = [(int(row["idx"]), row["label"]) for row in csv.DictReader(io.StringIO(text))]
    labels = tuple(label for _, label in sorted(rows))
    if sorted(index for index, _ in rows) != list(range(len(rows))):
        raise EmbeddingError(f"{path}: expected the indices 0 .. {len(rows) - 1}, each once.")
    by_pandas = pandas_labels(text)
    aliases = {
        alias: label
        for (_, label), alias in zip(rows, by_pandas, strict=True)
        if alias not in labels and by_pandas.count(alias) == 1
    }
    return labels, aliases


def pandas_labels(vocabulary_csv: str) -> list[str]:
    """What heareval takes the labels of a vocabulary file for, in the order of its lines."""
    return [str(label) for label in pd.read_csv(io.StringIO(vocabulary_csv))["label"].tolist()]


# ----------------------------------------------------------------------------------------------------------- reading


def _read_scenes(
    directory: Path, split: str, order: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> SplitRows:
    values = _read_values(directory, split)
    labels_of = read_json(directory / f"{split}.json")
    labels = [[str(label) for label in labels_of[file]] for file in order]
    pickled = directory / f"{split}.target-labels.pkl"
    if pickled.is_file() and _read_pickled_labels(pickled) != labels:
        raise EmbeddingError(
            f"{pickled}: its labels are not those of {split}.json in heareval's row order; "
            "the directory mixes two tasks or was made by another version; make it again."
        )
    _check_length(directory / f"{split}.json", len(labels), len(values))
    labels = [[aliases.get(label, label) for label in row] for row in labels]
    return SplitRows(values, multi_hot(labels, vocabulary), tuple(order), np.arange(len(values)))


def _read_events(
    directory: Path, split: str, order: Sequence[str], vocabulary: tuple[str, ...], aliases: Mapping[str, str]
) -> SplitRows:
    values = _read_values(directory, split)
    slugs = read_json(_existing(directory / f"{split}.filename-timestamps.json"))
    _check_length(directory / f"{split}.filename-timestamps.json", len(slugs), len(values))
    names = [PurePosixPath(slug).name for slug, _ in slugs]
    files = tuple(dict.fromkeys(names))
    index = {file: number for number, file in enumerate(files)}
    timestamps_ms = np.array([time for _, time in slugs], dtype=np.float64)
    events_of = {
        file: [{**event, "label": aliases.get(str(event["label"]), str(event["label"]))} for event in events]
        for file, events in read_json(directory / f"{split}.json").items()
    }
    unknown = sorted(set(files) - set(order))
    if unknown:
        raise EmbeddingError(f"{directory}: {unknown[0]!r} has frames but is not in {split}.json.")
    row_file = np.array([index[name] for name in names], dtype=np.int64)
    pickled = directory / f"{split}.target-labels.pkl"
    if pickled.is_file():
        labels = [[aliases.get(label, label) for label in row] for row in _read_pickled_labels(pickled)]
        _check_length(pickled, len(labels), len(values))
    else:
        labels = [[] for _ in names]
        for file, number in index.items():
            rows = np.flatnonzero(row_file == number)
            for row, found in zip(rows, frame_labels(events_of[file], timestamps_ms[rows].tolist()), strict=True):
                labels[row] = found
    reference = Events.from_lists(events_of, files, vocabulary)
    return SplitRows(values, multi_hot(labels, vocabulary), files, row_file, timestamps_ms, reference)


def _read_values(directory: Path, split: str) -> npt.NDArray[np.float32]:
    n, n_features = read_json(_existing(directory / f"{split}.embedding-dimensions.json"))
    path = _existing(directory / f"{split}.embeddings.npy")
    if path.stat().st_size != n * n_features * 4:
        raise EmbeddingError(
            f"{path}: expected {n} x {n_features} float32 numbers without a header ({n * n_features * 4} bytes), "
            f"found {path.stat().st_size} bytes; make the embeddings again."
        )
    return np.fromfile(path, dtype="<f4").reshape(n, n_features)


def _read_pickled_labels(path: Path) -> list[list[str]]:
    """Read a pickled list of lists of labels without letting it make anything else."""
    try:
        with path.open("rb") as file:
            content = _ListsAndStrings(file).load()
    except EmbeddingError:
        raise
    except Exception as error:  # a broken pickle raises nearly anything
        raise EmbeddingError(f"{path}: expected a pickled list of lists of labels: {error}") from error
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise EmbeddingError(f"{path}: expected a pickled list of lists of labels.")
    if not all(isinstance(label, str | int) for row in content for label in row):
        raise EmbeddingError(f"{path}: expected labels that are strings, found others.")
    return [[str(label) for label in row] for row in content]


class _ListsAndStrings(pickle.Unpickler):
    """An unpickler that knows no class and no function, so it can build lists, strings and numbers only."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise EmbeddingError(f"a pickle of labels asks for {module_name}.{global_name}; it may hold lists and strings.")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise EmbeddingError("a pickle of labels refers to objects outside of it; only lists and strings are read.")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EmbeddingError(f"{path} is missing; make the embeddings again.")
    return path


def _check_length(path: Path, found: int, expected: int) -> None:
    if found != expected:
        raise EmbeddingError(f"{path}: expected {expected} rows as in the embeddings, found {found}.")


# ------------------------------------------------------------------------------------------------------ what was found


def write_predictions(directory: Path, result: ProbeResult, embedding_size: int) -> None:
    """Write a result beside the embeddings, as heareval's prediction step does.

    Writes ``test.predicted-scores.json`` (heareval's field names; infinite and missing values as the bare tokens
    ``Infinity`` and ``NaN``, which its readers expect), ``<test split>.predictions.npz`` for each fold, and
    ``prediction-done.json`` last.

    Deviation: hyper-parameters are plain names, not the text of Python objects; predictions are npz, not pickles, and
    name their files; ``prediction-done.json`` also tells protocol, fingerprint, seed and precision.

    Args:
        directory: the embeddings directory.
        result: what to write.
        embedding_size: D.
    """
    for fold in result.folds:
        fold_predictions(fold).save(directory / f"{fold.split}.predictions.npz")
    scores: dict[str, Any] = {fold.split: fold.scores for fold in result.folds}
    if result.aggregated:
        scores["aggregated_scores"] = result.aggregated
    scores["hparams"] = result.hparams
    scores["postprocessing"] = [list(pair) for pair in result.postprocessing]
    scores["score_mode"] = result.score_mode
    scores["embedding_path"] = str(directory)
    write_text(directory / "test.predicted-scores.json", json.dumps(scores, indent=4))
    done = {
        "time": result.seconds,
        "embedding_path": str(directory),
        "embedding_size": embedding_size,
        "grid_points": len(result.grid_points),
        "gpus": None if result.device == "cpu" else result.device,
        "gpu_max_mem": None,
        "gpu_device_name": result.device,
        "in_memory": True,
        "deterministic": True,
        "protocol": result.protocol,
        "fingerprint": result.fingerprint,
        "strict": result.strict,
        "seed": result.seed,
        "precision": result.precision,
    }
    write_text(directory / "prediction-done.json", json.dumps(done, indent=4))
