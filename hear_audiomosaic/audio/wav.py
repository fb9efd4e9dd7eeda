"""WAV files of the one plain form that task folders hold, read without a detour: mono, 16-bit PCM, 44 bytes of header.

A benchmark reads tens of thousands of short clips, where opening a file through libsndfile and looking for what may be
odd about it costs as much as a small encoder. A file that is exactly of this form, to the last byte, needs neither;
any other is left to :func:`hear_audiomosaic.audio.files.decode`.
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["plain_wav", "plain_wav_length", "plain_wav_of"]

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1


def plain_wav(path: Path) -> tuple[npt.NDArray[np.float32], int] | None:
    """Samples of a plain WAV file.

    Args:
        path: of a file; its name must end in ``.wav``.

    Returns:
        ``(samples, rate_hz)``: float32 (S,) in [-1, 1), S > 0; None if the file is not of the plain form, or cannot be
        read.
    """
    try:
        if path.suffix != ".wav" or not stat.S_ISREG(path.stat().st_mode):
            return None
        content = path.read_bytes()
    except OSError:
        return None  # the long way says why
    return plain_wav_of(content)


def plain_wav_of(content: bytes) -> tuple[npt.NDArray[np.float32], int] | None:
    """As :func:`plain_wav`, of the bytes of such a file."""
    rate_hz = _rate_of(content, len(content))
    if rate_hz is None:
        return None
    return np.frombuffer(content, "<i2", offset=_HEADER.size).astype(np.float32) / np.float32(32768.0), rate_hz


def plain_wav_length(path: Path) -> tuple[int, int] | None:
    """Samples and rate in Hz of a plain WAV file, from its header; None as for :func:`plain_wav`."""
    try:
        if path.suffix != ".wav" or not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb", buffering=0) as file:
            header, n_bytes = file.read(_HEADER.size), os.fstat(file.fileno()).st_size
    except OSError:
        return None
    rate_hz = _rate_of(header, n_bytes)
    return None if rate_hz is None else ((n_bytes - _HEADER.size) // 2, rate_hz)


def _rate_of(header: bytes, n_bytes: int) -> int | None:
    """The rate, if the header is that of a plain file of so many bytes."""
    if len(header) < _HEADER.size:
        return None
    riff, riff_bytes, wave, fmt, fmt_bytes, form, channels, rate_hz, _, step, bits, data, data_bytes = (
        _HEADER.unpack_from(header)
    )
    plain = (riff, wave, fmt, fmt_bytes, form, channels, step, bits, data) == (
        *(b"RIFF", b"WAVE", b"fmt ", 16, _PCM, 1, 2, 16, b"data"),
    )
    whole = (
        data_bytes == n_bytes - _HEADER.size and riff_bytes == n_bytes - 8 and data_bytes > 0 and data_bytes % 2 == 0
    )
    return rate_hz if plain and whole and rate_hz > 0 else None
