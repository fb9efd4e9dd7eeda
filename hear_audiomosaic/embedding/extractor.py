"""Filling the store: every clip of a task through one encoder, batched by length, resumed at the clip."""

from __future__ import annotations

import logging
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.audio.wav import plain_wav_length
from hear_audiomosaic.embedding.audio_digests import TaskAudio, task_audio
from hear_audiomosaic.embedding.canaries import renew_what_changed
from hear_audiomosaic.embedding.failures import Failures
from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.embedding.rows import DamagedRowsError, SplitEmbeddings
from hear_audiomosaic.embedding.store import SplitStore
from hear_audiomosaic.errors import AudioError, EmbeddingError, EncoderError, HearAudioMosaicError
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.foreign import OutOfMemory
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.threads import in_threads

__all__ = ["TaskEmbeddings", "embed_task", "task_stores"]

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
    audio: TaskAudio
    embed_anew: Callable[[str, Sequence[str]], None]
    """Embed clips of a split whose rows are damaged."""

    @property
    def digest(self) -> str:
        """SHA-256 over the checksums of the stored rows of all clips, whatever their order."""
        return sha256_of_json(
            {
                split: {file: self.stores[split].entry(file).rows for file in clips}
                for split, clips in self.audio.clips.items()
            }
        )

    def rows(self, split: str, files: Sequence[str]) -> SplitEmbeddings:
        """Rows of the split's ``files``, in that order; what is damaged is embedded anew first.

        Raises:
            EmbeddingError: rows are damaged, and again when they were just written.
            EncoderError, AudioError: as of :func:`embed_task`.
        """
        try:
            return self.stores[split].read(files)
        except DamagedRowsError as error:
            _log.warning("%s They are embedded anew.", error)
            self.embed_anew(split, error.files)
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
    dtype: Dtype = "float32",
) -> TaskEmbeddings:
    """Embed all clips of a task that the store does not have yet, and make sure of those that it has.

    Clips of equal length share a batch; no clip is padded or cut, as HEAR has it. A batch is halved when memory is
    short, and when the encoder fails on it, until the clip is found that it fails on; all others are embedded. Audio is
    read at the encoder's rate, or resampled from the next higher one that is there.
    While another run embeds into a split, this one waits, and then takes what is there; a store that lacks nothing is
    neither locked nor written to. A few of the clips that are there are embedded, too, and where they come out
    otherwise all clips are embedded anew (:mod:`hear_audiomosaic.embedding.canaries`).

    Args:
        encoder: the loaded encoder.
        task: the prepared task.
        store_dir: root of the store.
        batch_seconds: audio in one batch; by default 40 s on a CPU, 640 s on a GPU.
        audio: of the task at the encoder's rate (:func:`~hear_audiomosaic.embedding.task_audio`); None: to
            be digested now.
        dtype: how rows are stored; each has a folder of its own. (Default: "float32")

    Returns:
        The embeddings of all splits.

    Raises:
        AudioError: a clip is missing, corrupt, empty or not finite; the file is named, and how many there are.
        EmbeddingError: the store cannot be written to, or holds embeddings of another size.
        EncoderError: the encoder raised or broke the HEAR contract; the clips are named. With either, all clips that
            could be embedded are in the store.
    """
    stores = task_stores(encoder, task, store_dir, dtype)
    audio = audio or task_audio(task, encoder.sample_rate, store_dir)
    batch_seconds = batch_seconds or _BATCH_SECONDS.get(encoder.device.type, 40.0)

    def embed_anew(split: str, damaged: Sequence[str]) -> None:
        _fill(encoder, task, stores, audio, batch_seconds, {split: damaged})

    started = time.perf_counter()
    renew_what_changed(encoder, task, stores, audio)
    waited, audio_seconds = _fill(encoder, task, stores, audio, batch_seconds)
    return TaskEmbeddings(stores, time.perf_counter() - started - waited, audio_seconds, audio, embed_anew)


def task_stores(
    encoder: Encoder, task: PreparedTask, store_dir: Path, dtype: Dtype = "float32"
) -> dict[str, SplitStore]:
    """Split -> store of a task's embeddings by an encoder, be there any or not.

    Args:
        encoder: the loaded encoder.
        task: the prepared task.
        store_dir: root of the store.
        dtype: how rows are stored. (Default: "float32")

    Raises:
        EmbeddingError: a store holds embeddings of another size, is of a newer format, or cannot be read.
    """
    timed = task.card.embedding_type == "event"
    size = encoder.timestamp_embedding_size if timed else encoder.scene_embedding_size
    kind = ("timestamp" if timed else "scene") + ("" if dtype == "float32" else f"-{dtype}")
    folder = store_dir / f"{encoder.ref.slug}-{encoder.fingerprint[:16]}" / kind / task.directory.name
    return {split: SplitStore(folder / split, size, timed, dtype) for split in task.splits}


def _fill(
    encoder: Encoder,
    task: PreparedTask,
    stores: Mapping[str, SplitStore],
    audio: TaskAudio,
    batch_seconds: float,
    suspected: Mapping[str, Sequence[str]] | None = None,
) -> tuple[float, float]:
    """Embed what the stores lack, and ``suspected`` clips that are damaged; seconds of waiting and of audio."""
    suspected, audio_seconds, timed = suspected or {}, 0.0, task.card.embedding_type == "event"
    with ExitStack() as writing:
        asked = time.perf_counter()
        for split in sorted({*suspected, *(split for split, _, _ in _missing(stores, audio))}):  # no two runs cross
            writing.enter_context(stores[split])
        waited = time.perf_counter() - asked
        for split, files in suspected.items():
            stores[split].forget(stores[split].verify(files))
        failures = Failures(encoder.ref.text)
        clips = _clips(task, stores, audio, failures)  # without those that another run embedded meanwhile
        batches = _batches(clips, batch_seconds)
        with progress_bar(len(clips), f"embed {task.card.name} with {encoder.ref.name}", "clip") as bar:
            for batch, waveforms in _read_ahead(batches, encoder.sample_rate, failures):
                for clip, made in zip(batch, _encode(encoder, waveforms, timed, batch), strict=True):
                    if isinstance(made, HearAudioMosaicError):
                        failures.add(clip.path, made)
                    else:
                        stores[clip.split].append(clip.file, clip.audio, *made, encoder.device.type)
                        audio_seconds += clip.seconds
                        failures.embedded()
                bar.update(len(batch))
        failures.raise_any()
    return waited, audio_seconds


def _missing(stores: Mapping[str, SplitStore], audio: TaskAudio) -> Iterator[tuple[str, str, str]]:
    """Split, file and digest of every clip that the store does not have."""
    for split, files in audio.clips.items():
        yield from ((split, file, digest) for file, digest in files.items() if not stores[split].has(file, digest))


def _clips(task: PreparedTask, stores: Mapping[str, SplitStore], audio: TaskAudio, failures: Failures) -> list[_Clip]:
    """The clips that are to be embedded, without those whose header cannot be read."""
    clips = []
    for split, file, digest in _missing(stores, audio):
        path = task.audio_path(split, file, audio.rate_hz).absolute()  # an encoder may change the working folder
        try:
            n_samples, rate_hz = plain_wav_length(path) or _announced(path)
        except soundfile.SoundFileError as error:
            failures.add(path, AudioError(f"{path} cannot be decoded as audio ({error}); prepare the task again."))
            continue
        clips.append(_Clip(split, file, path, digest, n_samples, n_samples / rate_hz))
    return clips


def _announced(path: Path) -> tuple[int, int]:
    """Samples and rate in Hz, as its header has them."""
    info = soundfile.info(path)
    return info.frames, info.samplerate


def _batches(clips: list[_Clip], batch_seconds: float) -> Iterator[list[_Clip]]:
    """Batches of clips of equal length, the longest first: what does not fit into memory fails at once."""
    by_length: dict[int, list[_Clip]] = defaultdict(list)
    for clip in clips:
        by_length[clip.n_samples].append(clip)
    for n_samples in sorted(by_length, reverse=True):
        bucket = by_length[n_samples]
        size = max(1, int(batch_seconds / max(bucket[0].seconds, 1e-3)))
        yield from (bucket[i : i + size] for i in range(0, len(bucket), size))


def _read_ahead(
    batches: Iterator[list[_Clip]], rate_hz: int, failures: Failures
) -> Iterator[tuple[list[_Clip], torch.Tensor]]:
    """Read batches in threads, a few ahead of the encoder; what cannot be read is left out and told."""
    try:
        for read in in_threads(lambda batch: _read(batch, rate_hz), batches, _WORKERS, _LOOK_AHEAD):
            for clip, error in read.failed:
                failures.add(clip.path, error)
            yield from read.batches
    except MemoryError as error:
        raise EmbeddingError(
            f"There is not enough memory to read ahead ({str(error) or 'out of memory'}); end other programs, and "
            "run the same command again: what is embedded is kept."
        ) from error


@dataclass(frozen=True)
class _Read:
    """A batch that was read: clips of one length once they are decoded, which headers of some formats only guess."""

    batches: list[tuple[list[_Clip], torch.Tensor]]
    failed: list[tuple[_Clip, AudioError]]


def _read(clips: Sequence[_Clip], rate_hz: int) -> _Read:
    by_length: dict[int, list[tuple[_Clip, npt.NDArray[np.float32]]]] = defaultdict(list)
    failed = []
    for clip in clips:
        try:
            samples, _ = read_audio(clip.path, rate_hz)
        except AudioError as error:
            failed.append((clip, error))
        except MemoryError as error:
            told = AudioError(f"There is not enough memory to read {clip.path} ({clip.seconds:.0f} s).")
            told.__cause__ = error
            failed.append((clip, told))
        else:
            by_length[len(samples)].append((clip, samples))
    batches = [
        ([clip for clip, _ in read], torch.from_numpy(np.stack([samples for _, samples in read])))  # (B, S)
        for read in by_length.values()
    ]
    return _Read(batches, failed)


_Rows = tuple[npt.NDArray[np.float32], npt.NDArray[Any] | None]


def _encode(
    encoder: Encoder, audio: torch.Tensor, timed: bool, clips: Sequence[_Clip]
) -> Iterator[_Rows | HearAudioMosaicError]:
    """Rows and times of every clip of a batch, or why it has none.

    A batch that fails, or is too much for the memory, is embedded by halves, down to single clips.
    """
    made, failure = _embedded(encoder, audio, timed)
    if failure is None:
        yield from made
    elif len(clips) == 1:
        yield failure
    else:
        half = len(clips) // 2
        if isinstance(failure, OutOfMemory):
            _log.warning("The device ran out of memory with %d clips in a batch; trying %d.", len(clips), half)
            if encoder.device.type == "cuda":
                torch.cuda.empty_cache()
        for part in (clips[:half], clips[half:]):
            yield from _encode_again(encoder, timed, part)


def _encode_again(encoder: Encoder, timed: bool, clips: Sequence[_Clip]) -> Iterator[_Rows | HearAudioMosaicError]:
    """As :func:`_encode`, of audio that is read anew: the encoder may have written into what it was given."""
    read = _read(clips, encoder.sample_rate)
    if not read.failed and len(read.batches) == 1:
        yield from _encode(encoder, read.batches[0][1], timed, clips)
    elif len(clips) == 1:
        yield read.failed[0][1]
    else:
        for clip in clips:
            yield from _encode_again(encoder, timed, [clip])


def _embedded(encoder: Encoder, audio: torch.Tensor, timed: bool) -> tuple[list[_Rows], EncoderError | None]:
    """Rows and times of every clip, or the error; of an error, nothing but its words is kept alive."""
    try:
        if timed:
            values, times = encoder.timestamps(audio)
            return list(zip(values, times, strict=True)), None
        return [(row[None], None) for row in encoder.scene(audio)], None
    except EncoderError as error:
        for one in (error, error.__cause__):
            if one is not None:
                traceback.clear_frames(one.__traceback__)  # they hold the batch, and all that was made of it
        return [], error
