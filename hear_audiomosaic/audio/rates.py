"""Which sample rates there are: the one place that says so."""

from __future__ import annotations

__all__ = ["HIGHEST_RATE_HZ", "LOWEST_RATE_HZ", "is_sample_rate"]

LOWEST_RATE_HZ = 1_000
HIGHEST_RATE_HZ = 384_000
"""Of the fastest sound cards; a clip at a rate without bounds would fill any memory."""


def is_sample_rate(value: object) -> bool:
    """Whether a value is a whole number of Hz that audio can have."""
    return isinstance(value, int) and not isinstance(value, bool) and LOWEST_RATE_HZ <= value <= HIGHEST_RATE_HZ
