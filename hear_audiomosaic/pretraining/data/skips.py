"""Clips that cannot be decoded: listed, counted, and an error when they are too many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.printable import listed

__all__ = ["MAX_CORRUPT", "SkipLog", "too_many_corrupt"]

MAX_CORRUPT = 0.01  # share of a source's clips that may be corrupt


def too_many_corrupt(names: Sequence[str], n_clips: int) -> PretrainingError:
    """Return the error for ``names``, the corrupt clips so far among ``n_clips``."""
    first = listed(names)
    return PretrainingError(
        f"{len(names)} of {n_clips} clips cannot be decoded, are cut short, empty or of another scale, or hold NaN; at "
        f"most {MAX_CORRUPT:.0%} may be skipped: {first}. Fetch or convert them again, or leave them out (a manifest "
        "lists the files to use)."
    )


@dataclass
class SkipLog:
    """Names of the corrupt clips of one source, in the order in which they were first read.

    Attributes:
        n_clips: clips in the source, corrupt ones included.
        names: names so far, each once; a resumed run starts with those of its checkpoint.
    """

    n_clips: int
    names: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many clips were skipped."""
        return len(self.names)

    def add(self, names: Iterable[str]) -> tuple[str, ...]:
        """Add ``names`` and return those that are new.

        Raises:
            PretrainingError: more than 1 % of the clips are corrupt.
        """
        known = set(self.names)
        new = tuple(name for name in dict.fromkeys(names) if name not in known)
        self.names.extend(new)
        if new and self.count > MAX_CORRUPT * self.n_clips:
            raise too_many_corrupt(self.names, self.n_clips)
        return new
