"""A clip small enough to stand inside a page: Ogg Vorbis as a data URI, the same bytes every time."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path

import numpy as np
import soundfile

from hear_audiomosaic.errors import AudioError

__all__ = ["MOST_SECONDS", "ogg_data_uri", "renumbered"]

MOST_SECONDS = 5.0
"""A clip is cut to its beginning."""
_POLYNOMIAL = 0x04C11DB7


def ogg_data_uri(path: Path) -> str:
    """Encode the first :data:`MOST_SECONDS` of a clip, its channels mixed.

    Args:
        path: an audio file.

    Raises:
        AudioError: it cannot be read.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz = file.samplerate
            samples = file.read(int(MOST_SECONDS * rate_hz), dtype="float32", always_2d=True).mean(axis=1)
        buffer = io.BytesIO()
        soundfile.write(buffer, np.clip(samples, -1.0, 1.0), rate_hz, format="OGG", subtype="VORBIS")
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{path} cannot be embedded into the report: {error}") from error
    return "data:audio/ogg;base64," + base64.b64encode(renumbered(buffer.getvalue())).decode("ascii")


def renumbered(ogg: bytes) -> bytes:
    """An Ogg stream with serial number 1: libsndfile draws one by chance, so that no two files would be alike.

    Args:
        ogg: whole pages of one logical stream.

    Raises:
        AudioError: not a sequence of Ogg pages.

    Source: RFC 3533, section 6 (the page: serial number at byte 14, checksum at byte 22).
    """
    pages, at = [], 0
    while at < len(ogg):
        n_segments = ogg[at + 26] if len(ogg) > at + 26 else 0
        end = at + 27 + n_segments + sum(ogg[at + 27 : at + 27 + n_segments])
        if ogg[at : at + 4] != b"OggS" or end > len(ogg):
            raise AudioError("not an Ogg stream")
        page = bytearray(ogg[at:end])
        page[14:18] = struct.pack("<I", 1)
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", _checksum(page))
        pages.append(bytes(page))
        at = end
    return b"".join(pages)


def _checksum(page: bytes | bytearray) -> int:
    """CRC-32 as Ogg has it: not reflected, begins and ends with 0."""
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value


def _row(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = ((value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


_TABLE = tuple(map(_row, range(256)))
