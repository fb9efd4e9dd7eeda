"""16-bit PCM, sample for sample as ffmpeg makes it: what HEAR's preparation does to recordings, without ffmpeg.

Turian et al., "HEAR: Holistic Evaluation of Audio Representations", 2022; hearpreprocess 2021.1.1, ``util/audio.py``:
first mono 16-bit, then cut or padded at the recording's own rate, then resampled.

Deviation: hearpreprocess resamples from 16 to 16 bits by ffmpeg's soxr, which dithers with noise seeded by the clock:
no two of its runs give the same bytes. Here soxr's high-quality filter runs in float32 and the result is rounded,
within 1.5 steps of 16 bits of theirs, and the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hear_audiomosaic.audio.files import read_audio
from hear_audiomosaic.audio.resampling import resample
from hear_audiomosaic.errors import AudioError

__all__ = ["Int16", "fit", "read_pcm16", "resample_pcm16", "resampled_length", "write_pcm16"]

Int16 = npt.NDArray[np.int16]

_FULL_SCALE = 32768.0
_INTEGERS = ("PCM_16", "PCM_S8", "PCM_U8", "PCM_24", "PCM_32")


def read_pcm16(
    path: str | Path, start: int = 0, n_samples: int | None = None, most_s: float | None = None
) -> tuple[Int16, int]:
    """Read a recording, or a part of it, as mono 16-bit samples at its own rate.

    As ffmpeg does: integers of more bits lose the lower ones; two channels of 16 bits give (left + right + 1) // 2;
    floats are rounded half to even and clipped. More than two channels are averaged (Deviation: ffmpeg weighs them by
    their places).

    Args:
        path: any file that libsndfile reads.
        start: first sample to read.
        n_samples: how many at most; None: to the end.
        most_s: the same in seconds.

    Returns:
        int16 (S,), and the rate in Hz.

    Raises:
        AudioError: the recording is missing, cannot be decoded, is empty, or not finite; or nothing of it is left after
            ``start``.
    """
    path = Path(path)
    info = _info(path)
    if most_s is not None:
        n_samples = round(most_s * info.samplerate)
    if start == 0 and (n_samples is None or n_samples >= info.frames):
        mono, rate_hz = read_audio(path)
    else:
        mono, rate_hz = _read_part(path, start, n_samples)
    scaled = mono.astype(np.float64) * _FULL_SCALE
    if info.subtype not in _INTEGERS or (info.channels > 1 and info.subtype in ("PCM_24", "PCM_32")):
        return _clipped(np.rint(scaled)), rate_hz
    return _clipped(np.floor(scaled if info.channels == 1 else scaled + 0.5)), rate_hz


def write_pcm16(path: Path, samples: Int16, rate_hz: int) -> None:
    """Write mono 16-bit samples as they are (floats would be rounded down by libsndfile)."""
    soundfile.write(path, samples, rate_hz, subtype="PCM_16", format="WAV")


def fit(samples: Int16, n_samples: int) -> Int16:
    """Cut at the end, or pad with zeros at the end."""
    fitted: Int16 = np.pad(samples[:n_samples], (0, max(0, n_samples - len(samples))))
    return fitted


def resampled_length(n_samples: int, from_hz: int, to_hz: int) -> int:
    """Samples after resampling: floor(n * to / from + 0.5)."""
    return (2 * n_samples * to_hz + from_hz) // (2 * from_hz)


def resample_pcm16(samples: Int16, from_hz: int, to_hz: int) -> Int16:
    """Convert to another rate: soxr HQ in float32, rounded half to even, clipped; ``samples`` itself at equal rates."""
    if from_hz == to_hz:
        return samples
    floats = resample((samples / np.float32(_FULL_SCALE)).astype(np.float32), from_hz, to_hz)
    return fit(_clipped(np.rint(floats * np.float32(_FULL_SCALE))), resampled_length(len(samples), from_hz, to_hz))


def _clipped(values: npt.NDArray[np.floating]) -> Int16:
    clipped: Int16 = np.clip(values, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    return clipped


def _info(path: Path) -> soundfile._SoundFileInfo:
    if not path.is_file():
        raise AudioError(f"There is no recording at {path}.")
    try:
        return soundfile.info(path)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} cannot be decoded as audio ({error}): corrupt, or of an unknown format.") from error


def _read_part(path: Path, start: int, n_samples: int | None) -> tuple[npt.NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(path) as sound:
            sound.seek(min(start, sound.frames))
            channels = sound.read(-1 if n_samples is None else n_samples, dtype="float32", always_2d=True)
            rate_hz = int(sound.samplerate)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} cannot be decoded as audio ({error}): corrupt, or of an unknown format.") from error
    if channels.shape[0] == 0 or not np.isfinite(channels).all():
        raise AudioError(f"{path} has no sample after sample {start}, or some that are not finite.")
    return channels.mean(axis=1, dtype=np.float32), rate_hz
