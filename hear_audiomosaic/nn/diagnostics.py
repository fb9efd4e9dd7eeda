"""What tells whether a representation collapses while it is trained: intrinsic dimension and effective rank."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["effective_rank", "local_intrinsic_dimension"]


@torch.no_grad()
def local_intrinsic_dimension(features: Tensor, n_neighbours: int = 32) -> Tensor:
    """Mean local intrinsic dimension by the method of moments (Amsaleg et al., KDD 2015).

    LID = m / (w - m) for each row, w being the distance to its k-th nearest other row and m the mean of the distances
    to the k - 1 nearer ones. Source of k = 32 and of this form: AudioMosaic's training code.

    Args:
        features: shape (B, D), B > 2.
        n_neighbours: k; at most B - 1 are used.

    Returns:
        float32 scalar, at least 0; rows whose k neighbours are equally far are left out, NaN if none is left.
    """
    x = features.float()
    k = min(n_neighbours, len(x) - 1)
    nearest = torch.cdist(x, x).fill_diagonal_(torch.inf).topk(k, dim=1, largest=False).values  # (B, k), ascending
    m, w = nearest[:, :-1].mean(dim=1), nearest[:, -1]
    apart = w > m
    return (m[apart] / (w[apart] - m[apart])).mean()


@torch.no_grad()
def effective_rank(features: Tensor) -> Tensor:
    """Exponential of the entropy of normalised singular values (Roy & Vetterli, EUSIPCO 2007): (B, D) -> scalar >= 1.

    Of the matrix as it is, not centred, as in AudioMosaic's paper (Figure 2).
    """
    values = torch.linalg.svdvals(features.float())
    share = values / values.sum().clamp_min(1e-12)
    entropy: Tensor = torch.special.entr(share).sum()
    return entropy.exp()
