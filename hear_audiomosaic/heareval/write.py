"""Writing what heareval writes: an embeddings directory that its prediction step takes, and that step's own files.

Origin: the layout of heareval 2021.1.3; of its embeddings step all files that the prediction step reads.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, write_bytes, write_text
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.probing import ProbeResult, ProbeTask, SplitRows
from hear_audiomosaic.probing.fold_predictions import fold_predictions
from hear_audiomosaic.tasks.layout import METADATA, VOCABULARY, heareval_spelling, write_vocabulary

__all__ = ["write_heareval_directory", "write_predictions"]

PICKLE_PROTOCOL = 4
"""Python 3.8 reads it."""


def write_heareval_directory(directory: Path, task: ProbeTask, metadata: Mapping[str, Any] | None = None) -> None:
    """Write embeddings and labels as heareval's embeddings step does (without the files per clip).

    The rows keep their order. ``<split>.json`` lists the files so that heareval's shuffle gives this very order.

    Args:
        directory: ``<embeddings>/<module>/<task>``; made if need be.
        task: what to write.
        metadata: content of ``task_metadata.json`` that goes before what the task's card says.

    Raises:
        EmbeddingError: heareval would take two labels for one ("NA" and "nan"), or a split or a clip has a name that is
            no plain file name.
    """
    metadata = {**task.card.to_metadata(), **(metadata or {})}
    _check_names(directory, "split", metadata["splits"])
    for split in metadata["splits"]:
        _check_names(directory, "clip", task.splits[split].files)
    make_folder(directory)
    with file_errors("removed", directory / ".done.embeddings"):
        (directory / ".done.embeddings").unlink(missing_ok=True)
    labels = _write_vocabulary(directory, task)
    write_text(directory / METADATA, json.dumps(metadata, indent=1))
    orders = _json_orders({split: len(task.splits[split].files) for split in metadata["splits"]})
    for split in metadata["splits"]:
        _write_split(directory, split, task.splits[split], labels, orders[split])
    profile = {"time_elapsed": None, "gpu_max_mem": None, "gpu_device_name": "cpu"}
    write_text(directory / "profile.embeddings.json", json.dumps(profile, indent=4))
    write_text(directory / ".done.embeddings", "")


def _check_names(directory: Path, what: str, names: Iterable[str]) -> None:
    """Let no name lead out of the directory."""
    for name in names:
        if fault := plain_name_fault(name, what):
            raise EmbeddingError(f"Nothing is written to {directory}: {fault}.")


def _write_split(directory: Path, split: str, rows: SplitRows, labels: Sequence[str], order: Sequence[int]) -> None:
    files = [rows.files[index] for index in order]
    row_labels = [[labels[column] for column in np.flatnonzero(row).tolist()] for row in rows.targets]
    content: dict[str, Any]
    if rows.reference is not None and rows.timestamps_ms is not None:
        events = rows.reference.to_lists(rows.files, labels)
        content = {file: events[file] for file in files}
        slugs = [f"{split}/{rows.files[file]}" for file in rows.row_file]
        pairs = [list(pair) for pair in zip(slugs, rows.timestamps_ms.tolist(), strict=True)]
        write_text(directory / f"{split}.filename-timestamps.json", json.dumps(pairs, indent=4))
    else:
        label_of = dict(zip((rows.files[file] for file in rows.row_file), row_labels, strict=True))
        content = {file: label_of[file] for file in files}
    write_text(directory / f"{split}.json", json.dumps(content, indent=1))
    write_text(directory / f"{split}.embedding-dimensions.json", json.dumps(list(rows.values.shape)))
    write_bytes(directory / f"{split}.embeddings.npy", np.ascontiguousarray(rows.values, dtype="<f4").tobytes())
    write_bytes(directory / f"{split}.target-labels.pkl", pickle.dumps(row_labels, protocol=PICKLE_PROTOCOL))


def _write_vocabulary(directory: Path, task: ProbeTask) -> list[str]:
    """Write the vocabulary; return the labels as heareval will read them, which the other files must then say."""
    changed = heareval_spelling(task.vocabulary)
    labels = [changed.get(label, label) for label in task.vocabulary]
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise EmbeddingError(f"heareval reads several labels of {task.name!r} as {twice!r}; rename them.")
    write_vocabulary(directory / VOCABULARY, task.vocabulary)
    return labels


def _json_orders(counts: Mapping[str, int]) -> dict[str, list[int]]:
    """Orders of files that heareval's shuffle (one ``Random(0)`` for all splits) turns into 0, 1, 2, ..."""
    generator = random.Random(0)  # noqa: S311 - a published order, not a secret
    orders = {}
    for split, count in counts.items():
        shuffled = list(range(count))
        generator.shuffle(shuffled)
        orders[split] = np.argsort(shuffled).tolist()
    return orders


def write_predictions(directory: Path, result: ProbeResult, embedding_size: int) -> None:
    """Write a result beside the embeddings, as heareval's prediction step does.

    Writes ``test.predicted-scores.json`` (heareval's field names; infinite and missing values as the bare tokens
    ``Infinity`` and ``NaN``, which its readers expect), ``<test split>.predictions.npz`` for each fold, and
    ``prediction-done.json`` last.

    Deviation: hyper-parameters are plain names, not the text of Python objects; predictions are npz, not pickles, and
    name their files; ``prediction-done.json`` also names protocol, fingerprint, seed and precision.

    Args:
        directory: the embeddings directory.
        result: what to write.
        embedding_size: D.

    Raises:
        EmbeddingError: a split has a name that is no plain file name.
    """
    _check_names(directory, "split", (fold.split for fold in result.folds))
    for fold in result.folds:
        fold_predictions(fold).save(directory / f"{fold.split}.predictions.npz")
    scores: dict[str, Any] = {fold.split: fold.scores for fold in result.folds}
    if result.aggregated:
        scores["aggregated_scores"] = result.aggregated
    scores["hparams"] = dict(result.hparams)
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
