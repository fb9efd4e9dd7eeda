"""AudioMosaic as a HEAR model: from waveforms of any length to scene and timestamp embeddings."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.audiomosaic.encoder import N_MELS, PATCH, AudioMosaicEncoder, normalise, pad_frames
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.windows import check_audio, shifted_passes, windows

__all__ = ["HOPS_MS", "AudioMosaicModel"]

HOPS_MS = (160, 80, 40, 20)
_SHIFT, _FRAME = 160, 400  # samples at 16 kHz
_HOP_MS = 160.0
_CENTRE_MS = ((PATCH - 1) * 10.0 + 25.0) / 2.0  # of the first patch: 16 frames of 25 ms, 10 ms apart -> 87.5 ms
_MAX_BATCH = 32  # windows in one forward pass: bounds the memory whatever the batch


class AudioMosaicModel(nn.Module):
    """The encoder and the input policy of this package.

    Policy, and why:

    * The mean of the whole clip is subtracted, then filter banks are taken and normalised with AudioSet's statistics,
      as in the paper; nothing is computed across clips, so a clip's embedding never depends on its batch mates.
    * Clips longer than 10.24 s (1024 frames) are cut into consecutive windows of 1024 frames. Frames are taken from
      the uncut clip, so no frame is lost or padded at a seam. The last, shorter window runs at its own length, rounded
      up to a patch with rows of raw value 0 (the paper's padding), with the time rows of the position table that it
      needs: padding it to 10.24 s, as fine-tuning in the paper does, would mix seconds of loud padding into the mean.
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
        self, encoder: AudioMosaicEncoder, hop_ms: int = 40, frequency: str = "mean", untrained: bool = False
    ) -> None:
        super().__init__()
        if hop_ms not in HOPS_MS:
            raise EncoderError(f"hop_ms = {hop_ms!r} cannot be had; AudioMosaic offers {HOPS_MS}.")
        if frequency not in ("mean", "concat"):
            raise EncoderError(f"frequency = {frequency!r} is unknown; expected 'mean' or 'concat'.")
        self.encoder = encoder
        self.hop_ms = hop_ms
        self.frequency = frequency
        self.untrained = untrained
        self.n_bands = N_MELS // PATCH
        self.scene_embedding_size = encoder.size.embed_dim
        self.timestamp_embedding_size = encoder.size.embed_dim * (self.n_bands if frequency == "concat" else 1)

    def scene(self, audio: Tensor) -> Tensor:
        """fc_norm of the mean over all tokens of all windows, class tokens included: (B, S) -> (B, D).

        For a clip of one full window this is what every head of the paper sees.
        """
        audio = _centred(check_audio(audio, _FRAME))
        total, n_tokens = audio.new_zeros(audio.shape[0], self.scene_embedding_size), 0
        for tokens in self._token_windows(audio):
            total += tokens.sum(dim=1)
            n_tokens += tokens.shape[1]
        return self.encoder.fc_norm(total / n_tokens)

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings every ``hop_ms``: (B, S) -> (B, T, D) and centre times (B, T) in ms.

        fc_norm of the mean over (or of each of) the frequency tokens of a time step. A time step covers 175 ms of
        audio; its stamp is the middle of that.
        """
        audio = check_audio(audio, _FRAME)
        return shifted_passes(_centred(audio), self.sample_rate, _HOP_MS, float(self.hop_ms), _CENTRE_MS, self._steps)

    def _steps(self, audio: Tensor) -> Tensor:
        """(B, S) -> (B, T', D), one step per 160 ms."""
        steps = []
        for tokens in self._token_windows(audio):
            grid = tokens[:, 1:].unflatten(1, (-1, self.n_bands))  # (B, T', 8, D)
            pooled = grid.mean(dim=2) if self.frequency == "mean" else grid
            steps.append(self.encoder.fc_norm(pooled).flatten(2))
        return torch.cat(steps, dim=1)

    def _token_windows(self, audio: Tensor) -> Iterator[Tensor]:
        """Yield the tokens (B, 1 + N, D) of consecutive windows of the clip."""
        longest = self.encoder.grid[0] * PATCH
        for start, length in windows(n_frames(audio.shape[1]), longest):
            samples = audio[:, start * _SHIFT : (start + length - 1) * _SHIFT + _FRAME]
            fbank = pad_frames(kaldi_fbank(samples), -(-length // PATCH) * PATCH)
            yield torch.cat([self.encoder(part) for part in normalise(fbank).split(_MAX_BATCH)])


def _centred(audio: Tensor) -> Tensor:
    return audio - audio.mean(dim=1, keepdim=True)
