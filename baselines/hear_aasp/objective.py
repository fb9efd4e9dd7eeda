"""AaSP's pre-training objective (arXiv 2512.03637): masked latent prediction and agreement across masks.

An EMA teacher sees the whole spectrogram; a student sees a fifth of it, M times with M masks. A cross-attention
predictor fills in the teacher's features of what is masked, and the M views of a clip are drawn together against those
of the other clips (confirmed: these parts; the equations and all numbers are our choice or a neighbour's, as tagged in
this package's README).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hear_aasp.encoder import N_BANDS, PATCH, AaspEncoder
from hear_aasp.predictor import CrossAttentionPredictor, projector
from hear_audiomosaic.nn import gather_tokens
from hear_audiomosaic.nn.block_masking import inverse_block_keep_ids, masked_ids
from hear_audiomosaic.nn.ema import ema_momentum, ema_update, frozen_copy

__all__ = ["OPTIMISER", "AaspObjective", "ObjectiveSettings", "OptimiserSettings", "averaged_targets", "multi_mask_nce"]

_PREDICTOR_HEAD = 64


@dataclass(frozen=True)
class ObjectiveSettings:
    """Numbers of the objective; the defaults are the full-scale setting, and none is known to be the authors'.

    Attributes:
        n_masks: M, masks per clip; 16 at full scale (neighbour: EAT), 4 for small budgets (choice).
        mask_ratio: share of tokens that a mask hides (neighbour).
        block: side of a visible block in tokens (neighbour).
        adjust: see :func:`inverse_block_keep_ids` (neighbour).
        predictor_depth: blocks of the predictor (choice); it is half as wide as the encoder, heads are 64 wide.
        contrastive_weight: lambda_c (choice).
        temperature: T (choice).
        ema: momentum at the start and at the end of its ramp (neighbour).
        ema_ramp: share of training that the ramp takes: 100k of 400k updates (neighbour).
    """

    n_masks: int = 16
    mask_ratio: float = 0.80
    block: int = 5
    adjust: float = 0.07
    predictor_depth: int = 4
    contrastive_weight: float = 0.1
    temperature: float = 0.2
    ema: tuple[float, float] = (0.9998, 0.99999)
    ema_ramp: float = 0.25


@dataclass(frozen=True)
class OptimiserSettings:
    """How the objective is meant to be optimised at full scale (all neighbour: EAT): AdamW, cosine decay after warm-up.

    Attributes:
        peak_lr: for ``clips_per_update``.
        betas: of AdamW.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient.
        n_updates: length of training.
        warm_up: share of training with a rising learning rate.
        clips_per_update: over all devices; each is seen with M masks.
    """

    peak_lr: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.05
    clip_norm: float = 4.0
    n_updates: int = 400_000
    warm_up: float = 53_333 / 400_000
    clips_per_update: int = 48


OPTIMISER = OptimiserSettings()


class AaspObjective(nn.Module):
    """Student, teacher, predictor and projector; from a batch of spectrograms to a loss.

    Call :meth:`after_step` after every optimiser step. Only what ``parameters()`` marks as trainable is: the teacher is
    frozen, and always in eval mode. What pre-training is for is ``student``.

    Args:
        encoder: the student.
        settings: numbers of the objective.
    """

    def __init__(self, encoder: AaspEncoder, settings: ObjectiveSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ObjectiveSettings()
        if self.settings.n_masks < 1:
            raise ValueError(f"n_masks = {self.settings.n_masks}; expected at least 1.")
        dim = encoder.size.embed_dim
        width = max(1, dim // 2 // _PREDICTOR_HEAD) * _PREDICTOR_HEAD
        self.student = encoder
        self.teacher = frozen_copy(encoder)
        self.predictor = CrossAttentionPredictor(
            dim, width, self.settings.predictor_depth, width // _PREDICTOR_HEAD, encoder.grid[0]
        )
        self.projector = projector(dim)

    def train(self, mode: bool = True) -> AaspObjective:
        """Train or eval mode; the teacher stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(
        self, spectrogram: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch.

        Args:
            spectrogram: normalised, shape (B, T, 128), T a multiple of 16 and at most the encoder's window.
            generator: of the masks, on the CPU; None takes the global one.

        Returns:
            ``(loss, logs)``: float32 scalar with gradient; scalars without: ``loss``, ``masked``, ``contrastive``
            (not weighted; 0 with one mask), ``target_std`` (spread of the targets over clips at the same token, mean
            over tokens and features; it falls to 0 if the teacher comes to tell positions only) and ``agreement`` (mean
            cosine of two views of a clip).
        """
        s = self.settings
        n_clips = len(spectrogram)
        grid = (spectrogram.shape[1] // PATCH, N_BANDS)
        n_tokens = grid[0] * grid[1]
        keep = inverse_block_keep_ids(n_clips * s.n_masks, grid, s.mask_ratio, s.block, s.adjust, generator)
        keep = keep.to(spectrogram.device)  # (B M, K), masks of a clip one after the other
        hidden = masked_ids(keep, n_tokens)  # (B M, N - K)

        with torch.no_grad():
            targets = averaged_targets(self.teacher.layers(spectrogram))  # (B, N, D)
        tokens = self.student.embed_patches(spectrogram)  # one stem pass for all masks
        visible = self.student.encode(_gather_views(tokens, keep))  # (B M, K, D)
        predicted = self.predictor(visible, keep, hidden).float()
        wanted = _gather_views(targets, hidden)
        masked = F.mse_loss(predicted, wanted)  # every mask hides equally many tokens

        contrastive, agreement = masked.new_zeros(()), masked.new_ones(())
        if s.n_masks > 1:
            z = self.projector(visible.mean(dim=1)).unflatten(0, (n_clips, s.n_masks))  # (B, M, 256)
            contrastive = multi_mask_nce(z, s.temperature)
            unit = F.normalize(z.detach().float(), dim=-1)
            pairs = s.n_masks * (s.n_masks - 1)
            agreement = ((unit.sum(dim=1).square().sum(dim=-1) - s.n_masks) / pairs).mean()
        loss = masked + s.contrastive_weight * contrastive
        logs = {
            "loss": loss.detach(),
            "masked": masked.detach(),
            "contrastive": contrastive.detach(),
            "target_std": targets.std(dim=0, correction=0).mean(),
            "agreement": agreement,
        }
        return loss, logs

    def after_step(self, progress: float) -> None:
        """Let the teacher, stem included, follow the student.

        Args:
            progress: share of training done, in [0, 1].
        """
        start, end = self.settings.ema
        ema_update(self.teacher, self.student, ema_momentum(progress, start, end, self.settings.ema_ramp))


def averaged_targets(layers: Iterable[Tensor]) -> Tensor:
    """LN((1 / L) sum_l IN(T^l)): mean of instance-normalised layers, then a LayerNorm without weights.

    IN brings each feature of a clip to mean 0 and variance 1 over its tokens (neighbour: data2vec 2.0, EAT).

    Args:
        layers: L tensors of shape (B, N, D).

    Returns:
        float32, shape (B, N, D); each token has mean 0 and variance 1 over its features.
    """
    total, n = None, 0
    for layer in layers:
        normed = F.instance_norm(layer.float().transpose(1, 2)).transpose(1, 2)
        total, n = normed if total is None else total + normed, n + 1
    if total is None:
        raise ValueError("There are no layers to average.")
    return F.layer_norm(total / n, total.shape[-1:])


def multi_mask_nce(z: Tensor, temperature: float) -> Tensor:
    """Multi-positive InfoNCE: the other masks of a clip are positives, all masks of other clips negatives (choice).

    L = -1 / (B M) sum_{b,m} 1 / (M - 1) sum_{m' != m} log [ exp(z_bm . z_bm' / T) / sum_{(b',m'') != (b,m)} exp(...) ].

    Args:
        z: shape (B, M, D), M >= 2; normalised here.
        temperature: T; infinity is allowed.

    Returns:
        float32 scalar; log(B M - 1) when nothing is told apart. Computed in float32 whatever the autocast state.
    """
    n_clips, n_masks, _ = z.shape
    if n_masks < 2:
        raise ValueError("A contrast of masks needs at least two masks per clip.")
    with torch.autocast(z.device.type, enabled=False):
        unit = F.normalize(z.float().flatten(0, 1), dim=1)  # (B M, D)
        itself = torch.eye(len(unit), dtype=torch.bool, device=z.device)
        logits = (unit @ unit.T / temperature).masked_fill(itself, -math.inf)
        log_share = logits.log_softmax(dim=1).masked_fill(itself, 0.0)
        clip = torch.arange(n_clips, device=z.device).repeat_interleave(n_masks)
        positive = (clip[:, None] == clip) & ~itself
        return -(log_share * positive).sum() / (len(unit) * (n_masks - 1))


def _gather_views(tokens: Tensor, ids: Tensor) -> Tensor:
    """Select M sets of tokens of each clip, without M copies of it: (B, N, D), ids (B M, K) -> (B M, K, D)."""
    return gather_tokens(tokens, ids.reshape(len(tokens), -1)).unflatten(1, (-1, ids.shape[1])).flatten(0, 1)
