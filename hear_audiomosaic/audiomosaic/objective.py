"""AudioMosaic's pre-training objective (arXiv 2605.14231, section 3): masked views and NT-Xent.

Two views of a clip, augmented independently as waveforms; the first loses time steps, the second frequency bands.
Masked tokens are dropped before the first block. What is left is pooled, projected and told apart from all other clips
of the global batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.audiomosaic.augment import WaveformAugmentation
from hear_audiomosaic.audiomosaic.checkpoint import save_encoder
from hear_audiomosaic.audiomosaic.encoder import N_MELS, PATCH, AudioMosaicEncoder, get_size, normalise, pad_frames
from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.nn import axis_keep_ids
from hear_audiomosaic.nn.diagnostics import effective_rank, local_intrinsic_dimension
from hear_audiomosaic.nn.distributed import gather_rows, rank
from hear_audiomosaic.nn.objective import Augment, Logs, Objective, OptimiserSettings

__all__ = [
    "FREQUENCY_RATIO",
    "TEMPERATURE",
    "TIME_RATIO",
    "AudioMosaicObjective",
    "ObjectiveSettings",
    "build_objective",
    "keep_ids",
    "nt_xent",
]

TIME_RATIO, FREQUENCY_RATIO, TEMPERATURE = 0.6, 0.4, 0.1
Branch = Literal["time", "frequency"]
Layout = Literal["grid", "released"]


@dataclass(frozen=True)
class ObjectiveSettings:
    """Numbers of the objective; the defaults are the paper's.

    Attributes:
        time_ratio: share of time steps that the first view loses; 0 masks nothing.
        frequency_ratio: share of bands that the second view loses; 0 masks nothing.
        layout: which tokens that takes away; see :func:`keep_ids`.
        temperature: tau.
    """

    time_ratio: float = TIME_RATIO
    frequency_ratio: float = FREQUENCY_RATIO
    layout: Layout = "grid"
    temperature: float = TEMPERATURE

    def __post_init__(self) -> None:
        if self.layout not in ("grid", "released"):
            raise PretrainingError(f"layout = {self.layout!r} is unknown; expected 'grid' or 'released'.")


class AudioMosaicObjective(Objective):
    """Encoder with projector, and the contrastive loss.

    Deviation: the loss's logits are float32 under autocast (the released code's are bf16).

    Args:
        encoder: with its projector.
        settings: see :class:`ObjectiveSettings`.
        augment: waveform augmentation of each view; None for none.
    """

    n_views = 2
    # The paper's 400 epochs with one of warm-up. Weight decay: the released code's (the paper's table says 0.01).
    optimiser = OptimiserSettings(
        peak_lr=6e-4, final_lr=1e-6, betas=(0.9, 0.999), weight_decay=0.05, warm_up=1 / 400, clips_per_step=6144
    )

    def __init__(
        self,
        encoder: AudioMosaicEncoder,
        settings: ObjectiveSettings | None = None,
        augment: Augment | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings or ObjectiveSettings()
        self.augment = augment

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Tokens that stay, of the first view by "time" and of the second by "frequency"."""
        grid = (_window_frames(n_samples) // PATCH, N_MELS // PATCH)
        s = self.settings
        drawn: dict[str, Tensor] = {}
        if s.time_ratio > 0:
            drawn["time"] = keep_ids(n_clips, grid, "time", s.time_ratio, s.layout, generator)
        if s.frequency_ratio > 0:
            drawn["frequency"] = keep_ids(n_clips, grid, "frequency", s.frequency_ratio, s.layout, generator)
        return drawn

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, 2, S) -> normalised filter banks (B, 2, T, 128); each view's mean is subtracted first."""
        fbank = kaldi_fbank(audio - audio.mean(dim=2, keepdim=True))
        padded = pad_frames(fbank.flatten(0, 1), _window_frames(audio.shape[2]))
        views: Tensor = torch.unflatten(normalise(padded), 0, (-1, 2))
        return views

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """NT-Xent over the global batch; in detail also the accuracy, LID and effective rank of this process's rows."""
        pooled = [
            self.encoder(views[:, i], drawn.get(branch)).mean(dim=1) for i, branch in enumerate(("time", "frequency"))
        ]
        first, second = (self.encoder.project(f) for f in pooled)
        loss = nt_xent(first, second, self.settings.temperature)
        logs = {"loss": loss.detach()}
        if detailed:
            with torch.no_grad():
                similarity = F.normalize(first.float(), dim=1) @ F.normalize(second.float(), dim=1).T
                hits = similarity.argmax(dim=1) == torch.arange(len(similarity), device=similarity.device)
            features = torch.cat(pooled).detach()
            logs |= {
                "contrastive_accuracy": hits.float().mean(),
                "lid": local_intrinsic_dimension(features),
                "effective_rank": effective_rank(features),
            }
        return loss, logs

    def save_encoder(self, path: Path) -> None:
        """By :func:`hear_audiomosaic.audiomosaic.checkpoint.save_encoder`."""
        save_encoder(path, self.encoder)


def build_objective(
    size: str,
    crop_s: float,
    *,
    augment: str = "full",
    layout: Layout = "grid",
    time_ratio: float = TIME_RATIO,
    frequency_ratio: float = FREQUENCY_RATIO,
    temperature: float = TEMPERATURE,
    drop_path: float = 0.1,
) -> AudioMosaicObjective:
    """A new encoder of this size and its objective.

    Args:
        size: base, small, tiny or micro.
        crop_s: length of the waveforms in seconds; fixes the encoder's window.
        augment: "full", "fast", "none", "off" or names of transforms joined by a plus sign; see
            :class:`WaveformAugmentation`.
        layout: see :func:`keep_ids`.
        time_ratio: see :class:`ObjectiveSettings`.
        frequency_ratio: see :class:`ObjectiveSettings`.
        temperature: see :class:`ObjectiveSettings`.
        drop_path: stochastic-depth rate of the last block.
    """
    settings = ObjectiveSettings(
        time_ratio=time_ratio, frequency_ratio=frequency_ratio, layout=layout, temperature=temperature
    )
    window_frames = _window_frames(AudioMosaicObjective.n_samples(crop_s))
    encoder = AudioMosaicEncoder(get_size(size), window_frames=window_frames, drop_path=drop_path)
    return AudioMosaicObjective(encoder, settings, WaveformAugmentation.named(augment))


def keep_ids(
    n_clips: int,
    grid: tuple[int, int],
    branch: Branch,
    ratio: float,
    layout: Layout = "grid",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Tokens that one branch keeps; the class token is not counted and never masked.

    Args:
        n_clips: B.
        grid: (time steps, frequency bands) of the token grid, (64, 8) for 10.24 s.
        branch: "time" drops time steps, "frequency" drops bands.
        ratio: share that is dropped; 0.6 and 0.4 in the paper.
        layout: "grid" masks the true grid as the paper words it; "released" masks the swapped view of the token index
            that the released code uses (contiguous chunks of time for "time", a pattern that repeats in every
            chunk for "frequency").
        generator: source of randomness.

    Returns:
        int64, shape (B, K): 200 (time) or 256 (frequency) of 512 tokens on the true grid, 192 or 304 with "released".
    """
    shape = grid if layout == "grid" else (grid[1], grid[0])
    return axis_keep_ids(n_clips, shape, 0 if branch == "time" else 1, ratio, generator)


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Normalised temperature-scaled cross-entropy (SimCLR, arXiv 2002.05709, equation 1), mean over both views.

    With several processes, negatives are gathered from all of them, with gradient; each computes the loss of its own
    rows, and their mean is the global batch's.

    Args:
        first: projections of one view, shape (B, D); normalised here.
        second: projections of the other view, same shape; row i is the positive of row i of ``first``.
        temperature: tau; 0.1 in AudioMosaic.

    Returns:
        float32 scalar. The denominator of each of the 2B rows has 2N - 1 terms, N = B times the number of processes.
        Computed in float32 whatever the autocast state. Deviation: the released code lets bf16 autocast round the
        logits.
    """
    with torch.autocast(first.device.type, enabled=False):
        a, b = F.normalize(first.float(), dim=1), F.normalize(second.float(), dim=1)
        everyone = torch.cat([gather_rows(a), gather_rows(b)])  # (2N, D)
        n = len(everyone) // 2
        own = rank() * len(a) + torch.arange(len(a), device=a.device)
        index = torch.cat([own, own + n])  # of this process's rows among all
        logits = torch.cat([a, b]) @ everyone.T / temperature  # (2B, 2N)
        itself = index[:, None] == torch.arange(2 * n, device=a.device)
        return F.cross_entropy(logits.masked_fill(itself, float("-inf")), (index + n) % (2 * n))


def _window_frames(n_samples: int) -> int:
    """Frames of a waveform, rounded up to a patch."""
    return -(-n_frames(n_samples) // PATCH) * PATCH
