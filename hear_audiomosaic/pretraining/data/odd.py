"""Crops that are odd and are trained on all the same: counted, and the first of their clips named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.audio.files import is_silent
from hear_audiomosaic.printable import listed

__all__ = ["Odd", "OddLog", "oddities"]

Odd = tuple[str, str]
"""What is odd about a crop, and the name of its clip."""

_SILENT, _OUT_OF_RANGE = "silent", "beyond [-1, 1]"
_NAMED = 5


def oddities(crop: npt.NDArray[np.float32]) -> tuple[str, ...]:
    """What is odd about a crop (S,): all of it is silence, or some of it is beyond full scale."""
    found = {_SILENT: is_silent(crop), _OUT_OF_RANGE: float(np.abs(crop).max()) > 1.0}
    return tuple(kind for kind, it_is in found.items() if it_is)


@dataclass
class OddLog:
    """Odd crops so far.

    Attributes:
        crops: kind -> how many.
        names: kind -> names of the first clips, each once.
    """

    crops: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, odd: Iterable[Odd]) -> None:
        """Count crops."""
        for kind, name in odd:
            self.crops[kind] = self.crops.get(kind, 0) + 1
            names = self.names.setdefault(kind, [])
            if len(names) < _NAMED and name not in names:
                names.append(name)

    def in_words(self, n_crops: int) -> list[str]:
        """A sentence for each kind.

        Args:
            n_crops: all that were drawn.
        """
        return [
            f"{n} of {n_crops} crops were {kind}; they were trained on, the first from {listed(self.names[kind])}."
            for kind, n in self.crops.items()
        ]
