"""Test predictions as plain arrays, under heareval's names, so that scores can be computed again from them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.probing.probe_result import FoldResult

__all__ = ["fold_arrays", "to_npz"]


def fold_arrays(fold: FoldResult) -> dict[str, npt.NDArray[Any]]:
    """The predictions of one test split.

    Returns:
        ``prediction`` (n, C) probabilities, ``target`` (n, C) multi-hot, ``files`` (clips), ``row_file`` (n,) index
        into them; for events also ``timestamp_ms`` (n,) and, for ``predicted_events`` and ``target_events``,
        ``<kind>_{file,label,start_ms,end_ms}``.
    """
    arrays: dict[str, npt.NDArray[Any]] = {
        "prediction": fold.probabilities,
        "target": fold.targets,
        "files": np.array(fold.files, dtype=np.str_),
        "row_file": fold.row_file,
    }
    if fold.timestamps_ms is not None:
        arrays["timestamp_ms"] = fold.timestamps_ms
    for kind, events in (("predicted", fold.predicted_events), ("target", fold.reference_events)):
        if events is not None:
            parts = ("file", "label", "start_ms", "end_ms")
            arrays |= {f"{kind}_events_{part}": getattr(events, part) for part in parts}
    return arrays


def to_npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """A compressed ``.npz`` that ``np.load(..., allow_pickle=False)`` reads."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **cast("dict[str, Any]", dict(arrays)))
    return buffer.getvalue()
