"""MP3 streams that do not say how long they are: how long they are, by their frames.

Encoders write a first frame that holds no sound and says how many follow ("Xing", "Info", "VBRI"). Without it
libsndfile guesses a length from the first frame's bit rate and reads no further, so of a stream of variable bit rate it
gives a part, or announces more than there is. And nothing tells whether the stream is whole.

References: ISO/IEC 11172-3 (2.4.2.3) and 13818-3, the header of a frame; id3.org, "ID3 tag version 2.4.0" (3.1). Xing
and VBRI frames are known from the encoders that write them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mp3Frames", "frames_without_length"]

_KBIT = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1, layer III
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2 and 2.5
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SYNC_WITHIN = 1 << 16  # bytes of something else before the first frame
_LARGEST_FRAME = 2881  # bytes, of MPEG-2.5 with 160 kbit/s at 8 kHz and padding
_TAGS = (b"Xing", b"Info", b"VBRI")


@dataclass(frozen=True)
class Mp3Frames:
    """The frames of a stream, one after the other up to what is none.

    Attributes:
        n_samples: of all of them, a channel; 0 where none was found (another layer).
        is_cut: whether the last one has fewer bytes than its header says.
    """

    n_samples: int
    is_cut: bool


def frames_without_length(source: Path | bytes) -> Mp3Frames | None:
    """The frames of an MP3 file, or of its content; None where it says itself how many they are."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head, begin = file.read(10), 0
        if head.startswith(b"ID3"):
            for byte in head[6:]:  # 7 bits each; the tag's size without its header
                begin = begin << 7 | byte & 0x7F
            begin += 10
        file.seek(begin)
        content = file.read(_SYNC_WITHIN)
        first = next((at for at in range(len(content)) if _frame(content, at)), len(content))
        if any(tag in content[first : first + _LARGEST_FRAME] for tag in _TAGS):
            return None
        content += file.read()
    n_samples, at = 0, first
    while (frame := _frame(content, at)) is not None:
        n_bytes, of_frame = frame
        if at + n_bytes > len(content):
            return Mp3Frames(n_samples, is_cut=True)
        n_samples, at = n_samples + of_frame, at + n_bytes
    return Mp3Frames(n_samples, is_cut=False)


def _frame(content: bytes, at: int) -> tuple[int, int] | None:
    """Bytes and samples of the layer III frame whose header stands there; None where none does."""
    if at + 4 > len(content) or content[at] != 0xFF or content[at + 1] & 0xE6 != 0xE2:
        return None
    version, kbit, rate = content[at + 1] >> 3 & 3, content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or rate == 3 or kbit in (0, 15):
        return None
    n_samples = 1152 if version == 3 else 576
    kbit_s, padding = _KBIT[3 if version == 3 else 2][kbit], content[at + 2] >> 1 & 1
    return n_samples // 8 * 1000 * kbit_s // _RATES_HZ[version][rate] + padding, n_samples
