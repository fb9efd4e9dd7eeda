"""A floor: the mean and the standard deviation of every log-mel band (HEAR module ``logmel``).

Scenes: Kaldi filter banks of 64 bands, mean and standard deviation over the frames of the clip. Timestamps: the same
over a window of 5 frames (65 ms) around each centre, every 40 ms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.hear.card import EncoderCard
from hear_audiomosaic.hear.model import HearModel, get_scene_embeddings, get_timestamp_embeddings
from hear_audiomosaic.hear.windows import check_audio

__all__ = ["encoder_card", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

_N_MELS, _FRAME, _SHIFT = 64, 400, 160
_WINDOW, _HOP = 5, 4  # frames of 10 ms
_CENTRE_MS = 12.5  # of the first frame of 25 ms
_BLOCK = 8192  # frames whose filter banks are held at a time: 82 s


encoder_card = EncoderCard(
    title="Log-mel", licence="Apache-2.0", note="A floor: statistics of a spectrogram, without learning."
)


class LogMel(HearModel):
    """No parameter: mean and standard deviation of every band."""

    scene_embedding_size = 2 * _N_MELS
    timestamp_embedding_size = 2 * _N_MELS

    def scene(self, audio: Tensor) -> Tensor:
        """Mean and standard deviation per band: float32 (B, S) -> float32 (B, 128), means first."""
        fbank = _fbank(audio)
        return torch.cat([fbank.mean(dim=1), fbank.std(dim=1, correction=0)], dim=1)

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The same in windows of 65 ms: float32 (B, S) -> float32 (B, T, 128) and centre times (B, T) in ms."""
        fbank = _fbank(audio)  # (B, T', F)
        centres = torch.arange(0, fbank.shape[1], _HOP, device=audio.device)
        half = _WINDOW // 2
        padded = nn.functional.pad(fbank.transpose(1, 2), (half, half), mode="replicate")  # (B, F, T' + 4)
        frames = padded.unfold(2, _WINDOW, 1)[:, :, centres]  # (B, F, T, 5)
        features = torch.cat([frames.mean(dim=3), frames.std(dim=3, correction=0)], dim=1)
        timestamps = (_CENTRE_MS + 10.0 * centres).clamp(max=1000.0 * audio.shape[1] / self.sample_rate)
        return features.transpose(1, 2).contiguous(), timestamps.expand(audio.shape[0], -1)


def load_model(model_file_path: str = "") -> LogMel:
    """The floor needs no file; ``model_file_path`` is there for the HEAR API and must be empty."""
    if model_file_path:
        raise ValueError(f"logmel has no weights; got '{model_file_path}'.")
    return LogMel().eval()


def _fbank(audio: Tensor) -> Tensor:
    """Filter banks in blocks of bounded memory: (B, S) -> (B, T, F)."""
    audio = check_audio(audio, _FRAME)
    audio = audio - audio.mean(dim=1, keepdim=True)
    total = n_frames(audio.shape[1])
    blocks = [
        kaldi_fbank(audio[:, i * _SHIFT : (min(i + _BLOCK, total) - 1) * _SHIFT + _FRAME], n_mels=_N_MELS)
        for i in range(0, total, _BLOCK)
    ]
    return torch.cat(blocks, dim=1)
