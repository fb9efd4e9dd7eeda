"""Where embeddings came from, in words, shared by all formats."""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.reporting.comparison.model import Comparison, EncoderRow
from hear_audiomosaic.reporting.text.formats import listing

__all__ = ["about_sources"]


def about_sources(comparison: Comparison) -> tuple[str, ...]:
    """Embeddings that another program wrote, and audio that was read at another rate than the encoder's.

    Returns:
        A sentence for each such encoder, and for each change of rate with its encoders and tasks; none where all
        embeddings were made here, of audio at the encoders' own rates.
    """
    imported = (_imported(row) for row in comparison.rows if row.encoder.imported is not None)
    return (*imported, *_rates(comparison))


def _imported(row: EncoderRow) -> str:
    facts = [loaded.result.encoder.imported for cell in row.cells for loaded in cell.results]
    known = [one for one in facts if one is not None]
    directories = listing(sorted({one.directory for one in known}))
    programs = listing(sorted({one.scored_by for one in known}))
    words = f"{row.label}: embeddings imported from {directories}, scored by {programs}"
    if not all(one.has_predictions for one in known):
        words += "; without predictions there are no intervals and no tests"
    return f"{words}."


def _rates(comparison: Comparison) -> Iterator[str]:
    tasks_of: dict[tuple[str, str], list[str]] = {}
    for i, column in enumerate(comparison.columns):
        for row in comparison.rows:
            for words in sorted({loaded.result.change_of_rate for loaded in row.cells[i].results} - {""}):
                tasks_of.setdefault((words, row.label), []).append(column.label)
    rows_of: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (words, label), tasks in tasks_of.items():
        rows_of.setdefault((words, tuple(tasks)), []).append(label)
    for (words, on), labels in rows_of.items():
        where = "all tasks" if len(on) == len(comparison.columns) else listing(on)
        yield f"On {where}, {listing(labels)} read {words}."
