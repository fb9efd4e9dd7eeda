"""What bounds scores whatever a probe learns, in words, shared by all formats."""

from __future__ import annotations

from hear_audiomosaic.reporting.comparison.model import Comparison, TaskColumn
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["about_limits"]


def about_limits(comparison: Comparison) -> tuple[str, ...]:
    """Labels without training or test clips, events that frames cannot show, test clips that are trained on.

    Returns:
        A sentence for each fact of each task, with the encoders that it holds for if it does not hold for all; none for
        results of before such facts were recorded.
    """
    return tuple(text for i, column in enumerate(comparison.columns) for text in _of_column(comparison, i, column))


def _of_column(comparison: Comparison, i: int, column: TaskColumn) -> list[str]:
    rows_of: dict[str, dict[str, None]] = {}
    measured = [row for row in comparison.rows if row.cells[i].state == "scored"]
    of_events = column.task.embedding_type == "event"
    for row in measured:
        for loaded in row.cells[i].results:
            limits = loaded.result.task.limits
            for words in [] if limits is None else limits.in_words(column.score_name, of_events=of_events):
                rows_of.setdefault(words, {})[row.label] = None
    return [
        f"On {column.label}{'' if len(labels) == len(measured) else f', with {listing(labels)}'}, {words}."
        for words, labels in rows_of.items()
    ]
