"""Where embeddings came from, in words, shared by all formats."""

from __future__ import annotations

from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["about_sources"]


def about_sources(comparison: Comparison) -> tuple[str, ...]:
    """A sentence for each encoder whose embeddings another program wrote; none where all were made here."""
    return tuple(_imported(row) for row in comparison.rows if row.encoder.imported is not None)


def _imported(row: EncoderRow) -> str:
    facts = [loaded.result.encoder.imported for cell in row.cells for loaded in cell.results]
    known = [one for one in facts if one is not None]
    directories = listing(sorted({one.directory for one in known}))
    programs = listing(sorted({one.scored_by for one in known}))
    words = f"{row.label}: embeddings imported from {directories}, scored by {programs}"
    if not all(one.has_predictions for one in known):
        words += "; without predictions there are no intervals and no tests"
    return f"{words}."
