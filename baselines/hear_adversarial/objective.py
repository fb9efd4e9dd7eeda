"""The pre-training objective: crops, operators and the selection of positional negatives (arXiv 2303.08561).

The losses are in :mod:`hear_adversarial.loss`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hear_adversarial.checkpoint import save_encoder
from hear_adversarial.encoder import ConvEncoder, Projection, get_size
from hear_adversarial.front_end import N_MELS, RATE_HZ, WINDOW_HOPS, log_windows, spectrogram
from hear_adversarial.loss import Bilinear, contrastive_loss, gamma_schedule, margin_term
from hear_adversarial.negatives import (
    MAX_OFFSET,
    OPERATORS,
    apply_maps,
    apply_operators,
    changed_enough,
    draw_operators,
    seam_control_maps,
    spec_augment,
)
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn.distributed import gather_rows, rank
from hear_audiomosaic.nn.objective import Logs, Objective, OptimiserSettings

__all__ = [
    "SELECTIONS",
    "AdversarialObjective",
    "ObjectiveSettings",
    "build_objective",
]

SELECTIONS = ("hardest", "scores", "uniform")
_SCORE_EVERY, _SCORE_DECAY, _SCORE_TEMPERATURE = 4, 0.9, 0.1


@dataclass(frozen=True)
class ObjectiveSettings:
    """Numbers and choices of the objective; none is known to be the authors'.

    Attributes:
        form: "extra" (7.2: further terms in the denominator) or "margin" (7.3, wants cosine similarity).
        similarity: "bilinear" or "cosine".
        gamma: weight of a clip's own positional negatives.
        gamma_x: weight of the other clips' positional negatives.
        warm_up: share of the training over which gamma and gamma_x rise linearly from 0.
        n_negatives: K.
        n_candidates: K_c, for the selection "hardest".
        selection: "hardest" (the K candidates closest to the anchor), "scores" (cheap: operators are drawn by how
            close their negatives have been of late) or "uniform" (drawn with fixed probabilities).
        control: share of anchors and positives that get seams without a change of order.
        temperature: tau of cosine similarity.
        margin: m of (7.3).
        margin_weight: lambda of (7.3).
        floor: cosine below which a positional negative is pushed no further (the calibrated margin, 0.3); None is off.
        symmetric: whether the loss is averaged over both roles of anchor and positive; None: with cosine only.
        noise: standard deviation of the noise on the positive's waveform (COLA's); a batch of frames gets none.
        augment: whether all views get SpecAugment.
    """

    form: str = "extra"
    similarity: str = "bilinear"
    gamma: float = 1.0
    gamma_x: float = 0.0
    warm_up: float = 0.1
    n_negatives: int = 2
    n_candidates: int = 6
    selection: str = "hardest"
    control: float = 0.5
    temperature: float = 0.2
    margin: float = 0.3
    margin_weight: float = 1.0
    floor: float | None = None
    symmetric: bool | None = None
    noise: float = 0.001
    augment: bool = True

    def __post_init__(self) -> None:
        for name, choices in (
            ("form", ("extra", "margin")),
            ("similarity", ("bilinear", "cosine")),
            ("selection", SELECTIONS),
        ):
            if getattr(self, name) not in choices:
                raise EncoderError(f"{name} = {getattr(self, name)!r} is unknown; expected one of {choices}.")
        if self.similarity == "bilinear" and (self.form == "margin" or self.floor is not None):
            raise EncoderError("The margin form and the floor are in units of the cosine; pass similarity='cosine'.")
        if self.n_candidates < self.n_negatives or min(self.gamma, self.gamma_x) < 0:
            raise EncoderError("Expected n_candidates >= n_negatives, and gamma and gamma_x of at least 0.")


class AdversarialObjective(Objective):
    """Encoder, head and loss; what a training engine drives.

    Args:
        encoder: the network that is trained.
        settings: see :class:`ObjectiveSettings`.

    Attributes:
        gamma: the weight of a clip's own positional negatives now; see :meth:`after_step`.
        gamma_x: likewise of the other clips'.
    """

    # COLA's Adam with 1e-3 (choice). Deviation from COLA's constant rate: the engine's AdamW, warm-up and cosine.
    optimiser = OptimiserSettings(
        peak_lr=1e-3, final_lr=0.0, betas=(0.9, 0.999), weight_decay=0.0, warm_up=0.05, clips_per_step=256
    )
    selection_scores: Tensor
    n_steps: Tensor

    def __init__(self, encoder: ConvEncoder, settings: ObjectiveSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ObjectiveSettings()
        self.encoder = encoder
        self.projection = Projection(encoder.n_features)
        self.bilinear = Bilinear(512) if self.settings.similarity == "bilinear" else None
        self.register_buffer("selection_scores", torch.zeros(len(OPERATORS)))
        self.gamma = self.gamma_x = 0.0
        self._set_weights(0.0)
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def before_step(self, progress: float) -> None:
        """Set the weights of the negatives by the share of the training that is done, 0 to 1."""
        self._set_weights(progress)

    def after_step(self, progress: float) -> None:
        """Tell the share of the training that is done, 0 to 1, after every optimiser step."""
        self._set_weights(progress)
        self.n_steps += 1

    def draw(self, n_clips: int, n_samples: int, generator: torch.Generator) -> dict[str, Tensor]:
        """A seed per clip, by "seed"; a process draws all it needs from that of its first clip.

        So batches are repeatable, but other negatives are made when other clips come first.
        """
        return {"seed": torch.randint(2**62, (n_clips,), generator=generator)}

    def views(self, audio: Tensor) -> Tensor:
        """Waveforms (B, 1, S) -> (B, S); crops and negatives are made in :meth:`contrast`."""
        return audio[:, 0]

    def forward(self, views: Tensor, drawn: Mapping[str, Tensor], detailed: bool = False) -> tuple[Tensor, Logs]:
        """As :meth:`contrast`; in detail the operators' cosines, too."""
        generator = torch.Generator().manual_seed(int(drawn["seed"][0]))
        loss, logs = self.contrast(views, generator)
        return loss, logs if detailed else {"loss": logs["loss"]}

    def contrast(self, batch: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Logs]:
        """Loss of one batch.

        Args:
            batch: waveforms, float32 (B, S) at 16 kHz, or frames (B, 97, T) from :func:`raw_frames`, which can be kept
                in memory; shorter than 1 s are filled up with silence.
            generator: source of all randomness, on the CPU.

        Returns:
            ``(loss, metrics)``: a float32 scalar, similarities included whatever the autocast state, and detached
            scalars by name, the same names every time; NaN where no negative was made.
        """
        with torch.autocast(batch.device.type, enabled=False):
            anchors, positives, offset = self._views(batch, generator)  # guarded (B, 96, 98)
        windows = anchors[:, offset : offset + N_MELS]
        x = [self._disturbed(anchors, offset, 0, generator), self._disturbed(positives, offset, 1, generator)]
        valid: Tensor | None = None
        operators: Tensor | None = None
        k = self.settings.n_negatives if self.gamma > 0 or self.gamma_x > 0 else 0
        if k:
            negatives, operators = self._negatives(anchors, windows, offset, generator)  # (B, K, 64, 98), (B, K)
            valid = changed_enough(windows[:, None], negatives)
            x.append(self._augmented(negatives.flatten(0, 1), generator))
        # One pass over all views, so that BatchNorm's statistics tell none of them apart.
        h = self.projection(self.encoder(torch.cat(x))).float()
        n = len(batch)
        a, p, negative = h[:n], h[n : 2 * n], h[2 * n :].view(n, k, h.shape[1])
        with torch.autocast(batch.device.type, enabled=False):
            loss = self._loss(a, p, negative if k else None, valid)
            return loss, self._metrics(loss, a, p, negative, valid, operators)

    def save_encoder(self, path: Path) -> None:
        """By :func:`hear_adversarial.checkpoint.save_encoder`, without heads."""
        save_encoder(path, self.encoder)

    def _set_weights(self, progress: float) -> None:
        self.gamma = gamma_schedule(progress, self.settings.gamma, self.settings.warm_up)
        self.gamma_x = gamma_schedule(progress, self.settings.gamma_x, self.settings.warm_up)

    def _views(self, batch: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, int]:
        """Two random crops of each clip as guarded log-mels (B, 96, 98), and the row where this batch's windows start.

        All clips of a batch share the row: it would else be a trait by which clips are told apart.
        """
        n = batch.shape[0]
        offset = int(torch.randint(MAX_OFFSET + 1, (), generator=generator))
        if batch.ndim == 3:
            room = max(0, batch.shape[2] - WINDOW_HOPS)
            starts = torch.randint(room + 1, (n, 2), generator=generator).to(batch.device)
            cut = log_windows(batch, starts)
            return cut[:, 0], cut[:, 1], offset
        if batch.ndim != 2:
            raise EncoderError(f"Expected waveforms (B, S) or frames (B, 97, T); got shape {tuple(batch.shape)}.")
        batch = F.pad(batch, (0, max(0, RATE_HZ - batch.shape[1])))
        starts = torch.randint(batch.shape[1] - RATE_HZ + 1, (2, n, 1), generator=generator)
        index = (starts + torch.arange(RATE_HZ)).to(batch.device)
        crops = batch.expand(2, -1, -1).gather(2, index)  # (2, B, 16000)
        noise = self.settings.noise * torch.randn(n, RATE_HZ, generator=generator).to(batch.device)
        return spectrogram(crops[0]), spectrogram(crops[1] + noise), offset

    def _disturbed(self, guarded: Tensor, offset: int, jitter: int, generator: torch.Generator | None) -> Tensor:
        """The encoder's view of an anchor or positive: seam controls, a jitter of rows, SpecAugment; (B, 64, 98)."""
        maps = seam_control_maps(len(guarded), guarded.shape[2], offset, self.settings.control, generator)
        if jitter:
            moves = torch.randint(-jitter, jitter + 1, (len(guarded), 1, 1), generator=generator)
            maps = maps._replace(rows=(maps.rows + moves).clamp(0, guarded.shape[1] - 1))
        return self._augmented(apply_maps(guarded, maps), generator)

    def _augmented(self, windows: Tensor, generator: torch.Generator | None) -> Tensor:
        return spec_augment(windows, generator=generator) if self.settings.augment else windows

    def _negatives(
        self, guarded: Tensor, windows: Tensor, offset: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """K negatives of each clip (B, K, 64, 98) and their operators (B, K)."""
        n, k = len(guarded), self.settings.n_negatives
        hardest = self.settings.selection == "hardest"
        drawn = self.settings.n_candidates if hardest else k
        chances: Tensor | None = None
        if self.settings.selection == "scores":
            chances = (self.selection_scores / _SCORE_TEMPERATURE).softmax(dim=0)
        operators = draw_operators(n, drawn, chances, generator=generator)
        copies = guarded.repeat_interleave(drawn, dim=0)
        made = apply_operators(copies, operators.flatten(), offset, generator)
        candidates = torch.unflatten(made, 0, (n, drawn))
        operators = operators.to(guarded.device)
        if not hardest:
            return candidates, operators
        chosen = self._closest(windows, candidates)
        rows = torch.arange(n, device=guarded.device)[:, None]
        return candidates[rows, chosen], operators[rows, chosen]

    @torch.no_grad()
    def _closest(self, windows: Tensor, candidates: Tensor) -> Tensor:
        """Indices (B, K) of the candidates whose embedding is closest to the anchor's; false negatives come last."""
        training = self.encoder.training
        self.encoder.eval()  # looking on does not change BatchNorm's statistics
        f = self.encoder(torch.cat([windows, candidates.flatten(0, 1)]))
        self.encoder.train(training)
        n = len(windows)
        cosine = F.cosine_similarity(f[:n, None], torch.unflatten(f[n:], 0, (n, -1)), dim=2)  # (B, K_c)
        cosine = cosine.masked_fill(~changed_enough(windows[:, None], candidates), -2.0)
        return cosine.topk(self.settings.n_negatives, dim=1).indices

    def _similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """All similarities s: (B, P), (N, P) -> (B, N)."""
        if self.bilinear is not None:
            similarity: Tensor = self.bilinear(a, b)
            return similarity
        return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / self.settings.temperature

    def _loss(self, a: Tensor, p: Tensor, negatives: Tensor | None, valid: Tensor | None) -> Tensor:
        symmetric = self.settings.symmetric
        if symmetric is None:
            symmetric = self.bilinear is None
        one = self._one_sided(a, p, negatives, valid)
        return (one + self._one_sided(p, a, negatives, valid)) / 2 if symmetric else one

    def _one_sided(self, a: Tensor, p: Tensor, negatives: Tensor | None, valid: Tensor | None) -> Tensor:
        everyone = gather_rows(p)
        positive = self._similarity(a, everyone)
        first = rank() * len(a)
        if negatives is None:
            return contrastive_loss(positive, first=first)
        n, k, _ = negatives.shape
        if self.settings.form == "margin":
            cosine = F.cosine_similarity(a[:, None], negatives, dim=2)  # (B, K)
            term = margin_term(
                F.cosine_similarity(a, p, dim=1), self._floored(cosine, 1.0), self.settings.margin, valid
            )
            return contrastive_loss(positive, first=first) + self.gamma * self.settings.margin_weight * term
        if self.gamma_x == 0:  # only j = i is needed
            own = self._own(a, negatives)
            logits = own.new_zeros(n, n, k)
            index = torch.arange(n, device=own.device)
            logits = logits.index_put((index, index), self._floored(own, self.settings.temperature))
        else:
            logits = self._floored(
                self._similarity(a, negatives.flatten(0, 1)).view(n, n, k), self.settings.temperature
            )
        return contrastive_loss(positive, logits, self.gamma, self.gamma_x, valid, first)

    def _own(self, a: Tensor, negatives: Tensor) -> Tensor:
        """s(a_i, n_ik), shape (B, K)."""
        if self.bilinear is not None:
            return torch.einsum("bp,bkp->bk", a @ self.bilinear.weight, negatives)
        return F.cosine_similarity(a[:, None], negatives, dim=2) / self.settings.temperature

    def _floored(self, similarity: Tensor, temperature: float) -> Tensor:
        floor = self.settings.floor
        return similarity if floor is None else similarity.clamp_min(floor / temperature)

    @torch.no_grad()
    def _metrics(
        self, loss: Tensor, a: Tensor, p: Tensor, negatives: Tensor, valid: Tensor | None, operators: Tensor | None
    ) -> dict[str, Tensor]:
        """How the batch went; with the selection "scores", every fourth step also updates the operators' scores."""
        scores = self._similarity(a, p)
        hits = scores.argmax(dim=1) == torch.arange(len(a), device=a.device)
        none = loss.new_full((), math.nan)
        by_operator = loss.new_full((len(OPERATORS),), math.nan)
        metrics = {
            "loss": loss.detach(),
            "gamma": loss.new_tensor(self.gamma),
            "accuracy": hits.float().mean(),
            "positive_cosine": F.cosine_similarity(a, p, dim=1).mean(),
            "negative_cosine": none,
            "dropped": none,
        }
        if valid is not None and operators is not None:
            cosine = F.cosine_similarity(a[:, None], negatives, dim=2)  # (B, K)
            metrics |= {"negative_cosine": cosine.mean(), "dropped": (~valid).float().mean()}
            made = F.one_hot(operators, len(OPERATORS)) * valid[..., None]  # (B, K, operators)
            by_operator = (cosine[..., None] * made).sum(dim=(0, 1)) / made.sum(dim=(0, 1))  # 0 / 0 is NaN
            if self.training and self.settings.selection == "scores" and self.n_steps % _SCORE_EVERY == 0:
                moved = _SCORE_DECAY * self.selection_scores + (1 - _SCORE_DECAY) * by_operator
                self.selection_scores.copy_(torch.where(by_operator.isnan(), self.selection_scores, moved))
        return metrics | {f"negative_cosine/{name}": by_operator[i] for i, name in enumerate(OPERATORS)}


def build_objective(
    size: str,
    crop_s: float,
    *,
    variant: str = "V0",
    gamma: float = 1.0,
    similarity: str = "bilinear",
    selection: str = "hardest",
    n_negatives: int = 2,
) -> AdversarialObjective:
    """A new encoder of this size and its objective.

    Args:
        size: base, small, tiny or micro.
        crop_s: length of the waveforms in seconds; two crops of 1 s are taken of each.
        variant: position cue: "V0", "V1" or "V2".
        gamma: see :class:`ObjectiveSettings`.
        similarity: see :class:`ObjectiveSettings`.
        selection: see :class:`ObjectiveSettings`.
        n_negatives: see :class:`ObjectiveSettings`.
    """
    settings = ObjectiveSettings(gamma=gamma, similarity=similarity, selection=selection, n_negatives=n_negatives)
    return AdversarialObjective(ConvEncoder(get_size(size), variant=variant), settings)
