"""What HEAR models over patches of Kaldi filter banks share: windows of a clip, timestamps, frequency pooling."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.model import HearModel
from hear_audiomosaic.hear.windows import check_audio, shifted_passes, windows
from hear_audiomosaic.nn import PatchEncoder

__all__ = ["HOPS_MS", "PatchModel"]

HOPS_MS = (160, 80, 40, 20)
_N_BANDS, _PATCH = 8, 16
_SHIFT, _FRAME = 160, 400  # samples at 16 kHz
_HOP_MS = 160.0
_CENTRE_MS = ((_PATCH - 1) * 10.0 + 25.0) / 2.0  # of the first patch: 16 frames of 25 ms, 10 ms apart -> 87.5 ms
_MAX_BATCH = 32  # windows in one forward pass: bounds the memory whatever the batch


class PatchModel(HearModel):
    """An encoder whose tokens are 16 x 16 patches of 128 mel bins, time-major, 8 to a time step.

    Clips longer than the encoder's window are cut into consecutive windows of the uncut clip's frames, so no frame is
    lost or padded at a seam; the last, shorter one runs at its own length. Nothing is computed across clips.

    Args:
        encoder: the network, whose ``grid`` is (time steps of its window, 8); spectrograms (B, T, 128) -> tokens
            (B, prefix + T / 16 * 8, D).
        hop_ms: time between timestamp embeddings: 160 is the encoder's own; 80, 40 and 20 cost 2, 4 and 8 passes.
            The default, 40, keeps HEAR's advice of 50 ms or less.
        frequency: "mean" averages the 8 frequency tokens of a time step (D features), "concat" concatenates them, low
            band first (8 D features).
        layer: the block after which the tokens are taken, 1 to the encoder's depth; None is the last. Later blocks are
            taken out of ``encoder``: nothing needs them. Choice: pooling and norm are those of the last layer, whose
            norm has not seen the others; so the last layer is one of the series, and no layer gains weights of its own.
        pad: how a clip shorter than the window becomes a scene: "patch" takes it at its own length, "window" appends
            silence up to the window's, which is what pre-training made of short clips. It costs a whole window, and a
            much shorter clip's mean is then mostly of silence. Timestamps are the same with both.

    Attributes:
        sample_rate: 16000 Hz.
        scene_embedding_size: D.
        timestamp_embedding_size: D or 8 D.
    """

    encoder: PatchEncoder
    sample_rate = 16000
    method = "the encoder"
    n_prefix_tokens = 0

    def __init__(
        self,
        encoder: PatchEncoder,
        *,
        hop_ms: int = 40,
        frequency: str = "mean",
        layer: int | None = None,
        pad: str = "patch",
    ) -> None:
        super().__init__()
        if hop_ms not in HOPS_MS:
            raise EncoderError(f"hop_ms = {hop_ms!r} cannot be had; {self.method} offers {HOPS_MS}.")
        if frequency not in ("mean", "concat"):
            raise EncoderError(f"frequency = {frequency!r} is unknown; expected 'mean' or 'concat'.")
        if pad not in ("patch", "window"):
            raise EncoderError(f"pad = {pad!r} is unknown; expected 'patch' or 'window'.")
        if layer is not None:
            depth = len(encoder.blocks)
            if type(layer) is not int or not 1 <= layer <= depth:
                raise EncoderError(f"layer = {layer!r} is not there; this encoder has the layers 1 to {depth}.")
            encoder.blocks = encoder.blocks[:layer]
        self.encoder, self.pad = encoder, pad
        self.hop_ms, self.frequency = hop_ms, frequency
        self.scene_embedding_size = encoder.size.embed_dim
        self.timestamp_embedding_size = encoder.size.embed_dim * (_N_BANDS if frequency == "concat" else 1)

    def remove_dc(self, audio: Tensor) -> Tensor:
        """What is done to the whole clip first: (B, S) -> (B, S)."""
        return audio

    def spectrogram(self, samples: Tensor) -> Tensor:
        """The encoder's input, padded to whole patches: (B, S) -> (B, T, 128)."""
        raise NotImplementedError

    def normed(self, features: Tensor) -> Tensor:
        """What follows pooling: (..., D) -> (..., D)."""
        return features

    def scene(self, audio: Tensor) -> Tensor:
        """Mean over all tokens of all windows, prefix tokens included, then :meth:`normed`: (B, S) -> (B, D)."""
        audio = check_audio(audio, _FRAME)
        if self.pad == "window":
            audio = F.pad(audio, (0, max(0, self.encoder.grid[0] * _PATCH * _SHIFT - audio.shape[1])))
        audio = self.remove_dc(audio)
        total, n_tokens = audio.new_zeros(audio.shape[0], self.scene_embedding_size), 0
        for tokens in self._token_windows(audio):
            total += tokens.sum(dim=1)
            n_tokens += tokens.shape[1]
        return self.normed(total / n_tokens)

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings every ``hop_ms``: (B, S) -> (B, T, D) and centre times (B, T) in ms.

        The mean over (or each of) the frequency tokens of a time step, then :meth:`normed`. A time step covers 175 ms
        of audio; its stamp is the middle of that.
        """
        audio = self.remove_dc(check_audio(audio, _FRAME))
        return shifted_passes(audio, self.sample_rate, _HOP_MS, float(self.hop_ms), _CENTRE_MS, self._steps)

    def _steps(self, audio: Tensor) -> Tensor:
        """(B, S) -> (B, T', D), one step per 160 ms."""
        steps = []
        for tokens in self._token_windows(audio):
            grid = torch.unflatten(tokens[:, self.n_prefix_tokens :], 1, (-1, _N_BANDS))  # (B, T', 8, D)
            steps.append(self.normed(grid.mean(dim=2) if self.frequency == "mean" else grid).flatten(2))
        return torch.cat(steps, dim=1)

    def _token_windows(self, audio: Tensor) -> Iterator[Tensor]:
        """Yield the tokens (B, prefix + N, D) of consecutive windows of the clip."""
        for start, length in windows(n_frames(audio.shape[1]), self.encoder.grid[0] * _PATCH):
            samples = audio[:, start * _SHIFT : (start + length - 1) * _SHIFT + _FRAME]
            yield torch.cat([self.encoder(part) for part in torch.split(self.spectrogram(samples), _MAX_BATCH)])
