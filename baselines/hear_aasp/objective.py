"""AaSP's pre-training objective (arXiv 2512.03637): masked latent prediction and agreement across masks.

An EMA teacher sees the whole spectrogram; a student sees a fifth of it, M times with M masks. A cross-attention
predictor fills in the teacher's features of what is masked, and the M views of a clip are drawn together against those
of the other clips (confirmed: these parts; choice: the equations and all numbers, some of them EAT's, arXiv
2401.03497; README.md has the table).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_aasp.checkpoint import save_encoder
from hear_aasp.encoder import N_BANDS, PATCH, AaspEncoder, normalise
from hear_aasp.model import pad_to_patch
from hear_aasp.predictor import CrossAttentionPredictor, projector
from hear_aasp.stem import KernelPhase
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.nn import gather_tokens, get_size
from hear_audiomosaic.nn.block_masking import inverse_block_keep_ids, masked_ids
from hear_audiomosaic.nn.distributed import gather_rows, rank
from hear_audiomosaic.nn.ema import ema_momentum, ema_update, frozen_copy
from hear_audiomosaic.nn.objective import Logs, Objective, OptimiserSettings

__all__ = ["AaspObjective", "ObjectiveSettings", "averaged_targets", "build_objective", "multi_mask_nce"]

_PREDICTOR_HEAD = 64


@dataclass(frozen=True)
class ObjectiveSettings:
    """Numbers of the objective; the defaults are the full-scale setting, and none is known to be the authors'.

    Attributes:
        n_masks: M, masks per clip; 16 at full scale (choice, EAT's), 4 for small budgets (choice).
        mask_ratio: share of tokens that a mask hides (choice, EAT's).
        block: side of a visible block in tokens (choice, EAT's).
        adjust: see :func:`inverse_block_keep_ids` (choice, EAT's).
        predictor_depth: blocks of the predictor (choice); it is half as wide as the encoder, heads are 64 wide.
        contrastive_weight: lambda_c (choice).
        temperature: T (choice).
        ema: momentum at the start and at the end of its ramp (choice, EAT's).
        ema_ramp: share of training that the ramp takes: 100k of 400k updates (choice, EAT's).
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


class AaspObjective(Objective):
    """Student, teacher, predictor and projector; from a batch of spectrograms to a loss.

    The student is ``encoder``, what pre-training is for. The teacher is frozen and always in eval mode.

    Args:
        encoder: the student.
        settings: see :class:`ObjectiveSettings`.
    """

    # Choice, EAT's: 400k updates of 48 clips, each seen with M masks.
    optimiser = OptimiserSettings(
        peak_lr=5e-4,
        final_lr=0.0,
        betas=(0.9, 0.95),
        weight_decay=0.05,
        warm_up=53_333 / 400_000,
        clip_norm=4.0,
        clips_per_step=48,
    )

    def __init__(self, encoder: AaspEncoder, settings: ObjectiveSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ObjectiveSettings()
        if self.settings.n_masks < 1:
            raise ValueError(f"n_masks = {self.settings.n_masks}; expected at least 1.")
        dim = encoder.size.embed_dim
        width = max(1, dim // 2 // _PREDICTOR_HEAD) * _PREDICTOR_HEAD
        self.encoder = encoder
        self.teacher = frozen_copy(encoder)
        self.predictor = CrossAttentionPredictor(
            dim,
            width=width,
            depth=self.settings.predictor_depth,
            num_heads=width // _PREDICTOR_HEAD,
            n_steps=encoder.grid[0],
        )
        self.projector = projector(dim).requires_grad_(self.settings.n_masks > 1)  # one mask has no positives

    def train(self, mode: bool = True) -> AaspObjective:
        """Train or eval mode; the teacher stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Tokens that stay, by "keep": int64 (B, M, K)."""
        return {"keep": self.draw_masks(n_clips, _n_steps(n_samples), generator)}

    def draw_masks(self, n_clips: int, n_steps: int, generator: torch.Generator | None = None) -> Tensor:
        """As :meth:`draw`, for spectrograms of ``n_steps`` x 8 patches."""
        s = self.settings
        grid = (n_steps, N_BANDS)
        keep = inverse_block_keep_ids(n_clips * s.n_masks, grid, s.mask_ratio, s.block, s.adjust, generator)
        per_clip: Tensor = torch.unflatten(keep, 0, (n_clips, s.n_masks))
        return per_clip

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, 1, S) -> normalised filter banks (B, T, 128), T rounded up to a patch."""
        return pad_to_patch(normalise(kaldi_fbank(audio[:, 0])))

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """Loss of a batch.

        Args:
            views: normalised spectrograms, shape (B, T, 128), T a multiple of 16 and at most the encoder's window.
            drawn: from :meth:`draw`.
            detailed: nothing more is known.

        Returns:
            ``(loss, logs)``: float32 scalar with gradient; scalars without: ``loss``, ``masked``, ``contrastive``
            (not weighted; 0 with one mask), ``target_std`` (spread of the targets over clips at the same token, mean
            over tokens and features; it falls to 0 if the teacher comes to tell positions only) and ``agreement`` (mean
            cosine of two views of a clip).
        """
        s = self.settings
        n_clips = len(views)
        n_tokens = views.shape[1] // PATCH * N_BANDS
        keep = drawn["keep"].flatten(0, 1)  # (B M, K), masks of a clip one after the other
        hidden = masked_ids(keep, n_tokens)  # (B M, N - K)

        with torch.no_grad():
            targets = averaged_targets(self.teacher.forward_layers(views))  # (B, N, D)
        tokens = self.encoder.embed_patches(views)  # one stem pass for all masks
        visible = self.encoder.encode(_gather_views(tokens, keep))  # (B M, K, D)
        predicted = self.predictor(visible, keep, hidden).float()
        wanted = _gather_views(targets, hidden)
        masked = F.mse_loss(predicted, wanted)  # every mask hides equally many tokens

        contrastive, agreement = masked.new_zeros(()), masked.new_ones(())
        if s.n_masks > 1:
            z = torch.unflatten(self.projector(visible.mean(dim=1)), 0, (n_clips, s.n_masks))  # (B, M, 256)
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
        ema_update(self.teacher, self.encoder, ema_momentum(progress, start, end, self.settings.ema_ramp))

    def save_encoder(self, path: Path) -> None:
        """By :func:`hear_aasp.checkpoint.save_encoder`."""
        save_encoder(path, self.encoder)


def build_objective(
    size: str,
    crop_s: float,
    *,
    phase: KernelPhase = "even",
    n_masks: int = 16,
    ema_start: float = 0.9998,
    ema_end: float = 0.99999,
    contrastive_weight: float = 0.1,
    predictor_depth: int = 4,
) -> AaspObjective:
    """A new encoder of this size and its objective.

    Args:
        size: base, small, tiny or micro.
        crop_s: length of the waveforms in seconds; fixes the encoder's window.
        phase: of the stem's kernels, "even" or "odd".
        n_masks: see :class:`ObjectiveSettings`.
        ema_start: momentum of the teacher at the start.
        ema_end: momentum at the end of the ramp.
        contrastive_weight: see :class:`ObjectiveSettings`.
        predictor_depth: see :class:`ObjectiveSettings`.
    """
    window = _n_steps(AaspObjective.n_samples(crop_s)) * PATCH
    settings = ObjectiveSettings(
        n_masks=n_masks,
        predictor_depth=predictor_depth,
        contrastive_weight=contrastive_weight,
        ema=(ema_start, ema_end),
    )
    return AaspObjective(AaspEncoder(get_size(size), phase=phase, window_frames=window), settings)


def averaged_targets(layers: Iterable[Tensor]) -> Tensor:
    """LN((1 / L) sum_l IN(T^l)): mean of instance-normalised layers, then a LayerNorm without weights.

    IN brings each feature of a clip to mean 0 and variance 1 over its tokens (choice, data2vec 2.0's and EAT's).

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
    With several processes, b' runs over the clips of all of them.

    Args:
        z: shape (B, M, D), M >= 2; normalised here.
        temperature: T; infinity is allowed.

    Returns:
        float32 scalar; log(B M - 1) when nothing is told apart. Computed in float32 whatever the autocast state.
    """
    n_masks = z.shape[1]
    if n_masks < 2:
        raise ValueError("A contrast of masks needs at least two masks per clip.")
    with torch.autocast(z.device.type, enabled=False):
        own = F.normalize(z.float().flatten(0, 1), dim=1)  # (B M, D)
        everyone = gather_rows(own)
        index = rank() * len(own) + torch.arange(len(own), device=z.device)  # of this process's rows among all
        column = torch.arange(len(everyone), device=z.device)
        itself = index[:, None] == column
        logits = (own @ everyone.T / temperature).masked_fill(itself, -math.inf)
        log_share = logits.log_softmax(dim=1).masked_fill(itself, 0.0)
        positive = (index[:, None] // n_masks == column // n_masks) & ~itself
        return -(log_share * positive).sum() / (len(own) * (n_masks - 1))


def _n_steps(n_samples: int) -> int:
    """Time steps of a waveform, the last one filled up."""
    return -(-n_frames(n_samples) // PATCH)


def _gather_views(tokens: Tensor, ids: Tensor) -> Tensor:
    """Select M sets of tokens of each clip, without M copies of it: (B, N, D), ids (B M, K) -> (B M, K, D)."""
    gathered = gather_tokens(tokens, ids.reshape(len(tokens), -1))
    views: Tensor = torch.unflatten(gathered, 1, (-1, ids.shape[1])).flatten(0, 1)
    return views
