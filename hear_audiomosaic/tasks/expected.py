"""A task's tables against what its card says, or where a mode has no card, its recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hear_audiomosaic.tasks.card import KnownCount, TaskCard
from hear_audiomosaic.tasks.catalog import all_cards
from hear_audiomosaic.tasks.from_source import metadata_of
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["Difference", "against_card"]

_FIELDS = (
    *("embedding_type", "prediction_type", "split_mode", "splits", "sample_duration_s", "evaluation"),
    "use_scoring_for_early_stopping",
)


@dataclass(frozen=True)
class Difference:
    """Something that is not as it should be.

    Attributes:
        kind: "clip", "length", "digest", "card", ...
        name: of what differs: a file, a field.
        expected: in words.
        found: in words.
        known: where it is known that it differs; empty: it is wrong.
    """

    kind: str
    name: str
    expected: str
    found: str
    known: str = ""

    @property
    def words(self) -> str:
        """One line."""
        known = f" (known: {self.known})" if self.known else ""
        return f"{self.kind} {self.name}: expected {self.expected}, found {self.found}{known}"


def against_card(task: PreparedTask, hours: float | None) -> Iterator[Difference]:
    """What differs between a task and what is expected of a task of its name; nothing where nothing is.

    Args:
        task: the prepared task.
        hours: of audio that it has; None: not known.
    """
    expected = _expected(task)
    if expected is not None:
        for name in _FIELDS:
            wanted, found = getattr(expected, name), getattr(task.card, name)
            if wanted != found:
                yield Difference("card", name, _text(wanted), _text(found))
        if expected.n_classes not in (None, len(task.vocabulary)):
            yield Difference("card", "n_classes", _text(expected.n_classes), _text(len(task.vocabulary)))
    yield from _counts(task, expected)
    wanted_hours = None if expected is None or hours is None else expected.hours
    # Cards have hours as they are printed, with a digit or two; other counts that are known differ by 1 %.
    if wanted_hours is not None and hours is not None and abs(hours - wanted_hours) > 0.05 + 0.01 * wanted_hours:
        yield Difference("card", "hours", _text(wanted_hours), f"{hours:.3g}")


def _counts(task: PreparedTask, expected: TaskCard | None) -> Iterator[Difference]:
    """The number of clips against the card's, and against others that are known."""
    n_clips = sum(len(task.labels(split)) for split in task.splits)
    counts = _known_counts(task.card)
    agreeing = [one.source for one in counts if one.n_clips == n_clips]
    if expected is not None and expected.n_clips is not None:
        if n_clips != expected.n_clips:
            yield Difference("card", "n_clips", _text(expected.n_clips), _text(n_clips), "; ".join(agreeing))
    elif counts and not agreeing:
        wanted = " or ".join(f"{one.n_clips} ({one.source})" for one in counts)
        yield Difference("counts", "n_clips", wanted, _text(n_clips))


def _known_counts(card: TaskCard) -> list[KnownCount]:
    """Other counts that are known of the task in its mode; they may stand on the card of another mode."""
    known = []
    for shipped in all_cards():
        if (shipped.name, shipped.version) == (card.name, card.version):
            known += [one for one in shipped.counts if (one.mode or shipped.mode) == card.mode]
    return list(dict.fromkeys(known))


def _expected(task: PreparedTask) -> TaskCard | None:
    """The shipped card, else what the recipe of the task in its mode says; else the folder's own card speaks."""
    folder = task.card.directory_name
    for card in all_cards():
        if card.directory_name == folder:
            return card
    metadata = metadata_of(folder)
    return task.card if metadata is None else TaskCard.from_metadata(metadata, f"the recipe of {folder}")


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
