"""Filling the store: every clip of a task through one encoder, batched by length, resumed at the clip."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding.audio_digests import TaskAudio, task_audio
from hear_audiomosaic.embedding.store import SplitEmbeddings, SplitStore
from hear_audiomosaic.errors import AudioError, EmbeddingError, EncoderError
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.threads import in_threads

__all__ = ["TaskEmbeddings", "embed_task"]

_log = logging.getLogger(__name__)
_BATCH_SECONDS = {"cpu": 40.0, "cuda": 640.0}
_LOOK_AHEAD = 3  # batches that are read while one is encoded
_WORKERS = 2


@dataclass(frozen=True)
class TaskEmbeddings:
    """Embeddings of a task, in the store.

    Attributes:
        stores: split -> its log.
        seconds: wall time that embedding took now, without waiting for other runs; clips that were there cost at most
            their digest.
        audio_seconds: audio embedded now.
    """

    stores: Mapping[str, SplitStore]
    seconds: float
    audio_seconds: float

    def rows(self, split: str, files: Sequence[str]) -> SplitEmbeddings:
        """Rows of the split's ``files``, in that order."""
        return self.stores[split].read(files)


@dataclass(frozen=True)
class _Clip:
    split: str
    file: str
    path: Path
    audio: str  # digest
    n_samples: int  # at the file's own rate
    seconds: float


def embed_task(
    encoder: Encoder,
    task: PreparedTask,
    store_dir: Path,
    batch_seconds: float | None = None,
    audio: TaskAudio | None = None,
) -> TaskEmbeddings:
    """Embed all clips of a task that the store does not have yet.

    Clips of equal length share a batch; no clip is padded or cut, as HEAR has it. The batch is halved when a GPU
    runs out of memory. Audio is read at the encoder's rate, or resampled from the next higher one that is there.
    While another run embeds into a split, this one waits, and then takes what is there; a store that lacks nothing is
    neither locked nor written to.

    Args:
        encoder: the loaded encoder.
        task: the prepared task.
        store_dir: root of the store.
        batch_seconds: audio in one batch; by default 40 s on a CPU, 640 s on a GPU.
        audio: of the task at the encoder's rate (:func:`~hear_audiomosaic.embedding.task_audio`); None: to
            be digested now.

    Returns:
        The embeddings of all splits.

    Raises:
        AudioError: a clip is missing, corrupt, empty or not finite; the file is named.
        EmbeddingError: the store cannot be written to, or holds embeddings of another size.
        EncoderError: the encoder broke the HEAR contract; the clips are named. What was embedded before either
            stays in the store.
    """
    timed = task.card.embedding_type == "event"
    size = encoder.timestamp_embedding_size if timed else encoder.scene_embedding_size
    root = store_dir / f"{encoder.ref.slug}-{encoder.fingerprint[:16]}" / ("timestamp" if timed else "scene")
    folder = root / task.directory.name
    stores = {split: SplitStore(folder / split, size, timed) for split in task.splits}
    started, audio_seconds = time.perf_counter(), 0.0
    audio = audio or task_audio(task, encoder.sample_rate, store_dir)
    with ExitStack() as writing:
        asked = time.perf_counter()
        for split in sorted({split for split, _, _ in _missing(stores, audio)}):  # one order: no two runs cross
            writing.enter_context(stores[split])
        started += time.perf_counter() - asked
        clips = _clips(task, stores, audio)  # without those that another run embedded meanwhile
        batches = _batches(clips, batch_seconds or _BATCH_SECONDS.get(encoder.device.type, 40.0))
        with progress_bar(len(clips), f"embed {task.card.name} with {encoder.ref.name}", "clip") as bar:
            for batch, waveforms in _read_ahead(batches, encoder.sample_rate):
                for clip, (values, timestamps_ms) in zip(batch, _encode(encoder, waveforms, timed, batch), strict=True):
                    stores[clip.split].append(clip.file, clip.audio, values, timestamps_ms)
                    audio_seconds += clip.seconds
                bar.update(len(batch))
    return TaskEmbeddings(stores, time.perf_counter() - started, audio_seconds)


def _missing(stores: Mapping[str, SplitStore], audio: TaskAudio) -> Iterator[tuple[str, str, str]]:
    """Split, file and digest of every clip that the store does not have."""
    for split, files in audio.clips.items():
        yield from ((split, file, digest) for file, digest in files.items() if not stores[split].has(file, digest))


def _clips(task: PreparedTask, stores: Mapping[str, SplitStore], audio: TaskAudio) -> list[_Clip]:
    """The clips that are to be embedded."""
    clips = []
    for split, file, digest in _missing(stores, audio):
        path = task.audio_path(split, file, audio.rate_hz)
        try:
            info = soundfile.info(path)
        except soundfile.SoundFileError as error:
            raise AudioError(f"{path} cannot be decoded as audio ({error}); prepare the task again.") from error
        clips.append(_Clip(split, file, path, digest, info.frames, info.duration))
    return clips


def _batches(clips: list[_Clip], batch_seconds: float) -> Iterator[list[_Clip]]:
    """Batches of clips of equal length, the longest first: what does not fit into memory fails at once."""
    by_length: dict[int, list[_Clip]] = defaultdict(list)
    for clip in clips:
        by_length[clip.n_samples].append(clip)
    for n_samples in sorted(by_length, reverse=True):
        bucket = by_length[n_samples]
        size = max(1, int(batch_seconds / max(bucket[0].seconds, 1e-3)))
        yield from (bucket[i : i + size] for i in range(0, len(bucket), size))


def _read_ahead(batches: Iterator[list[_Clip]], rate_hz: int) -> Iterator[tuple[list[_Clip], torch.Tensor]]:
    """Read batches in threads, a few ahead of the encoder."""

    def load(batch: list[_Clip]) -> tuple[list[_Clip], torch.Tensor]:
        return batch, torch.from_numpy(np.stack([read_audio(clip.path, rate_hz)[0] for clip in batch]))  # (B, S)

    try:
        yield from in_threads(load, batches, _WORKERS, _LOOK_AHEAD)
    except MemoryError as error:
        raise EmbeddingError(
            f"There is not enough memory to read ahead ({str(error) or 'out of memory'}); end other programs, and "
            "run the same command again: what is embedded is kept."
        ) from error


def _encode(
    encoder: Encoder, audio: torch.Tensor, timed: bool, clips: Sequence[_Clip]
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[Any] | None]]:
    """Rows and times of every clip of a batch; on a full GPU the batch is halved."""
    try:
        if timed:
            values, times = encoder.timestamps(audio)
            return list(zip(values, times, strict=True))
        return [(row[None], None) for row in encoder.scene(audio)]
    except torch.OutOfMemoryError:
        if len(audio) == 1:
            raise
        torch.cuda.empty_cache()
        half = len(audio) // 2
        _log.warning("The device ran out of memory with %d clips in a batch; trying %d.", len(audio), half)
        return _encode(encoder, audio[:half], timed, clips[:half]) + _encode(encoder, audio[half:], timed, clips[half:])
    except EncoderError as error:
        others = f" and {len(clips) - 1} more of the same length" if len(clips) > 1 else ""
        raise EncoderError(f"{error} This was with {clips[0].path}{others}.") from error
