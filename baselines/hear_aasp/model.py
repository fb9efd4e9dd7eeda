"""AaSP as a HEAR model: from waveforms of any length to scene and timestamp embeddings."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hear_aasp.encoder import N_BANDS, PATCH, AaspEncoder, normalise
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.windows import check_audio, shifted_passes, windows

__all__ = ["HOPS_MS", "AaspModel", "pad_to_patch"]

HOPS_MS = (160, 80, 40, 20)
_SHIFT, _FRAME = 160, 400  # samples at 16 kHz
_HOP_MS = 160.0
_CENTRE_MS = ((PATCH - 1) * 10.0 + 25.0) / 2.0  # of the first patch: 16 frames of 25 ms, 10 ms apart -> 87.5 ms
_MAX_BATCH = 32  # windows in one forward pass: bounds the memory whatever the batch


class AaspModel(nn.Module):
    """The encoder and the input policy of this package (all of it our choice).

    * Filter banks are normalised with AudioSet's statistics; nothing is computed across clips, so a clip's embedding
      never depends on its batch mates.
    * Clips longer than 10.24 s (1024 frames) are cut into consecutive windows of 1024 frames, taken from the uncut
      clip's frames. The last, shorter window runs at its own length, rounded up to a patch by repeating its last frame:
      an edge to silence would be a modulation of all frequencies, which is what the stem measures.
    * Clips shorter than one frame (25 ms) are padded with zeros to one.

    Args:
        encoder: the network.
        hop_ms: time between timestamp embeddings: 160 is the encoder's own; 80, 40 and 20 cost 2, 4 and 8 passes.
            The default, 40, keeps HEAR's advice of 50 ms or less.
        frequency: "mean" averages the 8 frequency tokens of a time step (D features), "concat" concatenates them, low
            band first (8 D features).
        untrained: whether the weights are random; tables mark such a model.

    Attributes:
        sample_rate: 16000 Hz.
        scene_embedding_size: D.
        timestamp_embedding_size: D or 8 D.
    """

    sample_rate = 16000

    def __init__(
        self, encoder: AaspEncoder, hop_ms: int = 40, frequency: str = "mean", untrained: bool = False
    ) -> None:
        super().__init__()
        if hop_ms not in HOPS_MS:
            raise EncoderError(f"hop_ms = {hop_ms!r} cannot be had; AaSP offers {HOPS_MS}.")
        if frequency not in ("mean", "concat"):
            raise EncoderError(f"frequency = {frequency!r} is unknown; expected 'mean' or 'concat'.")
        self.encoder = encoder
        self.hop_ms = hop_ms
        self.frequency = frequency
        self.untrained = untrained
        self.scene_embedding_size = encoder.size.embed_dim
        self.timestamp_embedding_size = encoder.size.embed_dim * (N_BANDS if frequency == "concat" else 1)

    def scene(self, audio: Tensor) -> Tensor:
        """Mean over all tokens of all windows: (B, S) -> (B, D)."""
        total, n_tokens = audio.new_zeros(audio.shape[0], self.scene_embedding_size), 0
        for tokens in self._token_windows(check_audio(audio, _FRAME)):
            total += tokens.sum(dim=1)
            n_tokens += tokens.shape[1]
        return total / n_tokens

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings every ``hop_ms``: (B, S) -> (B, T, D) and centre times (B, T) in ms.

        A time step covers 175 ms of audio; its stamp is the middle of that.
        """
        audio = check_audio(audio, _FRAME)
        return shifted_passes(audio, self.sample_rate, _HOP_MS, float(self.hop_ms), _CENTRE_MS, self._steps)

    def _steps(self, audio: Tensor) -> Tensor:
        """(B, S) -> (B, T', D), one step per 160 ms."""
        grids = (tokens.unflatten(1, (-1, N_BANDS)) for tokens in self._token_windows(audio))  # (B, T', 8, D)
        return torch.cat([grid.mean(dim=2) if self.frequency == "mean" else grid.flatten(2) for grid in grids], dim=1)

    def _token_windows(self, audio: Tensor) -> Iterator[Tensor]:
        """Yield the tokens (B, N, D) of consecutive windows of the clip."""
        for start, length in windows(n_frames(audio.shape[1]), self.encoder.grid[0] * PATCH):
            samples = audio[:, start * _SHIFT : (start + length - 1) * _SHIFT + _FRAME]
            spectrogram = pad_to_patch(normalise(kaldi_fbank(samples)))
            yield torch.cat([self.encoder(part) for part in spectrogram.split(_MAX_BATCH)])


def pad_to_patch(spectrogram: Tensor) -> Tensor:
    """Repeat the last frame until the length is a multiple of the patch: (B, T, F) -> (B, T', F)."""
    missing = -spectrogram.shape[1] % PATCH
    return torch.cat([spectrogram, spectrogram[:, -1:].expand(-1, missing, -1)], dim=1)
