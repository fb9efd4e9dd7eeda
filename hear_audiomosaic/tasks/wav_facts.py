"""What a clip's WAV file is, from its header and its length, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.audio.wav import plain_wav_length
from hear_audiomosaic.audio.wholeness import lack_of

__all__ = ["WavFacts", "wav_facts"]


@dataclass(frozen=True)
class WavFacts:
    """A clip's length and form.

    Attributes:
        duration_s: seconds.
        form: such as "16000 Hz, mono, PCM_16".
        fault: why it cannot be read, or what it lacks; empty if nothing.
    """

    duration_s: float = 0.0
    form: str = ""
    fault: str = ""


def wav_facts(path: Path) -> WavFacts:
    """Look at a file; what is wrong with it is its ``fault``."""
    plain = plain_wav_length(path)
    if plain is not None:
        return WavFacts(plain[0] / plain[1], f"{plain[1]} Hz, mono, PCM_16")
    return _by_libsndfile(path)


def _by_libsndfile(path: Path) -> WavFacts:
    import soundfile

    try:
        if path.stat().st_size == 0:
            return WavFacts(fault="an empty file")
        lack = lack_of(path)
        info = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError) as error:
        return WavFacts(fault=f"a file that cannot be read ({error})")
    if lack is not None:
        return WavFacts(fault=f"a damaged file: {lack.why}")
    if info.frames == 0:
        return WavFacts(fault="no sample")
    channels = "mono" if info.channels == 1 else f"{info.channels} channels"
    return WavFacts(info.frames / info.samplerate, f"{info.samplerate} Hz, {channels}, {info.subtype}")
