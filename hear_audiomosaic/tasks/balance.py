"""How often each label stands in each split of a task."""

from __future__ import annotations

from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["label_counts"]


def label_counts(task: PreparedTask) -> dict[str, dict[str, int]]:
    """Label -> split -> clips that have it, or events of it; in the order of the vocabulary, zeros among them."""
    counts = {label: dict.fromkeys(task.splits, 0) for label in task.vocabulary}
    is_event = task.card.embedding_type == "event"
    for split in task.splits:
        for labels in task.labels(split).values():
            for label in labels:
                counts[label["label"] if is_event else label][split] += 1
    return counts
