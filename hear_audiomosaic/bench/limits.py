"""What bounds the results of an encoder on a task: found from its rows, told once, and recorded."""

from __future__ import annotations

import logging
from collections import Counter

from hear_audiomosaic.embedding import TaskEmbeddings
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


def limits_of(task: PreparedTask, rows: ProbeTask, protocol: Protocol, embeddings: TaskEmbeddings) -> TaskLimits:
    """What bounds the score of an encoder on a task.

    Args:
        task: the prepared task.
        rows: the same, as embedded by the encoder.
        protocol: how frames become events.
        embeddings: where the rows are stored.
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
        same_embedding=_same_embedding(embeddings),
    )


def _same_embedding(embeddings: TaskEmbeddings) -> float:
    """Share of the clips, one of each sound, whose stored rows are those of another one, by their checksums.

    Checksums have 32 bits: of 40,000 different clips, 0.2 pairs share one by chance, which does not count here.
    """
    rows_of = {
        audio: embeddings.stores[split].entry(file).rows
        for split, clips in embeddings.audio.clips.items()
        for file, audio in clips.items()
    }
    times = Counter(rows_of.values())
    return sum(n for n in times.values() if n > 1) / max(len(rows_of), 1)


def tell_limits(result: Result) -> None:
    """Log what bounds a result, a warning each."""
    task, limits = result.task, result.task.limits
    if limits is None:
        return
    for words in limits.in_words(result.score_name, of_events=task.embedding_type == "event"):
        _log.warning("%s on %s: %s", result.encoder.label, task.name, words)
