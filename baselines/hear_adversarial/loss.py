"""The losses: COLA's contrastive loss with positional negatives (arXiv 2303.08561; choice: its form).

B clips, a_i the anchor, p_i the positive (two random crops of 1 s of the same clip), n_ik = g_k(anchor), k = 1..K:

    L_i = -log  e^{s(a_i, p_i)} / ( sum_j e^{s(a_i, p_j)} + gamma sum_k e^{s(a_i, n_ik)}
                                    + gamma_x sum_{j != i} sum_k e^{s(a_i, n_jk)} )                         (7.2)

gamma = 0 is COLA (arXiv 2010.10915). The margin form (7.3) adds lambda mean_ik max(0, m + cos(a_i, n_ik) -
cos(a_i, p_i)) to COLA's loss. s is bilinear, a^T W b, or cos / 0.2 (choice, COLA's).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Bilinear", "contrastive_loss", "gamma_schedule", "margin_term"]


class Bilinear(nn.Module):
    """s(a, b) = a^T W b for all pairs: (B, P), (N, P) -> (B, N) (choice, COLA's)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, dim))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """All similarities of ``a`` with ``b``."""
        return a @ self.weight @ b.T


def gamma_schedule(progress: float, gamma: float = 1.0, warm_up: float = 0.1) -> float:
    """From 0 to ``gamma``, linearly over the first ``warm_up`` of the training; ``progress`` from 0 to 1."""
    return gamma if warm_up <= 0 else gamma * min(1.0, max(0.0, progress) / warm_up)


def contrastive_loss(
    positives: Tensor,
    negatives: Tensor | None = None,
    gamma: float = 1.0,
    gamma_x: float = 0.0,
    valid: Tensor | None = None,
    first: int = 0,
) -> Tensor:
    """Equation (7.2), mean over the batch; with gamma = gamma_x = 0 COLA's loss (7.1).

    Args:
        positives: s(a_i, p_j), shape (B, N): B anchors of this process, positives of all.
        negatives: s(a_i, n_jk), shape (B, B, K); None for none.
        gamma: weight of j = i.
        gamma_x: weight of j != i.
        valid: bool, shape (B, K): negatives that count.
        first: column of the first anchor's positive.

    Returns:
        float32 scalar, at least 0. Computed in float32 whatever the autocast state.
    """
    n = positives.shape[0]
    row = torch.arange(n, device=positives.device)
    with torch.autocast(positives.device.type, enabled=False):
        logits = [positives.float()]
        if negatives is not None:
            s = negatives.float()
            if valid is not None:
                s = s.masked_fill(~valid, float("-inf"))
            if gamma > 0:
                logits.append(s[row, row] + math.log(gamma))  # (B, K)
            if gamma_x > 0:
                own = torch.eye(n, dtype=torch.bool, device=s.device)[:, :, None]
                logits.append((s + math.log(gamma_x)).masked_fill(own, float("-inf")).flatten(1))
        return F.cross_entropy(torch.cat(logits, dim=1), row + first)


def margin_term(positives: Tensor, negatives: Tensor, margin: float = 0.3, valid: Tensor | None = None) -> Tensor:
    """Mean over i, k of max(0, m + s(a_i, n_ik) - s(a_i, p_i)), the second part of (7.3).

    Args:
        positives: cos(a_i, p_i), shape (B,).
        negatives: cos(a_i, n_ik), shape (B, K).
        margin: m.
        valid: bool, shape (B, K): negatives that count.
    """
    terms = (margin + negatives - positives[:, None]).clamp_min(0.0)
    if valid is None:
        return terms.mean()
    return (terms * valid).sum() / valid.sum().clamp_min(1)
