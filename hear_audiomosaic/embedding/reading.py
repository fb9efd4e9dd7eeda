"""Clips of a task on their way to the encoder: in batches of one length, read by threads a little ahead.

Batches are handed over in groups of about as much audio each, whatever the length of the clips: what a hand-over costs
(between threads, through the door to foreign code, in writing) would otherwise be as much as a small encoder, where
half-second clips all differ in length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding.failures import Failures
from hear_audiomosaic.errors import AudioError, EmbeddingError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.threads import in_threads

__all__ = ["Batch", "Clip", "Reader", "clip_at", "groups_of", "read", "read_ahead", "reader_of"]

_LOOK_AHEAD = 3  # groups that are read while one is encoded
_WORKERS = 2


@dataclass(frozen=True)
class Clip:
    """A clip that is to be embedded.

    Attributes:
        split: the task's.
        file: its name.
        path: where it is.
        audio: digest of its bytes; empty until it is read, where digests are made on the way.
        n_samples: at the file's own rate, as far as is known before it is decoded.
        seconds: its length, likewise.
    """

    split: str
    file: str
    path: Path
    audio: str
    n_samples: int
    seconds: float


Batch = tuple[list[Clip], torch.Tensor]
"""Clips of one length, and their samples (B, S) at the encoder's rate."""

Reader = Callable[[Clip], tuple[Clip, npt.NDArray[np.float32]]]
"""Reads a clip: the clip with its digest, and its samples (S,) at the encoder's rate. Raises AudioError."""


def reader_of(rate_hz: int) -> Reader:
    """The reader of clips whose digests are known.

    Args:
        rate_hz: the encoder's rate.
    """
    return lambda clip: (clip, read_audio(clip.path, rate_hz)[0])


def clip_at(path: Path, split: str, file: str, audio: str, rate_hz: int) -> Clip:
    """What is known of a clip before it is decoded.

    Its length decides what shares a batch, not what is right (:func:`read` goes by the samples): a wav file is taken to
    be what task folders hold, 16-bit PCM in mono, and not opened for it.

    Args:
        path: where it is.
        split: the task's.
        file: its name.
        audio: its digest, or nothing.
        rate_hz: of the folder that it lies in.

    Raises:
        AudioError: it is not there, or its header cannot be read.
    """
    try:
        if path.suffix == ".wav":
            n_samples = max(1, (path.stat().st_size - 44) // 2)
        else:
            info = soundfile.info(path)
            n_samples, rate_hz = info.frames, info.samplerate
    except FileNotFoundError as error:
        raise AudioError(f"{path} is not there; prepare the task again.") from error
    except OSError as error:
        raise AudioError(described(error, "read", path)) from error
    except soundfile.SoundFileError as error:
        raise AudioError(f"{path} cannot be decoded as audio ({error}); prepare the task again.") from error
    return Clip(split, file, path, audio, n_samples, n_samples / rate_hz)


def groups_of(clips: list[Clip], batch_seconds: float) -> Iterator[list[Clip]]:
    """Clips in the order of their length, the longest first: what does not fit into memory fails at once.

    Args:
        clips: of any length.
        batch_seconds: audio of a group; of one that has a single clip, it may be more.
    """
    group: list[Clip] = []
    seconds = 0.0
    for clip in sorted(clips, key=lambda clip: -clip.n_samples):  # of one length, in their own order
        if group and seconds + clip.seconds > batch_seconds:
            yield group
            group, seconds = [], 0.0
        group.append(clip)
        seconds += max(clip.seconds, 1e-3)
    if group:
        yield group


def read_ahead(groups: Iterator[list[Clip]], reader: Reader, failures: Failures) -> Iterator[list[Batch]]:
    """Read groups in threads, a few ahead of the encoder, as batches; what cannot be read is left out and told."""
    try:
        for found in in_threads(lambda group: read(group, reader), groups, _WORKERS, _LOOK_AHEAD):
            for clip, error in found.failed:
                failures.add(clip.path, error)
            yield found.batches
    except MemoryError as error:
        raise EmbeddingError(
            f"There is not enough memory to read ahead ({str(error) or 'out of memory'}); end other programs, and "
            "run the same command again: what is embedded is kept."
        ) from error


@dataclass(frozen=True)
class Read:
    """A group that was read.

    Attributes:
        batches: clips of one length, as they are decoded; audio (B, S).
        failed: clips that could not be read, and why.
    """

    batches: list[Batch]
    failed: list[tuple[Clip, AudioError]]


def read(clips: Sequence[Clip], reader: Reader) -> Read:
    """Read a group; what cannot be read is told, not raised."""
    by_length: dict[int, list[tuple[Clip, npt.NDArray[np.float32]]]] = defaultdict(list)
    failed = []
    for clip in clips:
        try:
            known, samples = reader(clip)
        except AudioError as error:
            failed.append((clip, error))
        except MemoryError as error:
            told = AudioError(f"There is not enough memory to read {clip.path} ({clip.seconds:.0f} s).")
            told.__cause__ = error
            failed.append((clip, told))
        else:
            by_length[len(samples)].append((known, samples))
    batches = [
        ([clip for clip, _ in alike], torch.from_numpy(np.stack([samples for _, samples in alike])))  # (B, S)
        for alike in by_length.values()
    ]
    return Read(batches, failed)
