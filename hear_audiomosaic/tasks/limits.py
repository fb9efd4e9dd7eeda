"""What the labels of a task, whatever the encoder, allow to be scored."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hear_audiomosaic.metrics import Events
from hear_audiomosaic.metrics.limits import best_score, label_limits_in_words, merged_events, n_touching
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["LabelLimits", "label_limits", "tell_limits"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelLimits:
    """Facts of a task's labels.

    Attributes:
        score_name: the primary score.
        what: has labels, a clip or an event.
        untrained: labels that train has not, in some fold, in the order of the vocabulary.
        untested: labels that test has not, in some fold, likewise.
        n_events: of all splits; 0 for scenes.
        instants: events whose start is their end.
        touching: events that overlap or touch another one of their class in their clip.
        best: score of exact events of which those that overlap or touch are one; None for scenes.
    """

    score_name: str
    what: str
    untrained: tuple[str, ...]
    untested: tuple[str, ...]
    n_events: int = 0
    instants: int = 0
    touching: int = 0
    best: float | None = None

    def in_words(self) -> list[str]:
        """Sentences without a full stop, none where nothing is amiss."""
        words = label_limits_in_words(self.score_name, self.untrained, self.untested, self.what)
        if self.touching and self.best is not None:
            words.append(
                f"{self.touching} of {self.n_events} events overlap or touch another one of their class in their clip; "
                f"frames cannot tell them apart, so that exact ones score {self.best:.3f} ({self.score_name})"
            )
        if self.instants:
            words.append(
                f"{self.instants} of {self.n_events} events end where they begin; such events cover a frame only by "
                "chance"
            )
        return words


def label_limits(task: PreparedTask) -> LabelLimits:
    """Look at all labels of a task."""
    of_events = task.card.embedding_type == "event"
    present = {split: _labels_of(task, split, of_events=of_events) for split in task.splits}
    untrained: set[str] = set()
    untested: set[str] = set()
    for fold in task.card.folds:
        untrained |= set(task.vocabulary) - set().union(*(present[split] for split in fold.train))
        untested |= set(task.vocabulary) - present[fold.test]
    score_name = task.card.evaluation[0]
    limits = LabelLimits(
        score_name=score_name,
        what="event" if of_events else "clip",
        untrained=tuple(label for label in task.vocabulary if label in untrained),
        untested=tuple(label for label in task.vocabulary if label in untested),
    )
    return _with_events(limits, task) if of_events else limits


def tell_limits(task: PreparedTask) -> None:
    """Log what the labels do not allow, a warning each."""
    for words in label_limits(task).in_words():
        _log.warning("%s: %s", task.card.name, words)


def _labels_of(task: PreparedTask, split: str, *, of_events: bool) -> set[str]:
    return {label["label"] if of_events else label for labels in task.labels(split).values() for label in labels}


def _with_events(limits: LabelLimits, task: PreparedTask) -> LabelLimits:
    events = {
        split: Events.from_lists(task.labels(split), list(task.labels(split)), task.vocabulary) for split in task.splits
    }
    return LabelLimits(
        score_name=limits.score_name,
        what=limits.what,
        untrained=limits.untrained,
        untested=limits.untested,
        n_events=sum(map(len, events.values())),
        instants=sum(int((of.start_ms == of.end_ms).sum()) for of in events.values()),
        touching=sum(map(n_touching, events.values())),
        best=best_score(
            limits.score_name,
            ((events[fold.test], [merged_events(events[fold.test])]) for fold in task.card.folds),
        ),
    )
