"""Test predictions of a result, kept so that every score can be computed again and every mistake listened to."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing.run import FoldResult, ProbeResult

__all__ = ["write_predictions"]


def write_predictions(path: Path, probed: ProbeResult) -> None:
    """Write all folds' predictions to one compressed ``.npz``, atomically.

    Keys, per test split: ``<split>/probabilities`` (n, C), ``/targets`` (n, C) bool, ``/files`` (clips), ``/row_file``
    (n,); for events also ``/timestamps_ms`` (n,) and, for each of ``predicted`` and ``reference``,
    ``/<kind>_{file,label,start_ms,end_ms}``.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for fold in probed.folds:
        arrays |= {f"{fold.split}/{name}": array for name, array in _fold_arrays(fold).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def _fold_arrays(fold: FoldResult) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {
        "probabilities": fold.probabilities,
        "targets": fold.targets.astype(bool),
        "files": np.array(fold.files, dtype=np.str_),
        "row_file": fold.row_file,
    }
    if fold.timestamps_ms is not None:
        arrays["timestamps_ms"] = fold.timestamps_ms
    for kind, events in (("predicted", fold.predicted_events), ("reference", fold.reference_events)):
        if events is not None:
            arrays |= {f"{kind}_{name}": array for name, array in _event_arrays(events).items()}
    return arrays


def _event_arrays(events: Events) -> dict[str, npt.NDArray[Any]]:
    return {"file": events.file, "label": events.label, "start_ms": events.start_ms, "end_ms": events.end_ms}
