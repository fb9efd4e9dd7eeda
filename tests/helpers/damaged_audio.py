"""Recordings that are damaged or odd, each made from a sound one."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16000


def sound(seconds: float = 2.0, hz: float = 440.0, seed: int = 0) -> np.ndarray:
    """A tone with a little noise, amplitude 0.3."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    noise = 0.01 * np.random.default_rng(seed).standard_normal(len(t))
    return (0.3 * np.sin(2 * np.pi * hz * t) + noise).astype(np.float32)


def encoded(samples: np.ndarray, container: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format=container, subtype=subtype)
    return file.getvalue()


def saved(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


CONTAINERS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "ulaw.wav": ("WAV", "ULAW"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "ext.wav": ("WAVEX", "PCM_24"),
    "rf64.wav": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "svx": ("SVX", "PCM_16"),
    "nist": ("NIST", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
"""Ending -> format and subtype of libsndfile, all that say how long they are."""


def odd_but_whole() -> dict[str, bytes]:
    """Name -> a WAV or FLAC file whose header is odd, and which has all its samples."""
    plain, unknown = encoded(sound()), b"\xff" * 4
    return {
        "pipe.wav": plain[:4] + unknown + plain[8:40] + unknown + plain[44:],
        "sox-pipe.wav": plain[:40] + struct.pack("<I", 0x7FFFF000 - 36) + plain[44:],
        "list.wav": plain[:36] + b"LIST" + struct.pack("<I", 5) + b"INFO\0\0" + plain[36:],
        "list-behind.wav": plain + b"LIST" + struct.pack("<I", 4) + b"INFO",
        "junk-behind.wav": plain + b"junk" * 40,
        "counts-its-header.wav": plain[:40] + struct.pack("<I", len(plain) - 44 + 44) + plain[44:],
        "flac.wav": encoded(sound(), "FLAC"),
        "rf64.wav": encoded(sound(), "RF64"),
    }
