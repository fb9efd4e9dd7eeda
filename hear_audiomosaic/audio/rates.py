"""Which sample rates there are, and what a change between two means: the one place that says so."""

from __future__ import annotations

__all__ = ["HIGHEST_RATE_HZ", "LOWEST_RATE_HZ", "change_in_words", "is_sample_rate"]

LOWEST_RATE_HZ = 1_000
HIGHEST_RATE_HZ = 384_000
"""Of the fastest sound cards; a clip at a rate without bounds would fill any memory."""


def is_sample_rate(value: object) -> bool:
    """Whether a value is a whole number of Hz that audio can have."""
    return isinstance(value, int) and not isinstance(value, bool) and LOWEST_RATE_HZ <= value <= HIGHEST_RATE_HZ


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
