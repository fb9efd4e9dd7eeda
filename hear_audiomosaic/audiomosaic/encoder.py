"""AudioMosaic's encoder: a ViT over Kaldi filter banks (arXiv 2605.14231, section 3 and appendix).

A spectrogram of T frames (10 ms) x 128 mel bins is cut into 16 x 16 patches. Tokens are time-major: index
n = t * 8 + f. Order of operations: patch map, LayerNorm, class token, position table, LayerNorm, [drop masked tokens],
blocks. There is no norm after the last block; pooling is the mean over all tokens with the class token, then
``fc_norm``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import (
    Block,
    PatchEmbed,
    PatchEncoder,
    contrastive_projector,
    drop_path_rates,
    gather_tokens,
    sincos_2d,
)
from hear_audiomosaic.nn.sizes import SIZES, EncoderSize, get_size
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS

__all__ = [
    "AUDIOSET_MEAN",
    "AUDIOSET_STD",
    "N_MELS",
    "PATCH",
    "SIZES",
    "WINDOW_FRAMES",
    "AudioMosaicEncoder",
    "EncoderSize",
    "get_size",
    "normalise",
    "pad_frames",
]

AUDIOSET_MEAN, AUDIOSET_STD = -4.2677393, 4.5689974
N_MELS, PATCH, WINDOW_FRAMES = 128, 16, 1024


class AudioMosaicEncoder(PatchEncoder):
    """The network with the published tensor names.

    Args:
        size: width, depth and heads.
        window_frames: T of the longest input, a multiple of 16; fixes the rows of the position table.
        drop_path: stochastic-depth rate of the last block (training only).
        projector: whether the contrastive projector is part of the model, as in the published checkpoint.
    """

    def __init__(
        self, size: EncoderSize, *, window_frames: int = WINDOW_FRAMES, drop_path: float = 0.1, projector: bool = True
    ) -> None:
        super().__init__()
        dim = size.embed_dim
        self.size = size
        self.grid = (window_frames // PATCH, N_MELS // PATCH)  # (time steps, frequency bands)
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + self.grid[0] * self.grid[1], dim))
        self.patch_embed = PatchEmbed(dim, (PATCH, PATCH), norm=True)
        self.norm_pre = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        rates = drop_path_rates(drop_path, size.depth)
        self.blocks = nn.ModuleList(Block(dim, size.num_heads, drop_path=rate) for rate in rates)
        self.fc_norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.projector = contrastive_projector(dim) if projector else None
        self._initialise()

    def _initialise(self) -> None:
        """Truncated normals of 0.02 for linear maps and the patch map, a clean 64 x 8 sine-cosine position table.

        Deviation: the released code fills the (trainable) table from swapped grid sides, which scrambles time and
        frequency; here the first half of the width codes the band and the second half the time step.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.cls_token, std=1e-6)
        n = torch.arange(self.grid[0] * self.grid[1])
        table = sincos_2d(n % self.grid[1], n // self.grid[1], self.size.embed_dim)
        with torch.no_grad():
            self.pos_embed.copy_(torch.cat([torch.zeros(1, self.size.embed_dim), table])[None])

    def embed_patches(self, spectrogram: Tensor) -> Tensor:
        """Tokens before the first block.

        Args:
            spectrogram: normalised, shape (B, T, 128), T a multiple of 16 and at most the window; a shorter one takes
                the first T / 16 time rows of the position table.

        Returns:
            shape (B, 1 + T / 16 * 8, D), class token first.
        """
        n_frames = spectrogram.shape[1]
        if n_frames % PATCH or n_frames > self.grid[0] * PATCH:
            raise EncoderError(
                f"A spectrogram of {n_frames} frames does not fit: expected a multiple of {PATCH}, "
                f"at most {self.grid[0] * PATCH}."
            )
        tokens = self.patch_embed(spectrogram)  # (B, T / 16 * 8, D)
        tokens = torch.cat([self.cls_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        normed: Tensor = self.norm_pre(tokens + self.pos_embed[:, : tokens.shape[1]])
        return normed

    def forward(self, spectrogram: Tensor, keep_ids: Tensor | None = None) -> Tensor:
        """Tokens after the last block; arguments and shape as in :meth:`forward_layers`."""
        for x in self._layers(spectrogram, keep_ids):  # noqa: B007 - the last one is the result
            pass
        return x

    def _layers(self, spectrogram: Tensor, keep_ids: Tensor | None) -> Iterator[Tensor]:
        x = self.embed_patches(spectrogram)
        if keep_ids is not None:
            x = torch.cat([x[:, :1], gather_tokens(x[:, 1:], keep_ids)], dim=1)
        for block in self.blocks:
            x = block(x)
            yield x

    def project(self, pooled: Tensor) -> Tensor:
        """Contrastive vectors of pooled features: (B, D) -> (B, 128), not normalised."""
        if self.projector is None:
            raise EncoderError("This AudioMosaic model was built without a projector; build it with projector=True.")
        projected: Tensor = self.projector(self.fc_norm(pooled))
        return projected


def normalise(fbank: Tensor, mean: float = AUDIOSET_MEAN, std: float = AUDIOSET_STD) -> Tensor:
    """(x - mean) / (2 std), as all of AudioMosaic's training and evaluation code does."""
    return (fbank - mean) / (2.0 * std)


def pad_frames(fbank: Tensor, n_frames: int) -> Tensor:
    """Append rows of raw value 0 (before normalisation, as the reference does): (B, T, F) -> (B, n_frames, F)."""
    return nn.functional.pad(fbank, (0, 0, 0, n_frames - fbank.shape[1]))
