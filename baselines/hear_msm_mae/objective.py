"""MSM-MAE's pre-training objective (arXiv 2204.12260): reconstruct the masked three quarters of a spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.nn import get_size, masked_tokens, random_keep_ids
from hear_audiomosaic.nn.objective import Logs, Objective, OptimiserSettings
from hear_msm_mae.checkpoint import save_encoder
from hear_msm_mae.encoder import N_MELS, MsmMae, decoder_for, parse_size
from hear_msm_mae.model import log_mel

__all__ = [
    "MASK_RATIO",
    "TARGET_EPS",
    "MsmMaeObjective",
    "ObjectiveSettings",
    "build_objective",
    "keep_ids",
    "masked_loss",
    "reconstruction_loss",
]

MASK_RATIO = 0.75
TARGET_EPS = 1e-6  # under the root of the variance of a patch


@dataclass(frozen=True)
class ObjectiveSettings:
    """Numbers of the objective; the defaults are the paper's.

    Attributes:
        mask_ratio: share of patches that the encoder does not see.
        normalise_targets: see :func:`masked_loss`.
    """

    mask_ratio: float = MASK_RATIO
    normalise_targets: bool = False


class MsmMaeObjective(Objective):
    """Encoder, decoder and the reconstruction loss.

    Args:
        encoder: with a decoder.
        settings: see :class:`ObjectiveSettings`.
    """

    # The paper's: 1.5e-4 per 128 clips; 512 clips, 100 epochs with 10 of warm-up.
    optimiser = OptimiserSettings(
        peak_lr=6e-4, final_lr=0.0, betas=(0.9, 0.95), weight_decay=0.05, warm_up=0.1, clips_per_step=512
    )

    def __init__(self, encoder: MsmMae, settings: ObjectiveSettings | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings or ObjectiveSettings()

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Tokens that stay, by "keep"."""
        return {"keep": keep_ids(n_clips, self.encoder.grid, self.settings.mask_ratio, generator)}

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, 1, S) -> normalised log-mels (B, 80, U); cut, or filled up with the mean, to the input size."""
        n_frames = self.encoder.input_size[1]
        spectrogram = self.encoder.normalise(log_mel(audio[:, 0]))[:, :, :n_frames]
        return F.pad(spectrogram, (0, n_frames - spectrogram.shape[2]))

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """Reconstruction error of the masked patches."""
        loss = reconstruction_loss(self.encoder, views, drawn["keep"], self.settings.normalise_targets)
        return loss, {"loss": loss.detach()}

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """As the published recipe, which lets class and mask tokens decay, too."""
        return parameter.ndim > 1

    def save_encoder(self, path: Path) -> None:
        """By :func:`hear_msm_mae.checkpoint.save_encoder`."""
        save_encoder(path, self.encoder)


def build_objective(
    size: str,
    crop_s: float,
    *,
    patch_size: str = "16x16",
    mask_ratio: float = MASK_RATIO,
    normalise_targets: bool = False,
) -> MsmMaeObjective:
    """A new network of this size and its objective.

    Args:
        size: base, small, tiny or micro.
        crop_s: length of the waveforms in seconds; the input is as many whole patches as they fill (10 ms a frame).
        patch_size: mel bins x frames.
        mask_ratio: see :class:`ObjectiveSettings`.
        normalise_targets: see :class:`ObjectiveSettings`.
    """
    patch = parse_size(patch_size)
    n_frames = max(1, MsmMaeObjective.n_samples(crop_s) // 160 // patch[1]) * patch[1]
    width = get_size(size)
    encoder = MsmMae(width, (N_MELS, n_frames), patch, decoder=decoder_for(width))
    return MsmMaeObjective(encoder, ObjectiveSettings(mask_ratio=mask_ratio, normalise_targets=normalise_targets))


def keep_ids(
    n_clips: int, grid: tuple[int, int], ratio: float = MASK_RATIO, generator: torch.Generator | None = None
) -> Tensor:
    """Tokens that the encoder sees; the class token is not counted and never masked.

    Args:
        n_clips: B.
        grid: (F, T) of the token grid; the mask takes no notice of it but for its size.
        ratio: share that is dropped; floor(F * T * (1 - ratio)) stay: 16 of 65, 40 of 160, 47 of 190.
        generator: source of randomness.

    Returns:
        int64, shape (B, K), ascending.
    """
    return random_keep_ids(n_clips, grid[0] * grid[1], ratio, generator)


def masked_loss(predicted: Tensor, patches: Tensor, keep_ids: Tensor, normalise_targets: bool = False) -> Tensor:
    """Mean squared error of the masked patches, pooled over the batch.

    L = (1 / |M|) * sum over n in M of mean_j (yhat_nj - y_nj)^2, M being the masked tokens of all clips. Visible
    patches carry no loss.

    Args:
        predicted: shape (B, N, P), from :meth:`MsmMae.decode`.
        patches: same shape, from :meth:`MsmMae.patchify` of the normalised spectrogram.
        keep_ids: int64, shape (B, K), the visible tokens.
        normalise_targets: whether every target patch is brought to mean 0 and (unbiased) variance 1; off in MSM-MAE.

    Returns:
        float32 scalar, at least 0; computed in float32 whatever the autocast state.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        target = patches.float()
        if normalise_targets:
            variance, mean = torch.var_mean(target, dim=2, keepdim=True)
            target = (target - mean) / (variance + TARGET_EPS).sqrt()
        errors = (predicted.float() - target).square().mean(dim=2)  # (B, N)
        mask = masked_tokens(keep_ids, patches.shape[1])
        return (errors * mask).sum() / mask.sum()


def reconstruction_loss(
    encoder: MsmMae, spectrogram: Tensor, keep_ids: Tensor, normalise_targets: bool = False
) -> Tensor:
    """Encode the visible tokens, decode all, score the masked.

    Args:
        encoder: with a decoder.
        spectrogram: normalised, shape (B, 80, U).
        keep_ids: int64, shape (B, K), from :func:`keep_ids`.
        normalise_targets: see :func:`masked_loss`.

    Returns:
        float32 scalar.
    """
    keep_ids = keep_ids.to(spectrogram.device)
    predicted = encoder.decode(encoder(spectrogram, keep_ids), keep_ids)
    return masked_loss(predicted, encoder.patchify(spectrogram), keep_ids, normalise_targets)
