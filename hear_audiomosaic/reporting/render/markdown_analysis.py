"""Overall scores, paired tests and places, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from hear_audiomosaic.reporting.analysis.model import Analysis, Pair
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.published.formats import sheet_markdown
from hear_audiomosaic.reporting.render.markdown_text import safe, table
from hear_audiomosaic.reporting.tables.measured import overall_sheet
from hear_audiomosaic.reporting.tables.model import bracketed
from hear_audiomosaic.reporting.text.formats import MISSING, decimals
from hear_audiomosaic.reporting.text.uncertainty import adjacent_pairs, overall_remarks, p_text

__all__ = ["overall_section", "pairs_section", "placing_section"]


def overall_section(comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    """The overall scores, with the tasks that are missing from them."""
    if analysis.overall:
        yield f"#{sheet_markdown(overall_sheet(comparison, analysis))}"
    else:
        yield from map(safe, overall_remarks(comparison, analysis))


def pairs_section(comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    """The paired tests between neighbours of the table."""
    pairs = adjacent_pairs(comparison, analysis)
    if not pairs:
        return
    yield "### Neighbours compared"
    words = "mean" if comparison.mean_tasks else "label"
    yield (
        f"Encoders that follow each other in the table (by {words}), on the same resamples of the test clips; all "
        "pairs are in `pairs.csv`. The difference is the first score minus the second. p is adjusted over the tasks of "
        "a pair; Holm's gives the verdict. (The mark † is adjusted over the encoders of a task, and so may differ.)"
    )
    header = [
        "pair",
        "task",
        "difference",
        f"{100 * analysis.level:g} % interval",
        "p",
        "p (Holm)",
        "p (BH)",
        "verdict",
    ]
    yield table(header, [_pair(pair) for pair in pairs], words=(0, 1, 7))


def placing_section(analysis: Analysis) -> Iterator[str]:
    """Where the rows would stand on the published leaderboard: a table of measured rows alone."""
    if analysis.placing is not None:
        yield f"#{sheet_markdown(analysis.placing.sheet)}"


def _pair(pair: Pair) -> list[str]:
    interval = MISSING if pair.interval is None else safe(bracketed(pair.interval.low, pair.interval.high))
    return [
        safe(f"{pair.a} - {pair.b}"),
        safe(pair.column),
        decimals(pair.difference),
        interval,
        *(safe(p_text(p)) or MISSING for p in (pair.p, pair.p_holm, pair.p_bh)),
        safe(pair.verdict),
    ]
