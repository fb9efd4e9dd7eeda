"""What all methods share: sizes, transformer blocks, position tables, masking, projection heads, weights files."""

from hear_audiomosaic.nn.heads import contrastive_projector
from hear_audiomosaic.nn.masking import axis_keep_ids, gather_tokens, masked_tokens, random_keep_ids, scatter_tokens
from hear_audiomosaic.nn.positions import sincos_1d, sincos_2d, sincos_interleaved
from hear_audiomosaic.nn.sizes import SIZES, EncoderSize, get_size
from hear_audiomosaic.nn.vit import Attention, Block, Mlp, PatchEmbed, PatchEncoder, drop_path_rates

__all__ = [
    "SIZES",
    "Attention",
    "Block",
    "EncoderSize",
    "Mlp",
    "PatchEmbed",
    "PatchEncoder",
    "axis_keep_ids",
    "contrastive_projector",
    "drop_path_rates",
    "gather_tokens",
    "get_size",
    "masked_tokens",
    "random_keep_ids",
    "scatter_tokens",
    "sincos_1d",
    "sincos_2d",
    "sincos_interleaved",
]
