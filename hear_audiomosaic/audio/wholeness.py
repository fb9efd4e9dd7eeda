"""Is a recording whole? What its container says of its length, against what the file has.

libsndfile reads half a file as a shorter recording wherever it can: samples are there up to the end. Containers say how
long they are in these ways, which are read here without decoding anything:

- RIFF, RIFX, RF64 and BW64 (WAV), Wave64, FORM (AIFF, SVX) and AU: the size of the chunk of samples, in bytes. A size
  of 2^31 - 2^16 and more stands for "unknown" where a 32-bit field has it: programs that write to a pipe cannot know.
- NIST SPHERE: ``sample_count``.
- Ogg: no length, but the last page is marked as the last one.

FLAC and MP3 (its Xing frame) tell a length in samples, which libsndfile knows: see :mod:`hear_audiomosaic.audio.files`.
Of an MP3 stream without such a frame see :mod:`hear_audiomosaic.audio.mp3`.

References: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (RIFF); EBU Tech 3306
(RF64); RFC 3533 (Ogg).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

__all__ = ["Lack", "lack_of"]

_UNKNOWN_FROM = 2**31 - 2**16
_MOST_CHUNKS = 1000
_LONGEST_PAGE = 65307  # bytes of an Ogg page: header, 255 lacing values, 255 times 255
_PAGE_HEADER = 27
_LAST_PAGE = 4  # flag


@dataclass(frozen=True)
class Lack:
    """How much of a recording is missing.

    Attributes:
        share: of what the container announces, 0 to 1; 0 where it announces nothing.
        why: in words.
    """

    share: float
    why: str


@dataclass(frozen=True)
class _Chunks:
    """How a container lays out its chunks."""

    first: int
    """Byte at which the first chunk begins."""
    id_bytes: int
    size_bytes: int
    order: Literal["little", "big"]
    samples: tuple[bytes, ...]
    """First four bytes of the names of chunks that hold samples."""
    align: int
    header_counts: bool = False
    """Whether a chunk's size includes its own header."""


_LAYOUTS = {
    b"RIFF": _Chunks(12, 4, 4, "little", (b"data",), 2),
    b"RF64": _Chunks(12, 4, 4, "little", (b"data",), 2),
    b"BW64": _Chunks(12, 4, 4, "little", (b"data",), 2),
    b"RIFX": _Chunks(12, 4, 4, "big", (b"data",), 2),
    b"FORM": _Chunks(12, 4, 4, "big", (b"SSND", b"BODY"), 2),
    b"riff": _Chunks(40, 16, 8, "little", (b"data",), 8, header_counts=True),
}


def lack_of(source: Path | bytes) -> Lack | None:
    """What a recording lacks of what its container announces.

    Args:
        source: a file of any format, or its content.

    Returns:
        None where nothing is missing, or nothing is announced, or the format is none of those above.
    """
    if isinstance(source, bytes):
        return _lack_in(io.BytesIO(source), len(source))
    with source.open("rb") as file:
        return _lack_in(file, source.stat().st_size)


def _lack_in(file: BinaryIO, size: int) -> Lack | None:
    magic = file.read(4)
    if magic in _LAYOUTS:
        return _of_bytes(*_chunk_of_samples(file, size, _LAYOUTS[magic]))
    if magic in (b".snd", b"dns."):
        order: Literal["little", "big"] = "big" if magic == b".snd" else "little"
        first, announced = (int.from_bytes(file.read(4), order) for _ in range(2))
        return _of_bytes(announced if announced < _UNKNOWN_FROM else None, size - first)
    if magic == b"NIST":
        return _nist(file, size)
    return _ogg(file, size) if magic == b"OggS" else None


def _of_bytes(announced: int | None, there: int) -> Lack | None:
    if not announced or there >= announced:
        return None
    return Lack(1.0 - there / announced, f"it announces {announced} bytes of samples and has {max(there, 0)}")


def _chunk_of_samples(file: BinaryIO, size: int, layout: _Chunks) -> tuple[int | None, int]:
    """(announced bytes of samples or None, bytes that the file has from where they begin)."""
    at, in_ds64 = layout.first, None
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        name = file.read(layout.id_bytes)[:4]
        field = file.read(layout.size_bytes)
        if len(field) < layout.size_bytes:
            break
        length = int.from_bytes(field, layout.order)
        header = layout.id_bytes + layout.size_bytes
        if layout.header_counts:
            length -= header
        if name == b"ds64":
            in_ds64 = int.from_bytes(file.read(16)[8:], "little")  # the size of RIFF, then that of data
        if name in layout.samples:
            unknown = layout.size_bytes == 4 and length >= _UNKNOWN_FROM
            announced = in_ds64 if unknown and in_ds64 and in_ds64 < 2**62 else None if unknown else length
            return announced, size - at - header
        if not 0 <= length < size:
            break
        at += -(-(header + length) // layout.align) * layout.align
    return None, 0


def _nist(file: BinaryIO, size: int) -> Lack | None:
    """SPHERE: a header of text, by default of 1024 bytes, that counts samples and their bytes."""
    text = b"NIST" + file.read(1020)
    fields = dict(re.findall(rb"^(\w+) -i (\d+)", text, re.MULTILINE))
    if b"sample_count" not in fields or b"pcm" not in text:  # compressed: the bytes say nothing
        return None
    first = int(next(iter(re.findall(rb"^ *(\d+)\s*$", text, re.MULTILINE)), b"1024"))
    per_sample = int(fields.get(b"sample_n_bytes", b"2")) * int(fields.get(b"channel_count", b"1"))
    return _of_bytes(int(fields[b"sample_count"]) * per_sample, size - first)


def _ogg(file: BinaryIO, size: int) -> Lack | None:
    """The last page: is it whole, and is it marked as the last?"""
    file.seek(max(0, size - 2 * _LONGEST_PAGE))
    tail = file.read()
    at = tail.rfind(b"OggS\x00")
    page = tail[at:] if at >= 0 else b""
    n_segments = page[_PAGE_HEADER - 1] if len(page) >= _PAGE_HEADER else 0
    lacing = page[_PAGE_HEADER : _PAGE_HEADER + n_segments]
    if len(page) < _PAGE_HEADER or len(lacing) < n_segments or len(page) < _PAGE_HEADER + n_segments + sum(lacing):
        return Lack(1.0, "it ends within a page of its Ogg stream")
    if not page[5] & _LAST_PAGE:
        return Lack(0.0, "its Ogg stream has no last page")
    return None
