"""What bounds a score before any encoder is heard: labels that are not tested, events that frames cannot tell apart.

- A class without test clips has an average precision of 0 in HEAR's mAP (scikit-learn 1.3), which is a mean over all
  classes; its area under the ROC curve, and so d', is not defined.
- Frames are labelled class by class. Events of one class that overlap or touch in one file are one run of frames, and
  come out as one event.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from hear_audiomosaic.metrics.event_data import Events
from hear_audiomosaic.metrics.scores import evaluate_events, get_score

__all__ = ["best_score", "event_limits_in_words", "label_limits_in_words", "merged_events", "n_touching"]

_NAMED = 5


def merged_events(events: Events) -> Events:
    """The runs that events of one class form in one file: what overlaps or touches becomes one.

    Returns:
        The runs, sorted by file, class and start.
    """
    order, run = _runs(events)
    n_runs = int(run.max(initial=-1)) + 1
    first = np.searchsorted(run, np.arange(n_runs))
    end_ms = np.full(n_runs, -np.inf)
    np.maximum.at(end_ms, run, events.end_ms[order])
    at = order[first]
    return Events(events.file[at], events.label[at], events.start_ms[at], end_ms)


def n_touching(events: Events) -> int:
    """Events that overlap or touch another one of their class in their file."""
    _, run = _runs(events)
    sizes = np.bincount(run)
    return int(sizes[sizes > 1].sum())


def best_score(name: str, folds: Iterable[tuple[Events, Iterable[Events]]]) -> float | None:
    """The best that some estimates reach, the mean over folds as a score is.

    Args:
        name: an event score.
        folds: of each fold the true events, and several estimates of them, of which the best counts.

    Returns:
        None if no fold has true events.
    """
    better: Callable[[Iterable[float]], float] = max if get_score(name).higher_is_better else min
    best = []
    for reference, estimates in folds:
        if not len(reference):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # without estimated events an F-measure is NaN: nothing hit
            scores = [evaluate_events([name], reference, estimate)[name] for estimate in estimates]
        best.append(better(0.0 if math.isnan(score) else score for score in scores))
    return float(np.mean(best)) if best else None


def label_limits_in_words(
    score_name: str, untrained: Sequence[str], untested: Sequence[str], what: str = "clip"
) -> list[str]:
    """Sentences without a full stop on labels that are not trained or not tested (in some fold); none if all are.

    Args:
        score_name: the primary score.
        untrained: labels without a training clip.
        untested: labels without a test clip.
        what: has labels, a clip or an event.
    """
    words = []
    if untrained:
        words.append(f"no training {what} has {_labels(untrained)}, of which a probe can learn nothing")
    if untested:
        outcome = "of which the score says nothing"
        if score_name == "mAP":
            outcome = f"{'each of which counts' if len(untested) > 1 else 'which counts'} as 0 in mAP"
        elif score_name in ("aucroc", "d_prime", "eer"):
            outcome = f"which leaves {score_name} undefined"
        words.append(f"no test {what} has {_labels(untested)}, {outcome}")
    return words


def event_limits_in_words(
    score_name: str,
    without_frame: Mapping[str, int],
    n_events: Mapping[str, int],
    perfect_frames: float | None,
) -> list[str]:
    """Sentences without a full stop on events that frames cannot show; none if there are no such.

    Args:
        score_name: the primary score.
        without_frame: split -> events that cover no frame.
        n_events: split -> events.
        perfect_frames: score of frames that are all predicted right; None if not known.
    """
    words = []
    lost = {split: n for split, n in without_frame.items() if n}
    if lost:
        parts = ", ".join(f"{n} of {n_events[split]} in {split}" for split, n in lost.items())
        words.append(f"events that cover no frame, being shorter than the hop or without any length: {parts}")
    if perfect_frames is not None and _is_less_than_perfect(score_name, perfect_frames):
        words.append(
            f"frames that are all predicted right score {perfect_frames:.3f} ({score_name}): events of a class that "
            "overlap or touch become one, and short ones may be lost"
        )
    return words


def _is_less_than_perfect(score_name: str, score: float) -> bool:
    return score < 0.9995 if get_score(score_name).higher_is_better else score > 0.0005


def _labels(labels: Sequence[str]) -> str:
    first = ", ".join(f"'{label}'" for label in labels[:_NAMED])
    more = ", ..." if len(labels) > _NAMED else ""
    return f"the label {first}" if len(labels) == 1 else f"any of {len(labels)} labels ({first}{more})"


def _runs(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """(E,) order by file, class and start, and (E,) the number of the run of each event in that order."""
    order = np.lexsort((events.end_ms, events.start_ms, events.label, events.file))
    if not len(order):
        return order, order
    file, label = events.file[order], events.label[order]
    is_new = np.r_[True, (file[1:] != file[:-1]) | (label[1:] != label[:-1])]
    group = np.cumsum(is_new) - 1
    span = float(events.end_ms.max()) + 1.0
    start, end = group * span + events.start_ms[order], group * span + events.end_ms[order]
    reached = np.maximum.accumulate(end)
    run = np.cumsum(np.r_[True, (start[1:] > reached[:-1]) | is_new[1:]]) - 1
    return order, run
