"""From a prepared task and its embeddings to the arrays a protocol takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hear_audiomosaic.embedding import SplitEmbeddings, TaskEmbeddings
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing.data import ProbeTask, SplitRows, frame_labels, heareval_row_order, multi_hot
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["probe_task"]


def probe_task(task: PreparedTask, embeddings: TaskEmbeddings) -> ProbeTask:
    """Rows in heareval's order (it decides the batches), targets as multi-hot, ground-truth events."""
    card = task.card
    order = heareval_row_order({split: list(task.labels(split)) for split in task.splits})
    return ProbeTask(
        name=card.name,
        embedding_type=card.embedding_type,
        prediction_type=card.prediction_type,
        split_mode=card.split_mode,
        splits={
            split: _split_rows(embeddings.rows(split, files), task.labels(split), task.vocabulary)
            for split, files in order.items()
        },
        vocabulary=task.vocabulary,
        evaluation=card.evaluation,
        use_scoring_for_early_stopping=card.use_scoring_for_early_stopping,
        event_postprocessing_grid=card.event_postprocessing_grid,
        task_specific_param_grid=card.task_specific_param_grid,
    )


def _split_rows(rows: SplitEmbeddings, labels: Mapping[str, Sequence[Any]], vocabulary: Sequence[str]) -> SplitRows:
    reference = None
    if rows.timestamps_ms is None:
        row_labels: Sequence[Sequence[str]] = [labels[file] for file in rows.files]
    else:
        reference = Events.from_lists(labels, rows.files, vocabulary)
        row_labels = []
        for i, file in enumerate(rows.files):
            row_labels += frame_labels(labels[file], rows.timestamps_ms[rows.row_file == i])
    return SplitRows(
        values=rows.values,
        targets=multi_hot(row_labels, vocabulary),
        files=rows.files,
        row_file=rows.row_file,
        timestamps_ms=rows.timestamps_ms,
        reference=reference,
    )
