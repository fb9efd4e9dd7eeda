"""An encoder in facts: its card, its sizes, its fingerprint and what that covers. Nothing is embedded."""

from __future__ import annotations

from typing import Any

from hear_audiomosaic.hear.card import EncoderCard, TrainingSet
from hear_audiomosaic.hear.objects import EncoderLike, as_encoder

__all__ = ["describe_encoder"]

_MOST_NAMES = 6
"""Of what a fingerprint covers, in one line of text; the nested form names everything."""


def describe_encoder(encoder: EncoderLike, nested: bool = True) -> dict[str, Any]:
    """What is known of an encoder without embedding anything.

    Args:
        encoder: a reference or an object.
        nested: whether the card is one nested value, as it stands in a result; else one line of text for each fact.

    Returns:
        Facts by name: the reference, what the card states, sizes, number of parameters, fingerprint, and the names of
        what that covers, part by part (``depends_on``).

    Raises:
        EncoderError: no such encoder, one that breaks the contract, or a broken card.
    """
    loaded = as_encoder(encoder)
    card = loaded.card or EncoderCard()
    sizes = {
        "untrained": loaded.untrained,
        "weights_path": str(loaded.weights_path) if loaded.weights_path else None,
        "sample_rate_hz": loaded.sample_rate,
        "scene_embedding_size": loaded.scene_embedding_size,
        "timestamp_embedding_size": loaded.timestamp_embedding_size,
        "n_parameters": loaded.n_parameters,
        "fingerprint": loaded.fingerprint,
    }
    depends_on = loaded.inventory.names
    if nested:
        return {"ref": loaded.ref.text, "card": card.model_dump(mode="json"), **sizes, "depends_on": depends_on}
    bibtex = card.citation and f"\n{card.citation.rstrip()}"
    covered = {f"depends on: {part.replace('_', ' ')}": _listed(names) for part, names in depends_on.items()}
    return {"ref": loaded.ref.text, **_lines(card), **sizes, **covered, "bibtex": bibtex}


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{len(names)}: {shown}, ..." if len(names) > _MOST_NAMES else shown


def _lines(card: EncoderCard) -> dict[str, str]:
    paper = card.paper
    year = f" ({paper.year})" if paper and paper.year else ""
    data = card.training_data
    return {
        "title": card.title,
        "licence": card.licence,
        "paper": f"{paper.title}{year} {paper.link}".strip() if paper else "",
        "training_data": data if isinstance(data, str) else "; ".join(map(_set, data)),
        "note": card.note,
        "weights": card.weights,
        **{name: str(value) for name, value in card.extra.items()},
    }


def _set(one: TrainingSet) -> str:
    return one.name + (f" ({', '.join(one.licences)})" if one.licences else "")
