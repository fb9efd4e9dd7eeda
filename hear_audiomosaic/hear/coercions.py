"""Tolerant in form: what encoders of other people return is brought into one form, and every kind of that is counted.

What HEAR asks for is float32 tensors (B, D), (B, T, D) and times (B, T) on the model's device, and whole numbers as
attributes. Modules that mean the same in another form (half precision, int64 times, numpy or TensorFlow arrays, lists,
one row of times for all clips, more outputs than two, numbers as text) are taken as they are meant. Memory layout
counts for embeddings only: times that are one expanded row are usual. What the values are is judged elsewhere
(:mod:`~hear_audiomosaic.hear.contract`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError

__all__ = ["Coercions", "formed_scene", "formed_timestamps", "short", "whole_number"]

Coercions = Counter[str]
"""A sentence of what was brought into form -> in how many calls."""

_Array = npt.NDArray[Any]
_Shape = tuple["int | None", ...]
_TIMES = (torch.float32, torch.float64)


def formed_scene(
    returned: Any, n_clips: int, size: int | None, device: torch.device, what: str, coercions: Coercions
) -> npt.NDArray[np.float32]:
    """What ``get_scene_embeddings`` returned, on the host.

    Args:
        returned: by the module.
        n_clips: B.
        size: D; None: any.
        device: of the model.
        what: the call, for errors.
        coercions: is added to.

    Returns:
        float32, shape (B, D); of any values.

    Raises:
        EncoderError: no numbers, or not of that shape.
    """
    if _is_plain(returned, (n_clips, size), device):
        values: npt.NDArray[np.float32] = returned.cpu().numpy()
        return values
    shape = (n_clips, size)
    if isinstance(returned, tuple | list) and _is_first(returned, shape):
        coercions[f"of {_counted(len(returned), 'value')} for a scene the first was taken"] += 1
        returned = returned[0]
    return _embeddings(returned, shape, device, "scene embeddings", what, coercions)


def formed_timestamps(
    returned: Any, n_clips: int, size: int | None, device: torch.device, what: str, coercions: Coercions
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """What ``get_timestamp_embeddings`` returned, on the host.

    Args:
        returned: by the module.
        n_clips: B.
        size: D; None: any.
        device: of the model.
        what: the call, for errors.
        coercions: is added to.

    Returns:
        ``(embeddings, timestamps_ms)``: float32 (B, T, D) and float64 (B, T), T >= 1; of any values.

    Raises:
        EncoderError: no numbers, or not of these shapes.
    """
    if type(returned) is tuple and len(returned) == 2:
        embeddings, times = returned
        if (
            isinstance(times, Tensor)
            and times.ndim == 2
            and times.dtype in _TIMES
            and times.device.type == device.type
            and not times.requires_grad
            and _is_plain(embeddings, (n_clips, times.shape[1], size), device)
            and times.shape[0] == n_clips
            and times.shape[1]
        ):
            return embeddings.cpu().numpy(), times.cpu().double().numpy()
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        raise EncoderError(f"{what} returned a {type(returned).__name__}; expected a tuple (embeddings, timestamps).")
    if isinstance(returned, list):
        coercions["a list of embeddings and timestamps was taken as a tuple"] += 1
    if len(returned) > 2:
        coercions[f"of {len(returned)} values for timestamps the first two were taken"] += 1
    times = _times(returned[1], n_clips, device, what, coercions)
    shape = (n_clips, times.shape[1], size)
    return _embeddings(returned[0], shape, device, "timestamp embeddings", what, coercions), times


def whole_number(value: Any, noun: str, coercions: Coercions) -> int | None:
    """A positive whole number, whatever it is held in.

    Args:
        value: an int, or a number of numpy or torch, a float or a text that is one.
        noun: what it is.
        coercions: is added to where it is no int.

    Returns:
        None where it is none.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value > 0 else None
    try:
        number = float(value.item() if isinstance(value, Tensor | np.ndarray | np.generic) else value)
        found = int(number)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # of more than one value, not a number, infinite
        return None
    if found != number or found <= 0:
        return None
    coercions[f"{noun} of {type(value).__name__} became int"] += 1
    return found


def short(value: object) -> str:
    """A value in at most 80 letters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _is_plain(value: Any, shape: _Shape, device: torch.device) -> bool:
    """Whether embeddings have HEAR's form; nearly all have, in every batch."""
    return (
        isinstance(value, Tensor)
        and value.dtype is torch.float32
        and tuple(value.shape) == shape
        and not value.requires_grad
        and value.device.type == device.type
        and value.is_contiguous()
    )


def _is_first(returned: Sequence[Any], shape: _Shape) -> bool:
    """Whether the first of several values is the embedding, so that they are not one for each clip."""
    first = getattr(returned[0], "shape", ()) if returned else ()
    return _fits(first, shape) or (shape[0] == 1 < len(returned) and _fits(first, shape[1:]))


def _fits(found: Sequence[Any], shape: _Shape) -> bool:
    """Whether a shape is the expected one, in which None is any."""
    return len(found) == len(shape) and all(want in (None, one) for one, want in zip(found, shape, strict=True))


def _embeddings(
    returned: Any, shape: _Shape, device: torch.device, noun: str, what: str, coercions: Coercions
) -> npt.NDArray[np.float32]:
    values, dtype = _array(returned, device, noun, what, coercions)
    if shape[0] == 1 and _fits(values.shape, shape[1:]):
        coercions[f"{noun} of one clip got an axis of clips"] += 1
        values = values[None]
    if not _is_numeric(values) or not _fits(values.shape, shape):
        wanted = str(tuple("D" if one is None else one for one in shape)).replace("'", "")
        raise EncoderError(f"{what} returned {dtype} of shape {values.shape}; expected float32 of shape {wanted}.")
    if dtype != "float32":
        coercions[f"{noun} of {dtype} became float32"] += 1
    elif not values.flags.c_contiguous:
        coercions[f"{noun} became contiguous"] += 1
    with np.errstate(over="ignore"):  # infinity, which is judged with all other values
        return np.ascontiguousarray(values, dtype=np.float32)


def _times(
    returned: Any, n_clips: int, device: torch.device, what: str, coercions: Coercions
) -> npt.NDArray[np.float64]:
    times, dtype = _array(returned, device, "timestamps", what, coercions)
    if times.ndim == 1 and times.size:
        coercions["timestamps of shape (T,) were taken for every clip"] += 1
        times = np.tile(times, (n_clips, 1))
    elif times.ndim == 2 and times.shape[0] == 1 < n_clips:
        coercions["timestamps of shape (1, T) were taken for every clip"] += 1
        times = np.repeat(times, n_clips, axis=0)
    if times.ndim != 2 or not times.size:
        raise EncoderError(f"{what} returned timestamps of shape {times.shape}; expected (B, T) with T >= 1.")
    if not _is_numeric(times) or times.shape[0] != n_clips:
        raise EncoderError(
            f"{what} returned timestamps of {dtype} and shape {times.shape}; expected floats for {n_clips} clips."
        )
    if dtype not in ("float32", "float64"):
        coercions[f"timestamps of {dtype} became float64"] += 1
    return times.astype(np.float64)


def _array(value: Any, device: torch.device, noun: str, what: str, coercions: Coercions) -> tuple[_Array, str]:
    """Numbers of any kind on the host, and their dtype's name."""
    if isinstance(value, Tensor):
        if value.requires_grad:
            coercions[f"{noun} lost their gradient"] += 1
        if value.device.type != device.type:
            coercions[f"{noun} came on {value.device.type}, not on {device.type}"] += 1
        host = value.detach().cpu()
        is_known = host.dtype != torch.bfloat16  # numpy has none
        return (host if is_known else host.float()).numpy(), str(value.dtype).removeprefix("torch.")
    if isinstance(value, list | tuple):
        coercions[f"{noun} came as a {type(value).__name__}"] += 1
        return _stacked(value, device, noun, what)
    kind = type(value)
    if isinstance(value, np.ndarray):
        found = value
    elif callable(getattr(value, "numpy", None)):  # TensorFlow's
        found = np.asarray(value.numpy())
    elif hasattr(value, "__array__"):
        found = np.asarray(value)
    else:
        raise EncoderError(f"{what} returned a {kind.__name__} for {noun}; expected a torch tensor.")
    coercions[f"{noun} came as {kind.__module__.partition('.')[0]}.{kind.__name__}"] += 1
    return found, found.dtype.name


def _stacked(values: Sequence[Any], device: torch.device, noun: str, what: str) -> tuple[_Array, str]:
    """A list as one array: of numbers, or of what is an array itself, one for each clip."""
    ignored = Coercions()  # that it is a list has been counted
    is_nested = [not isinstance(one, int | float | np.generic) for one in values]
    parts = [_array(one, device, noun, what, ignored) for one in values] if all(is_nested) else []
    try:
        found = np.stack([part for part, _ in parts]) if parts else np.asarray(values)
    except ValueError as error:
        raise EncoderError(f"{what} returned a list for {noun} that is no array: {error}.") from error
    return found, parts[0][1] if parts else "float32" if found.dtype == np.float64 else found.dtype.name


def _is_numeric(values: _Array) -> bool:
    return values.dtype.kind in "fiu" or values.dtype.name == "bfloat16"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
