"""Recordings on disk: any format libsndfile reads comes in, PCM16 WAV goes out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hear_audiomosaic.audio.resampling import resample
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_errors import file_errors

__all__ = ["read_audio", "write_wav"]


def read_audio(path: str | Path, rate_hz: int | None = None) -> tuple[npt.NDArray[np.float32], int]:
    """Read a recording as mono.

    Args:
        path: a wav, flac, ogg, mp3 or any other file that libsndfile reads.
        rate_hz: wanted sample rate in Hz; None keeps the file's own.

    Returns:
        ``(samples, rate_hz)``: float32 of shape (S,), range about [-1, 1] (channels averaged), and its rate in Hz.

    Raises:
        AudioError: the file is missing, cannot be decoded, holds no sample, or holds NaN or infinity.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"There is no recording at {path}.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes); remove it or fetch it again.")
    try:
        channels, own_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)  # (S, channels)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} cannot be decoded as audio ({error}): corrupt, or of an unknown format.") from error
    if channels.shape[0] == 0:
        raise AudioError(f"{path} holds no sample; remove it or fetch it again.")
    samples = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise AudioError(f"{path} holds NaN or infinite samples; expected finite values in [-1, 1].")
    if rate_hz is None:
        return samples, int(own_rate_hz)
    return resample(samples, int(own_rate_hz), rate_hz), rate_hz


def write_wav(path: str | Path, samples: npt.NDArray[np.float32], rate_hz: int) -> None:
    """Write mono samples as 16-bit PCM WAV, the format of HEAR's task folders.

    Args:
        path: where to; the folder is made if need be.
        samples: shape (S,), range [-1, 1]; what lies outside is clipped.
        rate_hz: sample rate in Hz.

    Raises:
        AudioError: no sample, more than one channel, or a value that is not finite.
        FileError: it cannot be written.
    """
    path = Path(path)
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.size == 0 or not np.isfinite(samples).all():
        raise AudioError(
            f"Cannot write {path}: expected a non-empty mono signal of finite samples; got shape {samples.shape}."
        )
    content = io.BytesIO()  # libsndfile says nothing of a full disk
    soundfile.write(content, np.clip(samples, -1.0, 1.0), rate_hz, subtype="PCM_16", format="WAV")
    with file_errors("written", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getbuffer())
