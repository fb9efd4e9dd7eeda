"""Filling the store: every clip of a task through one encoder, batched by length, resumed at the clip."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hear_audiomosaic.embedding.audio_digests import DigestingReader, TaskAudio, task_audio
from hear_audiomosaic.embedding.canaries import renew_what_changed
from hear_audiomosaic.embedding.failures import Failures
from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.embedding.reading import Batch, Clip, clip_at, groups_of, read, read_ahead, reader_of
from hear_audiomosaic.embedding.rows import DamagedRowsError, NewRows, SplitEmbeddings
from hear_audiomosaic.embedding.store import SplitStore
from hear_audiomosaic.errors import AudioError, EncoderError, HearAudioMosaicError
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.foreign import OutOfMemory
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["TaskEmbeddings", "embed_task", "task_stores"]

_log = logging.getLogger(__name__)
_BATCH_SECONDS = {"cpu": 40.0, "cuda": 640.0}


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
            be digested now, in the pass that embeds where the store has nothing of the task.
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
    if audio is None and any(store.files for store in stores.values()):
        audio = task_audio(task, encoder.sample_rate, store_dir)
    batch_seconds = batch_seconds or _BATCH_SECONDS.get(encoder.device.type, 40.0)

    def embed_anew(split: str, damaged: Sequence[str]) -> None:
        _fill(encoder, task, stores, store_dir, audio, batch_seconds, {split: damaged})

    started = time.perf_counter()
    if audio is not None:
        renew_what_changed(encoder, task, stores, audio)
    audio, waited, audio_seconds = _fill(encoder, task, stores, store_dir, audio, batch_seconds)
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
    store_dir: Path,
    audio: TaskAudio | None,
    batch_seconds: float,
    suspected: Mapping[str, Sequence[str]] | None = None,
) -> tuple[TaskAudio, float, float]:
    """Embed what the stores lack, and ``suspected`` clips that are damaged.

    Without ``audio``, which is for stores without a clip, digests are made while clips are read.

    Returns:
        The audio, seconds of waiting, seconds of audio embedded.
    """
    suspected, audio_seconds, timed = suspected or {}, 0.0, task.card.embedding_type == "event"
    with ExitStack() as writing:
        asked = time.perf_counter()
        lacking = {split for split, _, _ in _missing(stores, audio)} if audio else stores.keys()
        for split in sorted({*suspected, *lacking}):  # in one order: no two runs cross
            writing.enter_context(stores[split])
        waited = time.perf_counter() - asked
        if audio is None and any(store.files for store in stores.values()):  # another run was faster
            audio = task_audio(task, encoder.sample_rate, store_dir)
        reader = reader_of(encoder.sample_rate)
        if audio is None:
            digesting = writing.enter_context(DigestingReader(task, encoder.sample_rate, store_dir))
            audio, reader = digesting.audio, digesting.read
        for split, files in suspected.items():
            stores[split].forget(stores[split].verify(files))
        failures = Failures(encoder.ref.text)
        clips = _clips(task, stores, audio, failures)  # without those that another run embedded meanwhile
        groups = groups_of(clips, batch_seconds)
        with progress_bar(len(clips), f"embed {task.card.name} with {encoder.ref.name}", "clip") as bar:
            for batches in read_ahead(groups, reader, failures):
                new: dict[str, list[NewRows]] = {split: [] for split in stores}
                for clip, made, n_samples in _encode_group(encoder, batches, timed):
                    if isinstance(made, HearAudioMosaicError):
                        _append(stores, new)  # first: this may be the last failure that is borne
                        failures.add(clip.path, made)
                    else:
                        new[clip.split].append(NewRows(clip.file, clip.audio, *made, encoder.device.type))
                        audio_seconds += n_samples / encoder.sample_rate
                        failures.embedded()
                    bar.update()
                _append(stores, new)
        failures.raise_any()
    return audio, waited, audio_seconds


def _missing(stores: Mapping[str, SplitStore], audio: TaskAudio) -> Iterator[tuple[str, str, str]]:
    """Split, file and digest of every clip that the store does not have."""
    for split, files in audio.clips.items():
        yield from ((split, file, digest) for file, digest in files.items() if not stores[split].has(file, digest))


def _clips(task: PreparedTask, stores: Mapping[str, SplitStore], audio: TaskAudio, failures: Failures) -> list[Clip]:
    """The clips that are to be embedded, without those whose header cannot be read."""
    clips = []
    for split, file, digest in _missing(stores, audio):
        path = task.audio_path(split, file, audio.rate_hz).absolute()  # an encoder may change the working folder
        try:
            clips.append(clip_at(path, split, file, digest, audio.rate_hz))
        except AudioError as error:
            failures.add(path, error)
    return clips


def _append(stores: Mapping[str, SplitStore], new: Mapping[str, list[NewRows]]) -> None:
    """Store what is new, and forget it."""
    for split, clips in new.items():
        if clips:
            stores[split].append_all(clips)
            clips.clear()


_Rows = tuple[npt.NDArray[np.float32], npt.NDArray[Any] | None]


def _encode_group(
    encoder: Encoder, batches: Sequence[Batch], timed: bool
) -> Iterator[tuple[Clip, _Rows | HearAudioMosaicError, int]]:
    """Every clip of a group, its rows and times or why it has none, and its samples at the encoder's rate."""
    made, failure = _embedded(encoder, [audio for _, audio in batches], timed)
    for i, (clips, audio) in enumerate(batches):
        if failure is None:
            rows: Iterable[_Rows | HearAudioMosaicError] = made[i]
        elif len(batches) == 1:
            rows = _encode_less(encoder, timed, clips, failure)
        else:
            rows = _encode_again(encoder, timed, clips)
        yield from ((clip, row, audio.shape[1]) for clip, row in zip(clips, rows, strict=True))


def _encode(
    encoder: Encoder, audio: torch.Tensor, timed: bool, clips: Sequence[Clip]
) -> Iterator[_Rows | HearAudioMosaicError]:
    """Rows and times of every clip of a batch, or why it has none.

    A batch that fails, or is too much for the memory, is embedded by halves, down to single clips.
    """
    made, failure = _embedded(encoder, [audio], timed)
    if failure is None:
        yield from made[0]
    else:
        yield from _encode_less(encoder, timed, clips, failure)


def _encode_less(
    encoder: Encoder, timed: bool, clips: Sequence[Clip], failure: EncoderError
) -> Iterator[_Rows | HearAudioMosaicError]:
    """As :func:`_encode`, of a batch that failed."""
    if len(clips) == 1:
        yield failure
    else:
        half = len(clips) // 2
        if isinstance(failure, OutOfMemory):
            _log.warning("The device ran out of memory with %d clips in a batch; trying %d.", len(clips), half)
            if encoder.device.type == "cuda":
                torch.cuda.empty_cache()
        for part in (clips[:half], clips[half:]):
            yield from _encode_again(encoder, timed, part)


def _encode_again(encoder: Encoder, timed: bool, clips: Sequence[Clip]) -> Iterator[_Rows | HearAudioMosaicError]:
    """As :func:`_encode`, of audio that is read anew: the encoder may have written into what it was given."""
    found = read(clips, reader_of(encoder.sample_rate))
    if not found.failed and len(found.batches) == 1:
        yield from _encode(encoder, found.batches[0][1], timed, clips)
    elif len(clips) == 1:
        yield found.failed[0][1]
    else:
        for clip in clips:
            yield from _encode_again(encoder, timed, [clip])


def _embedded(
    encoder: Encoder, batches: Sequence[torch.Tensor], timed: bool
) -> tuple[list[list[_Rows]], EncoderError | None]:
    """Rows and times of every clip of every batch, or the error; of an error, only its words are kept alive."""
    try:
        if timed:
            return [list(zip(values, times, strict=True)) for values, times in encoder.timestamps_of(batches)], None
        return [[(row[None], None) for row in batch] for batch in encoder.scenes(batches)], None
    except EncoderError as error:
        for one in (error, error.__cause__):
            if one is not None:
                traceback.clear_frames(one.__traceback__)  # they hold the batch, and all that was made of it
        return [], error
