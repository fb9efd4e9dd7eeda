"""Results of embeddings that another program wrote: what is known of them, and what is not.

Of such an encoder there is no fingerprint, no rate, no number of parameters, no card and no check: nothing is claimed
of how its embeddings were made. They are known by their bytes alone
(:attr:`hear_audiomosaic.results.schema.Result.embeddings_digest`: SHA-256 over those of ``<split>.embeddings.npy``).
"""

from __future__ import annotations

from typing import Literal

from hear_audiomosaic.results.record import Record

__all__ = ["IMPORTED_MARK", "UNKNOWN", "Imported", "imported_label", "imported_ref"]

IMPORTED_MARK = "(imported)"
UNKNOWN = "unknown"
"""In a manifest, where a fact of the machine is asked for that made the scores."""


class Imported(Record):
    """Where embeddings came from."""

    directory: str
    """The last two folders of the path, ``<module>/<task>``; what is above them is one machine's own."""
    layout: Literal["heareval"] = "heareval"
    scored_by: Literal["heareval", "hear_audiomosaic"]
    """Which program's prediction step wrote the scores."""
    has_predictions: bool
    """False: there are no intervals and no paired tests."""


def imported_label(label: str) -> str:
    """As tables show it, with its mark."""
    return label if label.endswith(IMPORTED_MARK) else f"{label} {IMPORTED_MARK}"


def imported_ref(label: str) -> str:
    """In place of an encoder's reference."""
    return f"imported:{label.removesuffix(IMPORTED_MARK).strip()}"
