"""The HEAR contract: what a module's three functions take and return, checked on every call.

Source: the HEAR 2021 common API. Scene embeddings are (B, D); timestamp embeddings are (B, T, D) with centre times
(B, T) in milliseconds.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.surroundings import Own

__all__ = ["FUNCTIONS", "SAMPLE_RATES_HZ", "check_model", "check_module", "check_scene", "check_timestamps"]

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


def check_model(model: Any, name: str, own: Own | None = None) -> None:
    """A HEAR model is a ``torch.nn.Module`` with a sample rate in Hz and two embedding sizes.

    Args:
        model: of foreign code.
        name: the encoder's, for errors.
        own: as for :func:`check_module`.

    Raises:
        EncoderError: naming what is missing or wrong.
    """
    with foreign(f"Reading the attributes of the model of {name} failed", own):
        _check_model(model, name)


def _check_model(model: Any, name: str) -> None:
    if not isinstance(model, torch.nn.Module):
        raise EncoderError(f"load_model of {name} returned a {type(model).__name__}; expected a torch.nn.Module.")
    for attribute in ("sample_rate", "scene_embedding_size", "timestamp_embedding_size"):
        value = getattr(model, attribute, None)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise EncoderError(f"The model of {name} has {attribute} = {_short(value)}; expected a positive int.")
    if model.sample_rate not in SAMPLE_RATES_HZ:
        allowed = ", ".join(str(rate) for rate in SAMPLE_RATES_HZ)
        raise EncoderError(f"The model of {name} wants {model.sample_rate} Hz; HEAR's rates are {allowed}.")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def check_scene(embeddings: Any, n_clips: int, size: int, name: str) -> npt.NDArray[np.float32]:
    """Check what ``get_scene_embeddings`` returned and bring it to the host.

    Returns:
        float32, shape (B, D).

    Raises:
        EncoderError: wrong kind, dtype or shape, or values that are not finite.
    """
    return _array(embeddings, (n_clips, size), f"get_scene_embeddings of {name}")


def check_timestamps(
    returned: Any, n_clips: int, size: int, duration_ms: float, name: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Check what ``get_timestamp_embeddings`` returned and bring it to the host.

    Returns:
        ``(embeddings, timestamps_ms)``: float32 (B, T, D) and float64 (B, T), the same centre times for all clips.

    Raises:
        EncoderError: wrong kind, dtype or shape, values that are not finite, times that do not rise, lie outside
            the clip, or are in seconds.
    """
    what = f"get_timestamp_embeddings of {name}"
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise EncoderError(f"{what} returned a {type(returned).__name__}; expected a tuple (embeddings, timestamps).")
    timestamps = returned[1].detach().cpu().double().numpy() if isinstance(returned[1], Tensor) else returned[1]
    if not isinstance(timestamps, np.ndarray) or timestamps.ndim != 2 or not timestamps.size:
        raise EncoderError(f"{what} returned timestamps of shape {np.shape(timestamps)}; expected (B, T) with T >= 1.")
    embeddings = _array(returned[0], (n_clips, timestamps.shape[1], size), what)
    if timestamps.shape[0] != n_clips or not np.isfinite(timestamps).all():
        raise EncoderError(f"{what} returned timestamps {timestamps.shape}, not finite or not of {n_clips} clips.")
    if timestamps.shape[1] > 1 and not (np.diff(timestamps, axis=1) > 0).all():
        raise EncoderError(f"{what} returned timestamps that do not rise.")
    last = float(timestamps.max())
    # Several steps that all lie in the first five hundredth of the clip: no framing does that, a unit error does.
    if duration_ms >= 200.0 and timestamps.shape[1] > 1 and last <= duration_ms / 500.0:
        raise EncoderError(
            f"{what} returned timestamps up to {last:.4g} for a clip of {duration_ms:.0f} ms: they look like seconds; "
            "HEAR wants milliseconds."
        )
    if timestamps.min() < 0.0 or last > duration_ms + 1e-6:
        raise EncoderError(
            f"{what} returned timestamps from {timestamps.min():.2f} to {last:.2f} ms for a clip of "
            f"{duration_ms:.2f} ms; expected centre times inside the clip."
        )
    return embeddings, timestamps.astype(np.float64)


def _array(embeddings: Any, shape: tuple[int, ...], what: str) -> npt.NDArray[np.float32]:
    if not isinstance(embeddings, Tensor):
        raise EncoderError(f"{what} returned a {type(embeddings).__name__}; expected a float32 torch tensor {shape}.")
    if embeddings.dtype != torch.float32 or tuple(embeddings.shape) != shape:
        raise EncoderError(
            f"{what} returned {str(embeddings.dtype).removeprefix('torch.')} of shape {tuple(embeddings.shape)}; "
            f"expected float32 of shape {shape}."
        )
    values: npt.NDArray[np.float32] = embeddings.detach().cpu().numpy()
    if not np.isfinite(values).all():
        raise EncoderError(f"{what} returned NaN or infinity; expected finite values.")
    return values
