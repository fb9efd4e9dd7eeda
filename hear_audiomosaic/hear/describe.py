"""An encoder in facts: its card, its sizes, its fingerprint. Nothing is embedded."""

from __future__ import annotations

from typing import Any

from hear_audiomosaic.hear.card import EncoderCard, TrainingSet
from hear_audiomosaic.hear.encoder import load_encoder
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["describe_encoder"]


def describe_encoder(ref: str | EncoderRef, nested: bool = True) -> dict[str, Any]:
    """What is known of an encoder without embedding anything.

    Args:
        ref: encoder reference.
        nested: whether the card is one nested value, as it stands in a result; else one line of text for each fact.

    Returns:
        Facts by name: the reference, what the card states, sizes, number of parameters, fingerprint.

    Raises:
        EncoderError: no such encoder, one that breaks the contract, or a broken card.
    """
    encoder = load_encoder(ref)
    card = encoder.card or EncoderCard()
    sizes = {
        "untrained": encoder.untrained,
        "weights_path": str(encoder.weights_path) if encoder.weights_path else None,
        "sample_rate_hz": encoder.sample_rate,
        "scene_embedding_size": encoder.scene_embedding_size,
        "timestamp_embedding_size": encoder.timestamp_embedding_size,
        "n_parameters": encoder.n_parameters,
        "fingerprint": encoder.fingerprint,
    }
    if nested:
        return {"ref": encoder.ref.text, "card": card.model_dump(mode="json"), **sizes}
    return {"ref": encoder.ref.text, **_lines(card), **sizes, "bibtex": card.citation and f"\n{card.citation.rstrip()}"}


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
