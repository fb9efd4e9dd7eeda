"""MSM-MAE's pre-training objective (arXiv 2204.12260): reconstruct the masked three quarters of a spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_audiomosaic.files import write_bytes
from hear_audiomosaic.nn import get_size, masked_tokens, random_keep_ids
from hear_audiomosaic.nn.objective import Logs, Objective, OptimiserSettings, stored
from hear_msm_mae.encoder import MsmMae, decoder_for, parse_size
from hear_msm_mae.model import log_mel

__all__ = [
    "MASK_RATIO",
    "TARGET_EPS",
    "MsmMaeObjective",
    "build_objective",
    "keep_ids",
    "masked_loss",
    "reconstruction_loss",
]

MASK_RATIO = 0.75
TARGET_EPS = 1e-6  # under the root of the variance of a patch


class MsmMaeObjective(Objective):
    """Encoder, decoder and the reconstruction loss.

    Args:
        network: with a decoder.
        mask_ratio: share of patches that the encoder does not see.
        normalise_targets: see :func:`masked_loss`.
    """

    # The paper's: 1.5e-4 per 128 clips; 512 clips, 100 epochs with 10 of warm-up.
    optimiser = OptimiserSettings(6e-4, 0.0, (0.9, 0.95), 0.05, 0.1, None, 512)

    def __init__(self, network: MsmMae, mask_ratio: float = MASK_RATIO, normalise_targets: bool = False) -> None:
        super().__init__()
        self.network = network
        self.mask_ratio, self.normalise_targets = mask_ratio, normalise_targets

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Tokens that stay, by "keep"."""
        return {"keep": keep_ids(n_clips, self.network.grid, self.mask_ratio, generator)}

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, 1, S) -> normalised log-mels (B, 80, U); cut, or filled up with the mean, to the input size."""
        spectrogram = self.network.normalise(log_mel(audio[:, 0]))[:, :, : self.network.input_size[1]]
        return F.pad(spectrogram, (0, self.network.input_size[1] - spectrogram.shape[2]))

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """Reconstruction error of the masked patches."""
        loss = reconstruction_loss(self.network, views, drawn["keep"], self.normalise_targets)
        return loss, {"loss": loss.detach()}

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """As the published recipe, which lets class and mask tokens decay, too."""
        return parameter.ndim > 1

    def save_encoder(self, path: Path) -> None:
        """The published tensor names, without the decoder."""
        from safetensors.torch import save

        tensors = stored(self.network)
        if "norm_stats" in tensors:
            tensors["norm_stats"] = self.network.norm_stats.detach().cpu()
        decoder = ("decoder_", "mask_token")
        write_bytes(path, save({name: t for name, t in tensors.items() if not name.startswith(decoder)}))


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
        mask_ratio: see :class:`MsmMaeObjective`.
        normalise_targets: see :func:`masked_loss`.
    """
    patch = parse_size(patch_size)
    n_frames = max(1, MsmMaeObjective.n_samples(crop_s) // 160 // patch[1]) * patch[1]
    encoder = get_size(size)
    network = MsmMae(encoder, (80, n_frames), patch, decoder=decoder_for(encoder))
    return MsmMaeObjective(network, mask_ratio, normalise_targets)


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
    model: MsmMae, spectrogram: Tensor, keep_ids: Tensor, normalise_targets: bool = False
) -> Tensor:
    """Encode the visible tokens, decode all, score the masked.

    Args:
        model: with a decoder.
        spectrogram: normalised, shape (B, 80, U).
        keep_ids: int64, shape (B, K), from :func:`keep_ids`.
        normalise_targets: see :func:`masked_loss`.

    Returns:
        float32 scalar.
    """
    keep_ids = keep_ids.to(spectrogram.device)
    predicted = model.decode(model(spectrogram, keep_ids), keep_ids)
    return masked_loss(predicted, model.patchify(spectrogram), keep_ids, normalise_targets)
