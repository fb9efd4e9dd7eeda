"""AaSP as a HEAR model: from waveforms of any length to scene and timestamp embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from hear_aasp.encoder import PATCH, AaspEncoder, normalise
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.hear.patches import HOPS_MS, PatchModel

__all__ = ["HOPS_MS", "AaspModel", "pad_to_patch"]


class AaspModel(PatchModel):
    """The encoder and the input policy of this package (choice, all of it); arguments as of :class:`PatchModel`.

    * Filter banks are normalised with AudioSet's statistics; nothing is computed across clips, so a clip's embedding
      never depends on its batch mates.
    * Windows of 10.24 s (1024 frames), or of what the weights were trained on. The last, shorter window runs at its own
      length, rounded up to a patch by repeating its last frame: an edge to silence would be a modulation of all
      frequencies, which is what the stem measures.
    * Clips shorter than one frame (25 ms) are padded with zeros to one.
    """

    encoder: AaspEncoder
    method = "AaSP"

    def spectrogram(self, samples: Tensor) -> Tensor:
        """Normalised filter banks, filled up with their last frame."""
        return pad_to_patch(normalise(kaldi_fbank(samples)))


def pad_to_patch(spectrogram: Tensor) -> Tensor:
    """Repeat the last frame until the length is a multiple of the patch: (B, T, F) -> (B, T', F)."""
    missing = -spectrogram.shape[1] % PATCH
    return torch.cat([spectrogram, spectrogram[:, -1:].expand(-1, missing, -1)], dim=1)
