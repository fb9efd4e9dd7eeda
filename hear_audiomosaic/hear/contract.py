"""The HEAR contract: strict in substance. What a module's functions return is judged on every call.

Source: the HEAR 2021 common API. Scene embeddings are (B, D); timestamp embeddings are (B, T, D) with centre times
(B, T) in milliseconds. Whatever is another form of the same is brought into this one before it is judged
(:mod:`~hear_audiomosaic.hear.coercions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.coercions import Coercions, short, whole_number
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.surroundings import Own

__all__ = [
    "FUNCTIONS",
    "SAMPLE_RATES_HZ",
    "ModelFacts",
    "check_model",
    "check_module",
    "check_scene",
    "check_timestamps",
    "look_like_seconds",
]

FUNCTIONS = ("load_model", "get_scene_embeddings", "get_timestamp_embeddings")
SAMPLE_RATES_HZ = (16000, 22050, 32000, 44100, 48000)


def check_module(module: ModuleType, own: Own | None = None) -> None:
    """A HEAR module has the three functions.

    Args:
        module: foreign code.
        own: what it has set for itself (:class:`~hear_audiomosaic.hear.foreign.foreign`).

    Raises:
        EncoderError: naming those that are missing.
    """
    with foreign(f"Looking for HEAR's functions in {module.__name__} failed", own):
        missing = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if missing:
        raise EncoderError(
            f"{module.__name__} is not a HEAR module: it has no function {', '.join(missing)}; "
            f"expected {', '.join(FUNCTIONS)}."
        )


@dataclass(frozen=True)
class ModelFacts:
    """What a model states of itself.

    Attributes:
        sample_rate: Hz.
        scene_embedding_size: D of a scene embedding; None where it is not stated.
        timestamp_embedding_size: D of a timestamp embedding; None where it is not stated.
    """

    sample_rate: int
    scene_embedding_size: int | None
    timestamp_embedding_size: int | None


def check_model(model: Any, name: str, own: Own | None = None, coercions: Coercions | None = None) -> ModelFacts:
    """A HEAR model has a sample rate in Hz, and may state two embedding sizes.

    Args:
        model: of foreign code; a ``torch.nn.Module``, a ``tf.Module`` or any other object.
        name: the encoder's, for errors.
        own: as for :func:`check_module`.
        coercions: is added to where a number is no int.

    Raises:
        EncoderError: naming what is missing or wrong.
    """
    with foreign(f"Reading the attributes of the model of {name} failed", own):
        return _facts(model, name, Coercions() if coercions is None else coercions)


def _facts(model: Any, name: str, coercions: Coercions) -> ModelFacts:
    if model is None:
        raise EncoderError(f"load_model of {name} returned nothing; expected a model with its sample_rate.")
    found: dict[str, int | None] = {}
    for attribute in ("sample_rate", "scene_embedding_size", "timestamp_embedding_size"):
        value = getattr(model, attribute, None)
        found[attribute] = whole_number(value, attribute, coercions)
        if found[attribute] is None and (value is not None or attribute == "sample_rate"):
            raise EncoderError(
                f"The model of {name}, a {type(model).__name__}, has {attribute} = {short(value)}; "
                "expected a positive int."
            )
    if found["sample_rate"] not in SAMPLE_RATES_HZ:
        allowed = ", ".join(str(rate) for rate in SAMPLE_RATES_HZ)
        raise EncoderError(f"The model of {name} wants {found['sample_rate']} Hz; HEAR's rates are {allowed}.")
    return ModelFacts(int(found["sample_rate"]), found["scene_embedding_size"], found["timestamp_embedding_size"])


def check_scene(embeddings: npt.NDArray[np.floating[Any]], what: str) -> None:
    """Scene embeddings are finite.

    Args:
        embeddings: (B, D).
        what: the call, for errors.

    Raises:
        EncoderError: they are not.
    """
    if not np.isfinite(embeddings).all():
        raise EncoderError(f"{what} returned NaN or infinity{_share(embeddings)}; expected finite values.")


def check_timestamps(
    embeddings: npt.NDArray[np.float32], timestamps: npt.NDArray[np.float64], duration_ms: float, what: str
) -> None:
    """Timestamp embeddings are finite, and so are their times, which rise inside the clip, in milliseconds.

    Args:
        embeddings: (B, T, D).
        timestamps: (B, T).
        duration_ms: of the clips.
        what: the call, for errors.

    Raises:
        EncoderError: they are not.
    """
    check_scene(embeddings, what)
    if not np.isfinite(timestamps).all():
        raise EncoderError(f"{what} returned timestamps that are not finite.")
    if timestamps.shape[1] > 1 and not (np.diff(timestamps, axis=1) > 0).all():
        raise EncoderError(f"{what} returned timestamps that do not rise.")
    last = float(timestamps.max())
    if look_like_seconds(timestamps, duration_ms):
        raise EncoderError(
            f"{what} returned timestamps up to {last:.4g} for a clip of {duration_ms:.0f} ms: they look like seconds; "
            "HEAR wants milliseconds."
        )
    if timestamps.min() < 0.0 or last > duration_ms + 1e-6:
        raise EncoderError(
            f"{what} returned timestamps from {timestamps.min():.2f} to {last:.2f} ms for a clip of "
            f"{duration_ms:.2f} ms; expected centre times inside the clip."
        )


def look_like_seconds(timestamps: npt.NDArray[np.float64], duration_ms: float) -> bool:
    """Whether several steps all lie in the first five hundredth of the clip: a unit error does that, no framing."""
    return duration_ms >= 200.0 and timestamps.shape[1] > 1 and float(timestamps.max()) <= duration_ms / 500.0


def _share(values: npt.NDArray[np.floating[Any]]) -> str:
    n_clips = len(values)
    n_bad = int((~np.isfinite(values.reshape(n_clips, -1)).all(axis=1)).sum())
    return f" for {n_bad} of {n_clips} clips"
