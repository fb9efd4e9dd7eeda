"""What all methods share: transformer blocks, position tables, masking, projection heads."""

from hear_audiomosaic.nn.heads import contrastive_projector
from hear_audiomosaic.nn.masking import axis_keep_ids, gather_tokens
from hear_audiomosaic.nn.positions import sincos_1d, sincos_2d
from hear_audiomosaic.nn.vit import Attention, Block, Mlp, PatchEmbed, drop_path_rates

__all__ = [
    "Attention",
    "Block",
    "Mlp",
    "PatchEmbed",
    "axis_keep_ids",
    "contrastive_projector",
    "drop_path_rates",
    "gather_tokens",
    "sincos_1d",
    "sincos_2d",
]
