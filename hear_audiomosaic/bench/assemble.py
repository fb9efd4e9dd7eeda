"""From a prepared task and its embeddings to the arrays a protocol takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hear_audiomosaic.embedding import SplitEmbeddings, TaskEmbeddings
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing.data import ProbeTask, SplitRows, frame_labels_of_rows, heareval_row_order, multi_hot
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["probe_task"]


def probe_task(task: PreparedTask, embeddings: TaskEmbeddings) -> ProbeTask:
    """Rows in heareval's order (it decides the batches), targets as multi-hot, ground-truth events."""
    order = heareval_row_order({split: list(task.labels(split)) for split in task.splits})
    splits = {
        split: _split_rows(embeddings.rows(split, files), task.labels(split), task.vocabulary)
        for split, files in order.items()
    }
    return ProbeTask(task.card, splits, task.vocabulary)


def _split_rows(rows: SplitEmbeddings, labels: Mapping[str, Sequence[Any]], vocabulary: Sequence[str]) -> SplitRows:
    reference = None
    if rows.timestamps_ms is None:
        row_labels: Sequence[Sequence[str]] = [labels[file] for file in rows.files]
    else:
        reference = Events.from_lists(labels, rows.files, vocabulary)
        row_labels = frame_labels_of_rows(labels, rows.files, rows.row_file, rows.timestamps_ms)
    return SplitRows(
        values=rows.values,
        targets=multi_hot(row_labels, vocabulary),
        files=rows.files,
        row_file=rows.row_file,
        timestamps_ms=rows.timestamps_ms,
        reference=reference,
    )
