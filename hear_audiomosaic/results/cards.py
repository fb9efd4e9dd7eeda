"""The cards of the encoders in a set of results, for what a report cites."""

from __future__ import annotations

from collections.abc import Iterable

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.card import EncoderCard, Paper, library_cards
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.results.schema import EncoderFacts

__all__ = ["EncoderCard", "Paper", "cards_of"]


def cards_of(encoders: Iterable[EncoderFacts]) -> tuple[EncoderCard, ...]:
    """Cards of the encoders, in their order.

    Results from before there were cards have none. Beside results with cards, such an encoder has the card of the
    library's method of its registered name, where there is one; alone they have the cards of all the library's methods.
    """
    encoders = tuple(facts for facts in encoders if facts.imported is None)  # of those, nothing is known
    known = {} if all(facts.card is not None for facts in encoders) else library_cards()
    if known and all(facts.card is None for facts in encoders):
        return tuple(known.values())
    found = (facts.card or known.get(_name(facts.ref)) for facts in encoders)
    return tuple(card for card in found if card is not None)


def _name(ref: str) -> str:
    """The registered name in a reference; nothing where a result holds what is no reference."""
    try:
        return EncoderRef.parse(ref).name
    except EncoderError:
        return ""
