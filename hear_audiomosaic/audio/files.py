"""Recordings on disk: any format libsndfile reads comes in, PCM16 WAV goes out.

What is refused, and what is only told
--------------------------------------
Refused, wherever a recording is read: what cannot be decoded; what holds no sample, or values that are not finite; what
lacks more than :data:`MAY_LACK_S` of the length that its header announces (half a file); MP3 streams without a length
of which libsndfile reads a part (:mod:`hear_audiomosaic.audio.mp3`); samples beyond
:data:`ANOTHER_SCALE`, which are of another scale than [-1, 1], such as that of 16-bit integers; files without a header
(``.raw``), since nothing tells their rate.

Told by :class:`Decoded`, for the caller to pass on: samples beyond [-1, 1], which writing as 16-bit PCM clips (float
recordings, and what lossy codecs overshoot); channels that cancel each other in the mono mix; silence; a missing end
that is shorter than that, or an Ogg stream without its last page; an MP3 stream that does not say how long it is.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hear_audiomosaic.audio.mp3 import Mp3Frames, frames_without_length
from hear_audiomosaic.audio.resampling import resample
from hear_audiomosaic.audio.wav import plain_wav, plain_wav_of
from hear_audiomosaic.audio.wholeness import lack_of
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_errors import file_errors

__all__ = [
    "ANOTHER_SCALE",
    "MAY_LACK_S",
    "Decoded",
    "check_values",
    "decode",
    "is_silent",
    "read_audio",
    "readable_length",
    "write_wav",
]

ANOTHER_SCALE = 16.0
"""Absolute sample value (24 dB above full scale) from which a recording is of another scale than [-1, 1]."""
MAY_LACK_S = 0.1
"""What may be missing at a recording's end, in seconds: some programs count their header among the samples."""

_LITTLE = 0.1  # of a level: -20 dB
_STEP = 2.0**-15  # of 16-bit PCM
_MOST_PER_BYTE = 2**14  # samples; FLAC and Opus spend least on silence, some thousands of samples a byte


@dataclass(frozen=True, eq=False)
class Decoded:
    """A recording as it is in its file.

    Attributes:
        channels: float32 (S, channels), finite.
        samples: float32 (S,), the mean of all channels.
        rate_hz: its rate in Hz.
        lack: what is missing at its end, in words; empty if nothing is known to be.
        tells_length: whether its file says how long it is, so that a missing end would be noticed.
    """

    channels: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float32]
    rate_hz: int
    lack: str
    tells_length: bool = True

    @property
    def peak(self) -> float:
        """Largest absolute value of ``samples``."""
        return float(np.abs(self.samples).max())

    @property
    def clipped_share(self) -> float:
        """Share of ``samples`` beyond [-1, 1], which 16-bit PCM cannot hold."""
        return float(np.mean(np.abs(self.samples) > 1.0))

    @property
    def is_silent(self) -> bool:
        """Whether in every channel all samples are the same, to half a step of 16-bit PCM."""
        return is_silent(self.channels)

    @property
    def is_cancelled(self) -> bool:
        """Whether some channel has sound of which less than a tenth of the level is left in the mean."""
        if self.channels.shape[1] == 1 or self.is_silent:
            return False
        return _level(self.samples) < _LITTLE * max(map(_level, self.channels.T))

    def is_lost_in(self, resampled: npt.NDArray[np.float32]) -> bool:
        """Whether less than a tenth of the level of ``samples`` is left at another rate, below its half."""
        return not self.is_silent and _level(resampled) < _LITTLE * _level(self.samples)


def decode(path: str | Path) -> Decoded:
    """Decode a recording at its own rate, and tell what is odd about it.

    Args:
        path: a wav, flac, ogg, mp3 or any other file that libsndfile reads.

    Raises:
        AudioError: see the top of this module.
    """
    path = Path(path)
    channels, rate_hz, announced, container = _channels(path)
    frames = frames_without_length(path) if container == "MP3" else None
    if frames is None:
        lack = _checked_lack(path, path, len(channels), announced, rate_hz)
    else:  # what libsndfile announces is a guess
        lack = "it ends within a frame of its MP3 stream" if frames.is_cut else ""
        _check_is_read(path, frames, len(channels), rate_hz)
    check_values(path, channels)
    samples = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    return Decoded(channels, np.ascontiguousarray(samples, dtype=np.float32), rate_hz, lack, frames is None)


def read_audio(
    path: str | Path, rate_hz: int | None = None, content: bytes | None = None
) -> tuple[npt.NDArray[np.float32], int]:
    """Read a recording as mono.

    Args:
        path: a wav, flac, ogg, mp3 or any other file that libsndfile reads.
        rate_hz: wanted sample rate in Hz; None keeps the file's own.
        content: the bytes of that file, where they have been read already. (Default: None)

    Returns:
        ``(samples, rate_hz)``: float32 of shape (S,), range about [-1, 1] (channels averaged), and its rate in Hz.

    Raises:
        AudioError: the file is missing, cut short, of another scale, cannot be decoded, holds no sample, or holds NaN
            or infinity.
    """
    plain = plain_wav(Path(path)) if content is None else plain_wav_of(content)
    if plain is None:
        decoded = decode(path)
        plain = decoded.samples, decoded.rate_hz
    samples, own_rate_hz = plain
    return plain if rate_hz is None else (resample(samples, own_rate_hz, rate_hz), rate_hz)


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


def _channels(path: Path) -> tuple[npt.NDArray[np.float32], int, int, str]:
    """(S, channels), the rate in Hz, the samples a channel that libsndfile announces, and its name of the format."""
    if not path.is_file():
        raise AudioError(f"There is no recording at {path}.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes); remove it or fetch it again.")
    headerless = AudioError(
        f"{path} has no header that tells its rate and format; convert it, for example: "
        "ffmpeg -f s16le -ar 16000 -ac 1 -i IN.raw OUT.wav"
    )
    if path.suffix.lower() == ".raw":  # soundfile goes by the name
        raise headerless
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.format == "RAW":  # libsndfile guesses by names such as .au and .vox what it does not know
                raise headerless
            if sound.frames > _MOST_PER_BYTE * path.stat().st_size:  # 2^63 - 1 where a FLAC file does not say
                raise AudioError(
                    f"{path} does not say how long it is (written to a pipe?), or says more than it can hold; "
                    "encode it again."
                )
            channels, rate_hz = sound.read(dtype="float32", always_2d=True), sound.samplerate
            announced, container = sound.frames, str(sound.format)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} cannot be decoded as audio ({error}): corrupt, or of an unknown format.") from error
    except MemoryError as error:
        raise AudioError(f"{path} announces more samples than fit in memory; cut it, or encode it again.") from error
    if channels.shape[0] == 0:
        raise AudioError(f"{path} holds no sample; remove it or fetch it again.")
    return channels, int(rate_hz), int(announced), container


def is_silent(samples: npt.NDArray[np.float32]) -> bool:
    """Whether all samples (S,), or those of every channel (S, channels), are the same, to half a step of 16-bit PCM."""
    return bool(np.ptp(samples, axis=0).max() < _STEP / 2)


def check_values(name: str | Path, samples: npt.NDArray[np.float32]) -> None:
    """Refuse samples that are not finite, or of another scale than [-1, 1].

    Args:
        name: of the recording, for the message.
        samples: any shape, at least one.

    Raises:
        AudioError: see the top of this module.
    """
    loudest = max(float(samples.max()), -float(samples.min()))  # NaN and infinity come through
    if not math.isfinite(loudest):
        raise AudioError(f"{name} holds NaN or infinite samples; expected finite values in [-1, 1].")
    if loudest > ANOTHER_SCALE:
        raise AudioError(
            f"{name} has samples up to {loudest:.6g}, expected [-1, 1]: it is of another scale, such as that of 16-bit "
            "integers; divide it by 32768 (or what its full scale is) and save it again."
        )


def readable_length(name: str | Path, source: Path | bytes, sound: soundfile.SoundFile) -> int:
    """Samples a channel that a recording has, as far as that can be told without decoding it.

    Args:
        name: of the recording, for the message.
        source: its file, or the content of that.
        sound: the same as soundfile has it, opened or its ``info``.

    Raises:
        AudioError: it is cut short, see the top of this module.
    """
    n_samples, rate_hz = int(sound.frames), int(sound.samplerate)
    frames = frames_without_length(source) if sound.format == "MP3" else None
    if frames is None:
        _checked_lack(name, source, n_samples, n_samples, rate_hz)
        return n_samples
    _check_is_read(name, frames, n_samples, rate_hz)
    return min(n_samples, frames.n_samples or n_samples)


def _check_is_read(name: str | Path, frames: Mp3Frames, n_samples: int, rate_hz: int) -> None:
    """Refuse an MP3 stream that has more than the ``n_samples`` which libsndfile reads of it."""
    if frames.n_samples - n_samples > MAY_LACK_S * rate_hz:
        raise AudioError(
            f"{name} does not say how long it is (an MP3 stream without a Xing frame), and of its {frames.n_samples} "
            f"samples only {n_samples} can be read; write it anew, for example: ffmpeg -i IN.mp3 -c copy OUT.mp3"
        )


def _checked_lack(name: str | Path, source: Path | bytes, n_samples: int, announced: int, rate_hz: int) -> str:
    """What is missing at the end of ``n_samples``, in words; refused if it is long."""
    lack = lack_of(source)
    missing = 0.0 if lack is None else n_samples * lack.share / max(1.0 - lack.share, 1e-9)
    why = "" if lack is None else lack.why
    if announced > n_samples:
        missing, why = max(missing, announced - n_samples), f"it announces {announced} samples and has {n_samples}"
    if missing > MAY_LACK_S * rate_hz:
        raise AudioError(
            f"{name} is cut short: {why}. Fetch it again, or if there never was more of it, save it again (for "
            "example: ffmpeg -i IN OUT.wav)."
        )
    return why


def _level(samples: npt.NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
