"""AaSP's encoder: the AaPE stem and a ViT over Kaldi filter banks (arXiv 2512.03637).

A spectrogram of T frames (10 ms) x 128 mel bins is cut into 16 x 16 patches. Tokens are time-major: index
n = t * 8 + f. Order of operations: stem, plus a fixed position, [drop masked tokens], blocks, LayerNorm. There is no
class token; pooling is the mean (choice, all of it; README.md has the table).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hear_aasp.stem import AapeStem, KernelPhase
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import Block, EncoderSize, PatchEncoder, drop_path_rates, gather_tokens, sincos_2d
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS

__all__ = [
    "AUDIOSET_MEAN",
    "AUDIOSET_STD",
    "N_BANDS",
    "N_MELS",
    "PATCH",
    "WINDOW_FRAMES",
    "AaspEncoder",
    "normalise",
    "position_table",
]

AUDIOSET_MEAN, AUDIOSET_STD = -4.2677393, 4.5689974
N_MELS, PATCH, WINDOW_FRAMES = 128, 16, 1024
N_BANDS = N_MELS // PATCH


class AaspEncoder(PatchEncoder):
    """The network.

    Args:
        size: width, depth and heads.
        phase: of the stem's kernels, "even" or "odd"; see :func:`hear_aasp.stem.kernel`.
        n_states: kernels per subband.
        window_frames: T of the longest input, a multiple of 16.
        drop_path: stochastic-depth rate of the last block (training only).
    """

    positions: Tensor

    def __init__(
        self,
        size: EncoderSize,
        *,
        phase: KernelPhase = "even",
        n_states: int = 16,
        window_frames: int = WINDOW_FRAMES,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        dim = size.embed_dim
        self.size, self.phase, self.n_states = size, phase, n_states
        self.grid = (window_frames // PATCH, N_BANDS)  # (time steps, frequency bands)
        rates = drop_path_rates(drop_path, size.depth)
        self.blocks = nn.ModuleList(Block(dim, size.num_heads, drop_path=rate) for rate in rates)
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        # It has start values of its own.
        self.stem = AapeStem(dim, n_mels=N_MELS, patch=PATCH, n_states=n_states, phase=phase)
        self.register_buffer("positions", position_table(self.grid[0], dim), persistent=False)

    def embed_patches(self, spectrogram: Tensor) -> Tensor:
        """Tokens before the first block; each depends on its own patch alone.

        Args:
            spectrogram: normalised, shape (B, T, 128), T a multiple of 16 and at most the window; a shorter one takes
                the first T / 16 time steps of the position table.

        Returns:
            shape (B, T / 16 * 8, D).
        """
        n_frames = spectrogram.shape[1]
        if not n_frames or n_frames % PATCH or n_frames > self.grid[0] * PATCH:
            raise EncoderError(
                f"A spectrogram of {n_frames} frames does not fit: expected a multiple of {PATCH}, "
                f"at most {self.grid[0] * PATCH}."
            )
        tokens: Tensor = self.stem(spectrogram)
        return tokens + self.positions[: tokens.shape[1]]

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Normalised spectrogram (B, T, 128) -> all tokens after the last norm (B, N, D)."""
        return self.encode(self.embed_patches(spectrogram))

    def encode(self, tokens: Tensor) -> Tensor:
        """Tokens of :meth:`embed_patches`, all or those that stay, through blocks and norm: same shape."""
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def _layers(self, spectrogram: Tensor, keep_ids: Tensor | None) -> Iterator[Tensor]:
        x = self.embed_patches(spectrogram)
        if keep_ids is not None:
            x = gather_tokens(x, keep_ids)
        for block in self.blocks:
            x = block(x)
            yield x


def position_table(n_steps: int, dim: int) -> Tensor:
    """Fixed sine-cosine positions of time-major tokens, (n_steps * 8, D): first half the band, second half the time."""
    n = torch.arange(n_steps * N_BANDS)
    return sincos_2d(n % N_BANDS, n // N_BANDS, dim)


def normalise(fbank: Tensor, mean: float = AUDIOSET_MEAN, std: float = AUDIOSET_STD) -> Tensor:
    """(x - mean) / (2 std), as EAT (arXiv 2401.03497) does, with AudioSet's statistics."""
    return (fbank - mean) / (2.0 * std)
