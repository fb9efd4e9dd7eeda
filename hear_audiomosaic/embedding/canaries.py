"""Canaries: a few stored clips are embedded anew in every run, since no digest sees all that embeddings depend on.

An encoder may read a file through C code, ask a service, or hang on an environment variable or on the time. So a few
clips of each split that the store has (:func:`canaries`, at most 0.5 % of a split beyond the first one) are given to
the encoder again. Where the rows are not those of the store, within what floating-point arithmetic explains, the store
of that task is emptied, and all of it is embedded anew. A kill in between leaves an emptied store, which the next run
goes on with.

Tolerance: the distance of two clips' rows is the root of their mean squared difference. The last bits of a row change
with the batch it stands in, with threads and with the processor: between batches of 1 and 10 clips, 1 and 2 threads,
with oneDNN and without, the encoders of this repository differ by at most 2e-7 of the rows' size. A change that a probe
could see is one relative to how rows differ from each other, their spread. Allowed are :data:`_OF_SPREAD` of the spread
and :data:`_OF_SIZE` of the size, 100 times what arithmetic explains; on GPUs, which multiply in TF32 (11
significant bits), and from one kind of device to another, more; of rows stored as float16, their rounding.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding.audio_digests import TaskAudio
from hear_audiomosaic.embedding.rows import DamagedRowsError, SplitEmbeddings
from hear_audiomosaic.embedding.store import SplitStore
from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["canaries", "renew_what_changed"]

_log = logging.getLogger(__name__)
Array = npt.NDArray[Any]
_MOST = 3
"""Canaries of a split."""
_ONE_IN = 200
"""Clips of a split, beyond the first canary."""
_OF_SPREAD = {"cpu": 1e-3, "other": 2e-2}
_OF_SIZE = {"cpu": 2e-5, "other": 2e-3}
_OF_SIZE_FLOAT16 = 2.0**-11
_FOR_SPREAD = 32
"""Stored clips that the spread is taken over."""


@dataclass(frozen=True)
class _Rows:
    """Rows and times of one clip."""

    values: Array
    timestamps_ms: Array | None

    def distance(self, other: _Rows) -> float:
        """Root mean square of the differences; infinite where the rows are others in number or time."""
        if self.values.shape != other.values.shape:
            return math.inf
        mine, theirs = self.timestamps_ms, other.timestamps_ms
        if mine is not None and theirs is not None and np.abs(mine - theirs).max(initial=0.0) > 0.01:
            return math.inf
        return _rms(self.values.astype(np.float64) - other.values)


def canaries(store: SplitStore, audio: Mapping[str, str]) -> list[str]:
    """The clips of a split that are embedded again: those of the smallest digests, which is as good as by lot.

    Args:
        store: of the split.
        audio: file -> digest of its audio.

    Returns:
        Of the clips that the store has: one, for each 200 clips one more, three at most.
    """
    there = sorted((digest, file) for file, digest in audio.items() if store.has(file, digest))
    return [file for _, file in there[: min(_MOST, 1 + len(there) // _ONE_IN)]]


def renew_what_changed(
    encoder: Encoder, task: PreparedTask, stores: Mapping[str, SplitStore], audio: TaskAudio
) -> None:
    """Embed canaries; where they differ from the store, say so and empty the stores of all splits.

    An encoder that does not agree with itself, asked twice or in another batch, has nothing to be compared with: that
    is said, and its store stays. So it is where a canary cannot be embedded.

    Args:
        encoder: the loaded encoder.
        task: the prepared task.
        stores: split -> store.
        audio: of the task at the encoder's rate.

    Raises:
        EmbeddingError: the store cannot be written to.
    """
    changed: dict[str, str] = {}
    what = f"the stored embeddings of {encoder.label} on {task.card.name}"
    for split, store in stores.items():
        for file in canaries(store, audio.clips[split]):
            try:
                path = task.audio_path(split, file, audio.rate_hz)
                waveform = torch.from_numpy(read_audio(path, encoder.sample_rate)[0])
                change = _change(encoder, store, file, waveform)
                if change and not changed and not _is_steady(encoder, waveform, store.is_timed):
                    _log.warning(
                        "%s is not deterministic: asked again, or with another clip beside it, it embeds %s otherwise. "
                        "So whether %s still are right is not known, and scores will not come out the same again.",
                        *(encoder.label, path, what),
                    )
                    return
            except DamagedRowsError:
                continue  # is embedded anew when it is read
            except HearAudioMosaicError as error:
                _log.warning("Whether %s still are right is not known: %s", what, error)
                return
            if change:
                changed[split] = file
                _log.warning(
                    "%s do not hold any more, although its code, options, weights and files are the same: %s. What "
                    "changed is something that its fingerprint does not cover, such as a file that code in C reads, a "
                    "service, or the environment. All clips of the task are embedded anew, and results of the old "
                    "embeddings are made again.",
                    *(what[0].upper() + what[1:], f"{path} {change}"),
                )
                break
    if changed:
        _empty(stores, changed)


def _change(encoder: Encoder, store: SplitStore, file: str, waveform: Tensor) -> str:
    """In what the rows of a clip changed, in words; empty if they did not."""
    stored = _stored(store.read([file]))
    [found] = _embedded(encoder, waveform[None], store.is_timed)
    distance = found.distance(stored)
    devices = {store.entry(file).device, encoder.device.type}
    kind = "cpu" if devices == {"cpu"} else "other"
    size = _rms(stored.values)
    allowed = (_OF_SIZE[kind] + (_OF_SIZE_FLOAT16 if store.dtype == "float16" else 0.0)) * size
    if distance <= allowed:
        return ""
    spread = _spread(store)
    allowed += _OF_SPREAD[kind] * spread
    if distance <= allowed:
        return ""
    if math.isinf(distance):
        return "has other rows or times now"
    return f"now has embeddings that differ by {distance:.2g} (allowed are {allowed:.2g}, their spread is {spread:.2g})"


def _is_steady(encoder: Encoder, waveform: Tensor, timed: bool) -> bool:
    """Whether the encoder embeds a clip alike when asked again, and beside the same clip backwards."""
    alone, again, beside = (
        _embedded(encoder, batch, timed)[0]
        for batch in (waveform[None], waveform[None], torch.stack([waveform, waveform.flip(0)]))
    )
    kind = "cpu" if encoder.device.type == "cpu" else "other"
    allowed = _OF_SIZE[kind] * _rms(alone.values)
    return max(alone.distance(again), alone.distance(beside)) <= allowed


def _empty(stores: Mapping[str, SplitStore], changed: Mapping[str, str]) -> None:
    """Empty all splits, those that gave it away last: a kill in between leaves them to give it away again."""
    before = {split: stores[split].entry(file).rows for split, file in changed.items()}
    with ExitStack() as writing:
        for split in sorted(stores):  # one order: no two runs cross
            writing.enter_context(stores[split])
        for split, file in changed.items():
            if file not in stores[split].files or stores[split].entry(file).rows != before[split]:
                return  # another run was faster
        for split in sorted(stores, key=lambda split: split in changed):
            stores[split].clear()


def _embedded(encoder: Encoder, audio: Tensor, timed: bool) -> list[_Rows]:
    if timed:
        return [_Rows(values, times) for values, times in zip(*encoder.timestamps(audio), strict=True)]
    return [_Rows(row[None], None) for row in encoder.scene(audio)]


def _stored(rows: SplitEmbeddings) -> _Rows:
    return _Rows(rows.values, rows.timestamps_ms)


def _spread(store: SplitStore) -> float:
    """Root mean square of what rows of the store differ by from their mean."""
    files = store.files[:: max(1, len(store.files) // _FOR_SPREAD)]
    damaged = set(store.verify(files))
    values = store.read([file for file in files if file not in damaged]).values
    return _rms(values - values.mean(axis=0)) if len(values) else 0.0


def _rms(values: Array) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean())) if values.size else 0.0
