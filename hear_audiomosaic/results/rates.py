"""What an encoder was given at another rate than its own, in words. Nothing here imports torch."""

from __future__ import annotations

__all__ = ["change_in_words"]


def change_in_words(read_hz: int | None, own_hz: int | None) -> str:
    """What became of audio whose rate is not the encoder's, without a full stop; empty where nothing did.

    Args:
        read_hz: rate of the files; None where it is not known.
        own_hz: rate that the encoder takes; None where it is not known.
    """
    if read_hz is None or own_hz is None or read_hz == own_hz:
        return ""
    if read_hz > own_hz:
        return f"audio of {read_hz} Hz, downsampled to {own_hz} Hz"
    return f"audio of {read_hz} Hz, UPSAMPLED to {own_hz} Hz: it holds nothing above {read_hz // 2} Hz"
