"""Writing an embeddings directory that heareval's own prediction runner accepts.

Origin: the layout of heareval 2021.1.3's embeddings step; of its files all that the prediction step reads.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.files import write_bytes, write_text
from hear_audiomosaic.heareval.read import pandas_labels
from hear_audiomosaic.probing.data import ProbeTask, SplitRows

__all__ = ["write_heareval_directory"]

PICKLE_PROTOCOL = 4
"""Python 3.8 reads it."""


def write_heareval_directory(directory: Path, task: ProbeTask, metadata: Mapping[str, Any] | None = None) -> None:
    """Write embeddings and labels as heareval's embeddings step does (without the files per clip).

    The rows keep their order. ``<split>.json`` lists the files so that heareval's shuffle gives this very order.

    Args:
        directory: ``<embeddings>/<module>/<task>``; made if need be.
        task: what to write.
        metadata: content of ``task_metadata.json``; None: made from the task.

    Raises:
        EmbeddingError: heareval would take two labels for one ("NA" and "nan").
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ".done.embeddings").unlink(missing_ok=True)
    labels = _write_vocabulary(directory, task)
    metadata = {**_metadata(task), **(metadata or {})}
    write_text(directory / "task_metadata.json", json.dumps(metadata, indent=1))
    orders = _json_orders({split: len(task.splits[split].files) for split in metadata["splits"]})
    for split in metadata["splits"]:
        _write_split(directory, split, task.splits[split], labels, orders[split])
    profile = {"time_elapsed": None, "gpu_max_mem": None, "gpu_device_name": "cpu"}
    write_text(directory / "profile.embeddings.json", json.dumps(profile, indent=4))
    write_text(directory / ".done.embeddings", "")


def _write_split(directory: Path, split: str, rows: SplitRows, labels: Sequence[str], order: Sequence[int]) -> None:
    files = [rows.files[place] for place in order]
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("idx", "label"), *enumerate(task.vocabulary)])
    labels = pandas_labels(text.getvalue())
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise EmbeddingError(f"heareval reads several labels of {task.name!r} as {twice!r}; rename them.")
    write_text(directory / "labelvocabulary.csv", text.getvalue())
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


def _metadata(task: ProbeTask) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "task_name": task.name,
        "version": "1",
        "mode": "full",
        "embedding_type": task.embedding_type,
        "prediction_type": task.prediction_type,
        "split_mode": task.split_mode,
        "splits": list(task.splits),
        "sample_duration": None,
        "evaluation": list(task.evaluation),
        "use_scoring_for_early_stopping": task.use_scoring_for_early_stopping,
    }
    grids = (task.event_postprocessing_grid, task.task_specific_param_grid)
    named = dict(zip(("event_postprocessing_grid", "task_specific_param_grid"), grids, strict=True))
    params = {name: {key: list(values) for key, values in grid.items()} for name, grid in named.items() if grid}
    return {**metadata, "evaluation_params": params} if params else metadata
