"""Do the frames of an encoder show the events of a task?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.metrics.limits import best_score, event_limits_in_words
from hear_audiomosaic.probing.data import FRAME_TOLERANCE_MS, ProbeTask, SplitRows
from hear_audiomosaic.probing.folds import frames_of
from hear_audiomosaic.probing.postprocessing import settings_of
from hear_audiomosaic.probing.protocol import Protocol

__all__ = ["covering", "frame_limits_in_words", "perfect_frames_score"]


def covering(rows: SplitRows) -> npt.NDArray[np.bool_]:
    """Which true events cover at least one frame: start <= t < end + 0.0001 ms, as frames are labelled.

    Args:
        rows: of an event split.

    Returns:
        (E,), in the order of ``rows.reference``.

    Raises:
        EmbeddingError: the split has no timestamps or no true events.
    """
    if rows.timestamps_ms is None or rows.reference is None:
        raise EmbeddingError("an event split needs timestamps and reference events.")
    events = rows.reference
    covers = np.zeros(len(events), dtype=bool)
    for file in np.unique(events.file):
        times = np.sort(rows.timestamps_ms[rows.row_file == file])
        own = np.flatnonzero(events.file == file)
        first = np.searchsorted(times, events.start_ms[own])  # the first frame at the start or later
        behind = np.searchsorted(times, events.end_ms[own] + FRAME_TOLERANCE_MS)
        covers[own] = behind > first
    return covers


def perfect_frames_score(task: ProbeTask, protocol: Protocol) -> float | None:
    """The primary score of frames that are all predicted right, turned into events as predictions are.

    Of the settings of post-processing the best counts, fold by fold. It is what a probe can hope for: less than perfect
    where events of a class overlap or touch, cover no frame, or are shorter than the filter and the shortest duration.

    Returns:
        None for scene tasks, and where no test split has a true event.
    """
    if task.card.embedding_type != "event":
        return None
    settings = settings_of(task.card.event_postprocessing_grid or protocol.event_postprocessing_grid)
    tests = [task.splits[fold.test] for fold in task.card.folds]
    return best_score(
        task.card.evaluation[0],
        (
            (rows.reference, frames_of(rows, protocol).events(rows.targets[None], settings)[0].values())
            for rows in tests
            if rows.reference is not None
        ),
    )


def frame_limits_in_words(task: ProbeTask, protocol: Protocol) -> list[str]:
    """What the frames of an event task cannot show, sentences without a full stop; none of scenes."""
    if task.card.embedding_type != "event":
        return []
    covers = {split: covering(rows) for split, rows in task.splits.items()}
    return event_limits_in_words(
        task.card.evaluation[0],
        {split: int((~of_split).sum()) for split, of_split in covers.items()},
        {split: len(of_split) for split, of_split in covers.items()},
        perfect_frames_score(task, protocol),
    )
