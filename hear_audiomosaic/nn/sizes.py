"""Transformer sizes by name, the same for all methods, so that a comparison of methods compares methods."""

from __future__ import annotations

from dataclasses import dataclass

from hear_audiomosaic.errors import EncoderError

__all__ = ["SIZES", "EncoderSize", "get_size", "heads_of_width"]


@dataclass(frozen=True)
class EncoderSize:
    """Width, number of blocks and number of attention heads of an encoder."""

    embed_dim: int
    depth: int
    num_heads: int


SIZES = {
    "base": EncoderSize(embed_dim=768, depth=12, num_heads=12),
    "small": EncoderSize(embed_dim=384, depth=12, num_heads=6),
    "tiny": EncoderSize(embed_dim=192, depth=12, num_heads=3),
    "micro": EncoderSize(embed_dim=192, depth=4, num_heads=3),
}


def get_size(name: str) -> EncoderSize:
    """The size of that name; an error lists the sizes there are."""
    if name not in SIZES:
        raise EncoderError(f"There is no size '{name}'; the sizes are {', '.join(SIZES)}.")
    return SIZES[name]


def heads_of_width(width: int) -> int | None:
    """Attention heads of the known sizes of that width, which no tensor's shape tells; None for an unknown width."""
    return {size.embed_dim: size.num_heads for size in SIZES.values()}.get(width)
