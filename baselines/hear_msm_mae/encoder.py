"""MSM-MAE's network: a masked autoencoder over log-mel spectrograms (arXiv 2204.12260; MAE: arXiv 2111.06377).

A spectrogram of 80 mel bins x U frames (10 ms) is cut into patches of pf bins x pt frames, a grid of F x T. Tokens are
frequency-major: index n = f * T + t, f = 0 the lowest band. Position tables are fixed. Order of operations: patch map,
plus position, [drop masked tokens], class token (its position is zero), blocks, LayerNorm; then, in pre-training, a map
to the decoder's width, mask tokens in the gaps, plus position, decoder blocks, LayerNorm, a map to patches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import (
    Block,
    EncoderSize,
    PatchEmbed,
    PatchEncoder,
    gather_tokens,
    scatter_tokens,
    sincos_2d,
    sincos_interleaved,
)
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS

__all__ = [
    "AUDIOSET_STATS",
    "HEAD_WIDTH",
    "INPUT_SIZES",
    "N_MELS",
    "PATCH_SIZES",
    "MsmMae",
    "Recipe",
    "decoder_for",
    "parse_size",
    "position_table",
]

N_MELS = 80
AUDIOSET_STATS = (-7.1, 4.2)  # mean and standard deviation of log-mels of AudioSet, as published with M2D
INPUT_SIZES = ("80x96", "80x208", "80x304", "80x400", "80x512", "80x608")  # 80x304 and 80x400: unconfirmed
PATCH_SIZES = ("16x16", "16x8", "16x4", "8x16", "80x4")
HEAD_WIDTH = 64  # of every encoder and decoder head
_DECODERS = {768: 384, 384: 192, 192: 128}  # encoder width -> decoder width; the paper's is the first

Recipe = Literal["original", "m2d"]


def parse_size(text: str) -> tuple[int, int]:
    """Read "80x208" (mel bins x frames) or "16x16" (patch height x width) as two positive integers.

    Raises:
        EncoderError: not of that form.
    """
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise EncoderError(
            f"'{text}' is not a size; expected FREQUENCYxTIME, an input size such as {', '.join(INPUT_SIZES)} or a "
            f"patch size such as {', '.join(PATCH_SIZES)}."
        )
    return int(match[1]), int(match[2])


def decoder_for(encoder: EncoderSize) -> EncoderSize:
    """The decoder that goes with an encoder: 4 blocks, about half as wide.

    Confirmed: 384 / 4 / 6 beside ViT-Base. Choice: the widths beside the smaller encoders.
    """
    width = _DECODERS.get(encoder.embed_dim, HEAD_WIDTH)
    return EncoderSize(embed_dim=width, depth=4, num_heads=width // HEAD_WIDTH)


def position_table(grid: tuple[int, int], dim: int, recipe: Recipe = "m2d", cls_token: bool = True) -> Tensor:
    """A position table with the class token's row of zeros in front.

    Args:
        grid: (F, T).
        dim: D.
        recipe: "m2d" for [sin t | cos t | sin f | cos f], every encoder's table and the M2D recipe's decoder's; time
            comes first. "original" for the interleaved sinusoid over the flat index n, the original decoder's.
        cls_token: whether there is a row for the class token.

    Returns:
        float32, shape (1, 1 + F * T, D), or one row less.
    """
    n = torch.arange(grid[0] * grid[1])
    table = sincos_2d(n % grid[1], n // grid[1], dim) if recipe == "m2d" else sincos_interleaved(n, dim)
    return torch.cat([torch.zeros(int(cls_token), dim), table])[None]


class MsmMae(PatchEncoder):
    """The network with the published tensor names.

    Args:
        size: width, depth and heads of the encoder.
        input_size: (80, U), mel bins and frames of the longest input; U a multiple of the patch's width.
        patch_size: (pf, pt), mel bins and frames of a patch; pf divides 80.
        recipe: "original" has no key bias (``q_bias`` and ``v_bias``) and the 1-D decoder table; "m2d", the
            re-training with M2D's recipe, has one bias for queries, keys and values, the 2-D decoder table, and
            ``norm_stats`` among its tensors.
        cls_token: whether there is a class token.
        decoder: width, depth and heads of the decoder, "default" for :func:`decoder_for`; None leaves it out.
        norm_stats: mean and standard deviation of the training data's log-mels; AudioSet's by default. They are among
            the tensors when given.

    Attributes:
        grid: (F, T).
        norm_stats: float32, shape (2,).
    """

    norm_stats: Tensor

    def __init__(
        self,
        size: EncoderSize,
        input_size: tuple[int, int] = (N_MELS, 208),
        patch_size: tuple[int, int] = (16, 16),
        *,
        recipe: Recipe = "original",
        cls_token: bool = True,
        decoder: EncoderSize | Literal["default"] | None = "default",
        norm_stats: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(input_size, patch_size)
        if decoder == "default":
            decoder = decoder_for(size)
        self.size, self.input_size, self.patch_size, self.recipe = size, input_size, patch_size, recipe
        self.grid = (input_size[0] // patch_size[0], input_size[1] // patch_size[1])
        self.n_tokens = self.grid[0] * self.grid[1]
        self.patch_embed = PatchEmbed(size.embed_dim, patch_size)
        self.cls_token = nn.Parameter(torch.empty(1, 1, size.embed_dim)) if cls_token else None
        self.pos_embed = nn.Parameter(position_table(self.grid, size.embed_dim, "m2d", cls_token), requires_grad=False)
        self.blocks = _blocks(size, recipe)
        self.norm = nn.LayerNorm(size.embed_dim, eps=LAYER_NORM_EPS)
        stats = torch.tensor(norm_stats or AUDIOSET_STATS)
        self.register_buffer("norm_stats", stats, persistent=recipe == "m2d" or norm_stats is not None)
        self.mask_token: nn.Parameter | None = None
        if decoder is not None:
            self._add_decoder(decoder, cls_token)
        self._initialise()

    def _add_decoder(self, size: EncoderSize, cls_token: bool) -> None:
        width = size.embed_dim
        table = position_table(self.grid, width, self.recipe, cls_token)
        self.decoder_embed = nn.Linear(self.size.embed_dim, width)
        self.mask_token = nn.Parameter(torch.empty(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(table, requires_grad=False)
        self.decoder_blocks = _blocks(size, self.recipe)
        self.decoder_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.decoder_pred = nn.Linear(width, self.patch_size[0] * self.patch_size[1])

    def _initialise(self) -> None:
        """Xavier-uniform linear maps (query, key and value as one matrix) and patch map, zero biases, 0.02 tokens."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.view(self.size.embed_dim, -1))
        for token in (self.cls_token, self.mask_token):
            if token is not None:
                nn.init.normal_(token, std=0.02)

    def embed_patches(self, spectrogram: Tensor) -> Tensor:
        """Patch tokens with their positions, without class token.

        Args:
            spectrogram: normalised, shape (B, 80, U'), U' a multiple of pt and at most U; a shorter one takes the first
                U' / pt time steps of the position table.

        Returns:
            shape (B, F * U' / pt, D), frequency-major.
        """
        n_steps, rest = divmod(spectrogram.shape[2], self.patch_size[1])
        if spectrogram.shape[1] != N_MELS or rest or not 0 < n_steps <= self.grid[1]:
            raise EncoderError(
                f"A spectrogram of {spectrogram.shape[1]} bins x {spectrogram.shape[2]} frames does not fit: "
                f"expected {N_MELS} bins and a multiple of {self.patch_size[1]} frames, at most {self.input_size[1]}."
            )
        table = torch.unflatten(self.pos_embed[:, -self.n_tokens :], 1, self.grid)  # (1, F, T, D)
        tokens: Tensor = self.patch_embed(spectrogram) + table[:, :, :n_steps].flatten(1, 2)
        return tokens

    def forward(self, spectrogram: Tensor, keep_ids: Tensor | None = None) -> Tensor:
        """Tokens after the last block and the LayerNorm; arguments and shape as in :meth:`forward_layers`."""
        for x in self._layers(spectrogram, keep_ids):  # noqa: B007 - the last one is the result
            pass
        normed: Tensor = self.norm(x)
        return normed

    def _layers(self, spectrogram: Tensor, keep_ids: Tensor | None) -> Iterator[Tensor]:
        x = self.embed_patches(spectrogram)
        if keep_ids is not None:
            x = gather_tokens(x, keep_ids)
        if self.cls_token is not None:  # its row of the table is zero
            x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(x.shape[0], -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
            yield x

    def time_features(self, spectrogram: Tensor) -> Tensor:
        """The frequency tokens of each time step side by side, low band first.

        Args:
            spectrogram: see :meth:`embed_patches`.

        Returns:
            shape (B, U' / pt, F * D): z_t = [h_{0,t} | h_{1,t} | ... | h_{F-1,t}].
        """
        tokens = self(spectrogram)
        grid = torch.unflatten(tokens[:, int(self.cls_token is not None) :], 1, (self.grid[0], -1))  # (B, F, T', D)
        features: Tensor = grid.transpose(1, 2).flatten(2)
        return features

    def decode(self, visible: Tensor, keep_ids: Tensor) -> Tensor:
        """Predict all patches from the visible tokens.

        Args:
            visible: what :meth:`forward` gave for ``keep_ids``, of inputs of the full U frames.
            keep_ids: int64, shape (B, K).

        Returns:
            shape (B, F * T, pf * pt), in units of the normalised spectrogram.
        """
        if self.mask_token is None:
            raise EncoderError("This MSM-MAE was built without a decoder; build it with decoder='default'.")
        x = self.decoder_embed(visible)
        prefix = int(self.cls_token is not None)
        full = scatter_tokens(x[:, prefix:], keep_ids, self.mask_token, self.n_tokens)
        x = torch.cat([x[:, :prefix], full], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        patches: Tensor = self.decoder_pred(self.decoder_norm(x))
        return patches[:, prefix:]

    def normalise(self, log_mel: Tensor) -> Tensor:
        """(x - mean) / std with ``norm_stats``: the same for every clip."""
        return (log_mel - self.norm_stats[0]) / self.norm_stats[1]

    def patchify(self, spectrogram: Tensor) -> Tensor:
        """Cut (B, 80, U') into flat patches (B, N, pf * pt), frequency-major outside and inside the patch."""
        height, width = self.patch_size
        steps = torch.unflatten(spectrogram, 2, (-1, width))
        grid: Tensor = torch.unflatten(steps, 1, (-1, height))  # (B, F, pf, T', pt)
        return grid.transpose(2, 3).flatten(3).flatten(1, 2)


def _blocks(size: EncoderSize, recipe: Recipe) -> nn.ModuleList:
    return nn.ModuleList(Block(size.embed_dim, size.num_heads, key_bias=recipe == "m2d") for _ in range(size.depth))


def _check_sizes(input_size: tuple[int, int], patch_size: tuple[int, int]) -> None:
    if input_size[0] != N_MELS or input_size[0] % patch_size[0] or input_size[1] % patch_size[1]:
        raise EncoderError(
            f"An input of {input_size[0]}x{input_size[1]} cannot be cut into patches of "
            f"{patch_size[0]}x{patch_size[1]}; expected {N_MELS} mel bins and whole patches on both sides."
        )
