"""Who is to be cited: HEAR, and whom the compared encoders' cards name."""

from __future__ import annotations

from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.results.cards import EncoderCard, Paper, cards_of

__all__ = ["HEAR", "bibtex"]

HEAR = Paper(
    key="hear2021",
    title="HEAR: Holistic Evaluation of Audio Representations",
    year=2022,
    arxiv="2203.03022",
    authors=("Turian, Joseph", "Shier, Jordie", "others"),
    note="NeurIPS 2021 Competitions and Demonstrations Track, PMLR 176",
)


def bibtex(content: ReportData) -> str:
    """BibTeX of a report, ending in a line feed: HEAR first, then by first author, those without a known one last."""
    cards = sorted(cards_of(row.encoder for row in content.encoders), key=_order)
    return "\n".join(dict.fromkeys([HEAR.bibtex(), *(card.citation for card in cards if card.citation)]))


def _order(card: EncoderCard) -> tuple[bool, str, str]:
    authors = card.paper.authors if card.paper else ()
    return not authors, authors[0] if authors else "", card.title
