"""The adversarial-negatives encoder as a HEAR model: from waveforms of any length to scenes and timestamps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_adversarial.encoder import ConvEncoder
from hear_adversarial.front_end import GUARD, HOP, N_MELS, RATE_HZ, WINDOW_FRAMES, WINDOW_HOPS, log_windows, raw_frames
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.model import HearModel
from hear_audiomosaic.hear.windows import check_audio

__all__ = ["BANDS", "AdversarialModel"]

BANDS = {"both": (0, 2 * GUARD), "centre": (GUARD,)}
_FRAME_MS, _WINDOW_MS = 10, 1000
_MIN_SAMPLES = 400
_MAX_BATCH = 64  # windows in one forward pass: bounds the memory whatever the batch and the length


class AdversarialModel(HearModel):
    """The network and the input policy of this package.

    Policy, and why:

    * The network sees windows of 1 s (98 frames), each brought to l2 norm 1, as in COLA. Nothing is computed across
      clips and BatchNorm is frozen, so a clip's embedding never depends on its batch mates.
    * Scenes: mean over consecutive windows; the last one ends with the clip, so that it holds no padding (COLA pads
      it). A clip shorter than 1 s is one window, with silence behind.
    * Timestamps: windows that slide by ``hop_ms`` over the clip with silence in front and behind. The first is centred
      half a hop after the clip's start; every stamp is the middle of its window.
    * Frames (the Fourier transforms) are computed once per clip and scaled per window; the network runs on every
      window anew. One run over the whole clip, pooled window by window, would be cheaper, but is another network:
      inside a clip it has no borders, and the border of zero padding is all that tells V0 where in the window a pattern
      lies.
    * The network sees 64 of the 96 mel bins. "both" averages the embeddings of the lowest and the highest 64 (30 Hz to
      3.1 kHz and 1 to 8 kHz); "centre" takes the middle 64 (0.4 to 5.1 kHz) for half the work.

    Args:
        encoder: the network, without its head.
        hop_ms: time between timestamp embeddings, a multiple of 10 ms, at most 1000.
        bands: "both" or "centre".

    Attributes:
        sample_rate: 16000 Hz.
        scene_embedding_size: D: 1280 for EfficientNet-B0, twice that with V2.
        timestamp_embedding_size: the same.
    """

    sample_rate = RATE_HZ

    def __init__(self, encoder: ConvEncoder, *, hop_ms: int = 50, bands: str = "both") -> None:
        super().__init__()
        if not isinstance(hop_ms, int) or hop_ms % _FRAME_MS or not _FRAME_MS <= hop_ms <= _WINDOW_MS:
            raise EncoderError(f"hop_ms = {hop_ms!r} cannot be had; expected a multiple of 10 from 10 to 1000 (ms).")
        if bands not in BANDS:
            raise EncoderError(f"bands = {bands!r} is unknown; expected {' or '.join(map(repr, BANDS))}.")
        self.encoder = encoder
        self.hop_ms, self.bands = hop_ms, bands
        self.scene_embedding_size = self.timestamp_embedding_size = encoder.n_features

    def scene(self, audio: Tensor) -> Tensor:
        """Mean over consecutive windows: (B, S) -> (B, D)."""
        raw = raw_frames(check_audio(audio, _MIN_SAMPLES))
        last = max(0, raw.shape[2] - WINDOW_HOPS)
        starts = [*range(0, last, WINDOW_HOPS), last]
        total = audio.new_zeros(audio.shape[0], self.scene_embedding_size, dtype=torch.float32)
        for group in self._groups(starts, audio):
            total += self._embed(raw, group).sum(dim=1)
        return total / len(starts)

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings every ``hop_ms``: (B, S) -> (B, T, D) and centre times (B, T) in ms."""
        duration_ms = 1000.0 * audio.shape[-1] / self.sample_rate
        audio = check_audio(audio, _MIN_SAMPLES)
        first_ms = self.hop_ms / 2
        n_steps = max(1, int((duration_ms - first_ms) // self.hop_ms) + 1)
        lead = round((_WINDOW_MS / 2 - first_ms) * RATE_HZ / 1000)
        hop_frames = self.hop_ms // _FRAME_MS
        length = ((n_steps - 1) * hop_frames + WINDOW_HOPS) * HOP  # samples that the windows span
        raw = raw_frames(F.pad(audio, (lead, length - lead - audio.shape[1])))
        starts = [i * hop_frames for i in range(n_steps)]
        steps = torch.cat([self._embed(raw, group) for group in self._groups(starts, audio)], dim=1)
        times = first_ms + self.hop_ms * torch.arange(n_steps, dtype=torch.float32, device=audio.device)
        if duration_ms < first_ms:
            times = times.new_full((1,), duration_ms / 2)
        return steps, times.expand(audio.shape[0], -1)

    @staticmethod
    def _groups(starts: list[int], audio: Tensor) -> list[Tensor]:
        """First frames of windows, as many at a time as the memory allows."""
        n_windows = max(1, _MAX_BATCH // max(1, audio.shape[0]))
        return list(torch.split(torch.tensor(starts, device=audio.device), n_windows))

    def _embed(self, raw: Tensor, starts: Tensor) -> Tensor:
        """Windows that begin at the same frames in all clips: (B, 97, T), (N,) -> (B, N, D)."""
        parts = []
        for clips in torch.split(raw, _MAX_BATCH):
            windows = log_windows(clips, starts.expand(clips.shape[0], -1)).flatten(0, 1)  # (B * N, 96, 98)
            offsets = BANDS[self.bands]
            total = sum(self.encoder(windows[:, i : i + N_MELS, :WINDOW_FRAMES]) for i in offsets)
            parts.append(torch.unflatten(total / len(offsets), 0, (clips.shape[0], -1)))
        return torch.cat(parts)
