"""MSM-MAE's pre-training objective (arXiv 2204.12260): reconstruct the masked three quarters of a spectrogram."""

from __future__ import annotations

import torch
from torch import Tensor

from hear_audiomosaic.nn import masked_tokens, random_keep_ids
from hear_msm_mae.encoder import MsmMae

__all__ = ["MASK_RATIO", "TARGET_EPS", "keep_ids", "masked_loss", "reconstruction_loss"]

MASK_RATIO = 0.75
TARGET_EPS = 1e-6  # under the root of the variance of a patch


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
