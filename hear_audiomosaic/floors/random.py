"""A floor: AudioMosaic with random weights. What a trained encoder does not beat, its training did not bring."""

from __future__ import annotations

from typing import Any

from hear_audiomosaic.audiomosaic import encoder_card as _audiomosaic_card
from hear_audiomosaic.audiomosaic import load_model as _load_model
from hear_audiomosaic.audiomosaic.model import AudioMosaicModel
from hear_audiomosaic.hear.model import get_scene_embeddings, get_timestamp_embeddings

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

encoder_card = _audiomosaic_card.model_copy(
    update={"title": "Random weights", "note": "A floor: AudioMosaic's network as it is before any training."}
)


def load_model(model_file_path: str = "base", **options: Any) -> AudioMosaicModel:
    """Load an untrained encoder.

    Args:
        model_file_path: its size: base, small, tiny or micro.
        options: as of :func:`hear_audiomosaic.load_model`.
    """
    return _load_model(f"random:{model_file_path or 'base'}", **options)
