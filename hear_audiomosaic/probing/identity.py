"""What a probe is made from, as one digest: two runs of the same digest compute the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing.data import ProbeTask
from hear_audiomosaic.probing.probe import RunSettings
from hear_audiomosaic.probing.protocol import Protocol

__all__ = ["identity_of"]


def identity_of(task: ProbeTask, protocol: Protocol, settings: RunSettings, seeds: Sequence[int]) -> str:
    """BLAKE2b (hexadecimal) over the rows themselves, the card, the protocol, the seeds, how and by what is computed.

    The number of threads and the kind of CPU, on which the last digits may depend, are not part of it.
    """
    facts = {
        "card": task.card.model_dump(mode="json"),
        "vocabulary": task.vocabulary,
        "protocol": protocol.fingerprint,
        "settings": [settings.device, settings.precision, settings.strict, settings.trainer],
        "seeds": list(seeds),
        "scoring": SCORING_VERSION,
        "versions": {name: version(name) for name in ("hear_audiomosaic", "numpy", "scikit-learn", "scipy")},
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name(settings.device) if settings.device.startswith("cuda") else None,
        "files": {split: list(rows.files) for split, rows in task.splits.items()},
    }
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True, default=str).encode())
    for name, array in _arrays(task):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _arrays(task: ProbeTask) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for split, rows in task.splits.items():
        yield f"{split} values", rows.values
        yield f"{split} targets", rows.targets
        yield f"{split} row_file", rows.row_file
        if rows.timestamps_ms is not None:
            yield f"{split} timestamps_ms", rows.timestamps_ms
        if rows.reference is not None:
            for field in dataclasses.fields(rows.reference):
                yield f"{split} reference {field.name}", np.asarray(getattr(rows.reference, field.name))
