"""AudioMosaic as a HEAR model: from waveforms of any length to scene and timestamp embeddings."""

from __future__ import annotations

from torch import Tensor

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audiomosaic.encoder import PATCH, AudioMosaicEncoder, normalise, pad_frames
from hear_audiomosaic.hear.patches import HOPS_MS, PatchModel

__all__ = ["HOPS_MS", "AudioMosaicModel"]


class AudioMosaicModel(PatchModel):
    """The encoder and the input policy of this package; arguments and attributes as of :class:`PatchModel`.

    Policy, and why:

    * The mean of the whole clip is subtracted, then filter banks are taken and normalised with AudioSet's statistics,
      as in the paper; nothing is computed across clips, so a clip's embedding never depends on its batch mates.
    * Windows of 10.24 s (1024 frames), or of what the weights were trained on. The last, shorter window runs at its own
      length, rounded up to a patch with rows of raw value 0 (the paper's padding), with the time rows of the position
      table that it needs: padding it to 10.24 s, as fine-tuning in the paper does, would mix seconds of loud padding
      into the mean. With ``pad="window"``, a clip shorter than the window is extended with silence instead, as it was
      in pre-training.
    * A scene is fc_norm of the mean over all tokens, class tokens included: for a clip of one full window what every
      head of the paper sees.
    * Clips shorter than one frame (25 ms) are padded with zeros to one.
    """

    encoder: AudioMosaicEncoder
    method = "AudioMosaic"
    n_prefix_tokens = 1  # the class token

    def remove_dc(self, audio: Tensor) -> Tensor:
        """Without its mean."""
        return audio - audio.mean(dim=1, keepdim=True)

    def spectrogram(self, samples: Tensor) -> Tensor:
        """Normalised filter banks, filled up with raw zeros."""
        fbank = kaldi_fbank(samples)
        return normalise(pad_frames(fbank, -(-fbank.shape[1] // PATCH) * PATCH))

    def normed(self, features: Tensor) -> Tensor:
        """fc_norm, which the heads of the paper stand behind."""
        normed: Tensor = self.encoder.fc_norm(features)
        return normed
