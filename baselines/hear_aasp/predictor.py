"""What AaSP puts on top of the encoder for pre-training: the cross-attention predictor and the projector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hear_aasp.encoder import WINDOW_FRAMES, position_table
from hear_audiomosaic.nn import gather_tokens
from hear_audiomosaic.nn.cross_attention import CrossBlock
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS

__all__ = ["CrossAttentionPredictor", "projector"]


class CrossAttentionPredictor(nn.Module):
    """Predicts the teacher's features of masked tokens from the student's visible ones (confirmed: its kind).

    Queries are a mask embedding plus position; keys and values LN(W s + position). Queries never see each other, so
    what is predicted for a token does not depend on which other tokens are asked for (choice, as all sizes).

    Args:
        dim: D, width of the encoder.
        width: width of the predictor.
        depth: number of blocks.
        num_heads: attention heads.
        n_steps: time steps of the longest input.
    """

    positions: Tensor

    def __init__(self, dim: int, *, width: int, depth: int, num_heads: int, n_steps: int = WINDOW_FRAMES // 16) -> None:
        super().__init__()
        self.embed = nn.Linear(dim, width)
        self.norm_context = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mask_token = nn.Parameter(torch.empty(1, 1, width))
        self.blocks = nn.ModuleList(CrossBlock(width, num_heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.output = nn.Linear(width, dim)
        self.register_buffer("positions", position_table(n_steps, width), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def forward(self, visible: Tensor, keep_ids: Tensor, query_ids: Tensor) -> Tensor:
        """Predict.

        Args:
            visible: the student's tokens, shape (B, K, D).
            keep_ids: int64, shape (B, K), where they stand.
            query_ids: int64, shape (B, Q), the tokens to predict.

        Returns:
            shape (B, Q, D).
        """
        positions = self.positions.expand(len(visible), -1, -1)
        context = self.norm_context(self.embed(visible) + gather_tokens(positions, keep_ids))
        queries = self.mask_token + gather_tokens(positions, query_ids)
        for block in self.blocks:
            queries = block(queries, context)
        predicted: Tensor = self.output(self.norm(queries))
        return predicted


def projector(dim: int, *, hidden_dim: int = 2048, out_dim: int = 256) -> nn.Sequential:
    """Linear - BatchNorm - GELU - Linear: (B, dim) -> (B, out_dim) (choice)."""
    return nn.Sequential(
        nn.Linear(dim, hidden_dim, bias=False), nn.BatchNorm1d(hidden_dim), nn.GELU(), nn.Linear(hidden_dim, out_dim)
    )
