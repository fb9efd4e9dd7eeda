"""What bounds the results of an encoder on a task: found from its rows, told once, and recorded."""

from __future__ import annotations

import logging

from hear_audiomosaic.probing.data import ProbeTask
from hear_audiomosaic.probing.event_targets import covering, perfect_frames_score
from hear_audiomosaic.probing.protocol import Protocol
from hear_audiomosaic.results.limits import TaskLimits
from hear_audiomosaic.results.schema import Result
from hear_audiomosaic.tasks.limits import label_limits
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.twins import trained_test_clips_of

__all__ = ["limits_of", "tell_limits"]

_log = logging.getLogger(__name__)


def limits_of(task: PreparedTask, rows: ProbeTask, protocol: Protocol) -> TaskLimits:
    """What bounds the score of an encoder on a task.

    Args:
        task: the prepared task.
        rows: the same, as embedded by the encoder.
        protocol: how frames become events.
    """
    labels = label_limits(task)
    without = {}
    if task.card.embedding_type == "event":
        without = {split: int((~covering(of_split)).sum()) for split, of_split in rows.splits.items()}
    return TaskLimits(
        untrained_labels=labels.untrained,
        untested_labels=labels.untested,
        trained_test_clips=trained_test_clips_of(task),
        n_events={
            split: len(of_split.reference) for split, of_split in rows.splits.items() if of_split.reference is not None
        },
        events_without_frame={split: n for split, n in without.items() if n},
        perfect_frames=perfect_frames_score(rows, protocol),
    )


def tell_limits(result: Result) -> None:
    """Log what bounds a result, a warning each."""
    task, limits = result.task, result.task.limits
    if limits is None:
        return
    for words in limits.in_words(result.score_name, of_events=task.embedding_type == "event"):
        _log.warning("%s on %s: %s", result.encoder.label, task.name, words)
