"""MSM-MAE as a HEAR model: from waveforms of any length to scene and timestamp embeddings."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.audio import slaney_log_mel
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.model import HearModel
from hear_audiomosaic.hear.windows import check_audio, shifted_passes, windows
from hear_msm_mae.encoder import N_MELS, MsmMae

__all__ = ["MsmMaeModel", "hops_ms", "log_mel"]

_HOP, _MIN_SAMPLES, _FRAMES_PER_S, _FRAME_MS = 160, 400, 100, 10
_DEFAULT_HOP_MS, _FINEST_HOP_MS = 40, 20
_MARGIN = 2  # frames at a block's edge that its reflection reaches: a window of 400 samples, a hop of 160
_BLOCK = 8192  # frames of all clips whose spectrum is held at a time, but at least _SMALLEST_BLOCK of each clip
_SMALLEST_BLOCK = 256
_MAX_BATCH = 32  # windows in one forward pass: bounds the memory whatever the batch and the length


def log_mel(audio: Tensor) -> Tensor:
    """Slaney log-mels of whole clips, in blocks of bounded memory.

    Args:
        audio: float32, shape (B, S), 16 kHz, S > 200.

    Returns:
        float32, shape (B, 80, L), L = 1 + floor(S / 160); frame i is centred on sample 160 i.
    """
    total = audio.shape[1] // _HOP + 1
    blocks = []
    for start, length in windows(total, max(_SMALLEST_BLOCK, _BLOCK // max(1, audio.shape[0]))):
        first, last = max(0, start - _MARGIN), start + length + _MARGIN
        samples = audio[:, first * _HOP : last * _HOP if last < total else None]
        blocks.append(slaney_log_mel(samples, n_mels=N_MELS)[:, start - first : start - first + length])
    return torch.cat(blocks, dim=1).transpose(1, 2)


def hops_ms(patch_frames: int) -> tuple[int, ...]:
    """Times between timestamp embeddings that can be had: the patch's own and its halves, down to 20 ms."""
    hops = [patch_frames * _FRAME_MS]
    while hops[-1] % (2 * _FRAME_MS) == 0 and hops[-1] // 2 >= _FINEST_HOP_MS:
        hops.append(hops[-1] // 2)
    return tuple(hops)


class MsmMaeModel(HearModel):
    """The network and the input policy of this package.

    Policy, and why:

    * Log-mels are normalised with fixed statistics: the checkpoint's ``norm_stats``, or AudioSet's mean -7.1 and
      standard deviation 4.2. Nothing is computed across clips, so a clip's embedding never depends on its batch mates.
      Deviation: the published HEAR runs used mean and standard deviation of the whole batch (``norm="batch"``).
    * Clips are cut into consecutive windows of the network's U frames, encoded one by one; the frames are those of the
      uncut clip. The last, shorter window runs at its own length, rounded up to a patch with zeros after normalisation
      (mean level), and with the time steps of the position table that it needs. Deviation: the published HEAR runs
      pad the last window to U frames, and the padding takes part in its attention (``pad="window"``).
    * Hence what is appended to a clip (silence, say) changes nothing in the windows before the clip's last one. In the
      last one it changes all steps, through attention: the window grows, and its last two frames no longer see the
      clip's end reflected. That is no small change: with 0.8 s of a clip in its last window of 2.08 s, silence up to
      the window's end moves these steps of an untrained ViT-Base by 40 % to 120 % of their length.
    * With a finer hop, the spectrogram is encoded in shifted passes, each cut into windows of its own; up to 70 ms of
      mean level in front let the first pass cover the clip's beginning.
    * Clips shorter than 25 ms are padded with zeros to that.

    Args:
        encoder: the network, with or without decoder.
        hop_ms: time between timestamp embeddings: the patch's own (160 for 16 frames), or its halves down to 20, each
            of which doubles the work. None is 40, within HEAR's advice of 50 ms or less, or the patch's own where that
            is finer or the timestamps drift.
        norm: "fixed", or "batch" for parity with the published HEAR runs.
        timestamps: "centred": the middle of a patch's frames. "drifting", for parity with the published HEAR runs:
            step i of T stands at i / T of the clip's length.
        pad: "patch", or "window" for parity with the published HEAR runs.

    Attributes:
        sample_rate: 16000 Hz.
        scene_embedding_size: F * D: 3840 for 16 x 16 patches and ViT-Base.
        timestamp_embedding_size: the same.
    """

    sample_rate = 16000

    def __init__(
        self,
        encoder: MsmMae,
        *,
        hop_ms: int | None = None,
        norm: str = "fixed",
        timestamps: str = "centred",
        pad: str = "patch",
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ("norm", norm, ("fixed", "batch")),
            ("timestamps", timestamps, ("centred", "drifting")),
            ("pad", pad, ("patch", "window")),
        ):
            if value not in choices:
                raise EncoderError(f"{name} = {value!r} is unknown; expected {' or '.join(map(repr, choices))}.")
        patch_frames = encoder.patch_size[1]
        self.natural_hop_ms = patch_frames * _FRAME_MS
        offered = hops_ms(patch_frames) if timestamps == "centred" else (self.natural_hop_ms,)
        if hop_ms is None:
            hop_ms = _DEFAULT_HOP_MS if _DEFAULT_HOP_MS in offered else offered[0]
        if hop_ms not in offered:
            raise EncoderError(
                f"hop_ms = {hop_ms!r} cannot be had; patches of {patch_frames} frames with {timestamps} timestamps "
                f"offer {', '.join(map(str, offered))}."
            )
        self.encoder = encoder
        self.hop_ms, self.norm, self.timestamp_rule, self.pad = hop_ms, norm, timestamps, pad
        self.scene_embedding_size = self.timestamp_embedding_size = encoder.grid[0] * encoder.size.embed_dim

    def scene(self, audio: Tensor) -> Tensor:
        """Mean over the time steps of the unshifted clip, one per patch: (B, S) -> (B, F * D)."""
        total, n_steps = audio.new_zeros(audio.shape[0], self.scene_embedding_size), 0
        for steps in self._step_groups(self._spectrogram(audio)):
            total += steps.sum(dim=1)
            n_steps += steps.shape[1]
        return total / n_steps

    def timestamps(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings every ``hop_ms``: (B, S) -> (B, T, F * D) and their times (B, T) in ms.

        A patch of pt frames, centred 10 ms apart, has its middle at (pt - 1) * 5 ms: 75 ms for the first of 16. Steps
        whose middle lies after the clip's end are left out; the one step of a clip too short for any stands at the
        clip's middle. Drifting timestamps keep all ceil(L / pt) steps.
        """
        spectrogram = self._spectrogram(audio)
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        if self.timestamp_rule == "drifting":
            steps = self.steps(spectrogram)
            n_steps = steps.shape[1]
            times = torch.arange(n_steps, device=audio.device) * (duration_ms / n_steps)
            return steps, times.expand(audio.shape[0], -1)
        centre_ms = (self.encoder.patch_size[1] - 1) * _FRAME_MS / 2.0
        hops = (float(self.natural_hop_ms), float(self.hop_ms))
        return shifted_passes(spectrogram, _FRAMES_PER_S, *hops, centre_ms, self.steps, duration_ms)

    def steps(self, spectrogram: Tensor) -> Tensor:
        """Normalised (B, 80, L) -> (B, ceil(L / pt), F * D), one step per patch."""
        return torch.cat(list(self._step_groups(spectrogram)), dim=1)

    def _spectrogram(self, audio: Tensor) -> Tensor:
        """Normalised log-mels (B, 80, L)."""
        mel = log_mel(check_audio(audio, _MIN_SAMPLES))
        if self.norm == "fixed":
            return self.encoder.normalise(mel)
        std, mean = torch.std_mean(mel)
        return (mel - mean) / std.clamp(min=1e-12)  # digital silence has no spread

    def _step_groups(self, spectrogram: Tensor) -> Iterator[Tensor]:
        """Yield the time features (B, T', F * D) of consecutive groups of windows."""
        window = self.encoder.input_size[1]
        n_clips = spectrogram.shape[0]
        for start, length in windows(spectrogram.shape[2], window * max(1, _MAX_BATCH // max(1, n_clips))):
            full = spectrogram[:, :, start : start + length // window * window]
            if full.shape[2]:
                stacked = torch.unflatten(full, 2, (-1, window)).transpose(1, 2).flatten(0, 1)  # (B * windows, 80, U)
                yield torch.unflatten(self._encode(stacked), 0, (n_clips, -1)).flatten(1, 2)
            rest = spectrogram[:, :, start + full.shape[2] : start + length]
            if rest.shape[2]:
                yield self._encode(self._padded(rest))[:, : -(-rest.shape[2] // self.encoder.patch_size[1])]

    def _padded(self, spectrogram: Tensor) -> Tensor:
        multiple = self.encoder.patch_size[1] if self.pad == "patch" else self.encoder.input_size[1]
        return F.pad(spectrogram, (0, -spectrogram.shape[2] % multiple))

    def _encode(self, windows_of_clips: Tensor) -> Tensor:
        return torch.cat([self.encoder.time_features(part) for part in torch.split(windows_of_clips, _MAX_BATCH)])
