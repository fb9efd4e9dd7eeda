"""One crop of one recording, decoding no more of it than needed."""

from __future__ import annotations

import contextlib
import io
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hear_audiomosaic.audio import resample
from hear_audiomosaic.audio.files import MAY_LACK_S, check_values, readable_length
from hear_audiomosaic.errors import AudioError

__all__ = ["AUDIO_SUFFIXES", "Recording", "read_crop"]

AUDIO_SUFFIXES = frozenset({".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav"})
_MARGIN_S = 0.02  # read on both sides of a crop that is resampled, so that the filter has settled


@dataclass(frozen=True)
class Recording:
    """Where a clip's samples are.

    Attributes:
        name: shown in errors and lists.
        file: a path, or the encoded file itself.
        start: the clip's first frame in the file.
        length: the clip's frames; None: to the end of the file.
    """

    name: str
    file: Path | bytes
    start: int = 0
    length: int | None = None


def read_crop(recording: Recording, n_samples: int, rate_hz: int, where: float) -> npt.NDArray[np.float32]:
    """Decode a crop as mono.

    Args:
        recording: the clip.
        n_samples: wanted samples S.
        rate_hz: wanted rate in Hz; other rates are resampled.
        where: position of the crop, in [0, 1): 0 is the clip's first S samples, towards 1 its last.

    Returns:
        float32, shape (S,), range about [-1, 1], channels averaged. A clip shorter than S is followed by zeros.

    Raises:
        AudioError: the file is missing, cannot be decoded, holds no sample or is cut short, or the crop holds NaN or
            infinity or is of another scale, by the rules of :mod:`hear_audiomosaic.audio.files`.
    """
    file = _Encoded(recording.file) if isinstance(recording.file, bytes) else recording.file
    try:
        with soundfile.SoundFile(file) as sound:
            if isinstance(recording.file, bytes):  # files are looked at when a source is opened
                recording = replace(recording, length=readable_length(recording.name, recording.file, sound))
            crop = _crop_of(sound, recording, n_samples, rate_hz, where)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as error:
        raise AudioError(f"{recording.name} cannot be decoded as audio ({error}).") from error
    if crop.size == 0:
        raise AudioError(f"{recording.name} holds no sample.")
    check_values(recording.name, crop)
    return np.pad(crop, (0, n_samples - len(crop))) if len(crop) < n_samples else crop


class _Encoded(io.BytesIO):
    """An encoded file in memory. A damaged header makes libsndfile seek to where nothing is: it stays where it is.

    An exception here would be written to the terminal by the bridge between C and Python, and go no further.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with contextlib.suppress(ValueError, OverflowError):
            return super().seek(offset, whence)
        return self.tell()


def _crop_of(
    sound: soundfile.SoundFile, recording: Recording, n_samples: int, rate_hz: int, where: float
) -> npt.NDArray[np.float32]:
    """The crop at the wanted rate, (up to S,); empty when there is nothing."""
    own_hz = sound.samplerate
    left = sound.frames - recording.start
    length = left if recording.length is None else min(recording.length, left)
    if length <= 0:
        return np.zeros(0, np.float32)
    wanted = math.ceil(n_samples * own_hz / rate_hz)  # frames of the file
    spare = max(0, length - wanted)
    wanted -= max(0, wanted - length)
    first = recording.start + min(spare, int(where * (spare + 1)))
    margin = 0 if own_hz == rate_hz else math.ceil(_MARGIN_S * own_hz)
    lead = min(margin, first)
    sound.seek(first - lead)
    channels = sound.read(lead + wanted + margin, dtype="float32", always_2d=True)  # (frames, channels)
    missing = min(lead + wanted + margin, sound.frames - first + lead) - len(channels)
    if missing > MAY_LACK_S * own_hz:
        raise AudioError(f"{recording.name} is cut short: {missing} samples that it announces cannot be read.")
    mono = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    mono = np.ascontiguousarray(mono, dtype=np.float32)
    if own_hz == rate_hz or mono.size == 0:
        return mono
    skip, keep = round(lead * rate_hz / own_hz), min(n_samples, round(wanted * rate_hz / own_hz))
    return resample(mono, own_hz, rate_hz)[skip : skip + keep]
