"""A floor: AudioMosaic with random weights. What a trained encoder does not beat, its training did not bring."""

from __future__ import annotations

from hear_audiomosaic.audiomosaic import get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.audiomosaic import load_model as _load_model
from hear_audiomosaic.audiomosaic.model import AudioMosaicModel

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(model_file_path: str = "base", **options: int | str) -> AudioMosaicModel:
    """Load an untrained encoder.

    Args:
        model_file_path: its size: base, small, tiny or micro.
        options: as of :func:`hear_audiomosaic.load_model`.
    """
    return _load_model(f"random:{model_file_path or 'base'}", **options)  # type: ignore[arg-type]
