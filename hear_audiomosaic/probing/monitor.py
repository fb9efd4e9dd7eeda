"""What is monitored while heads train: the validation loss or the first score, for all heads of a chunk at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.metrics import Events, clips, evaluate_events, get_score
from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.postprocessing import Frames, Setting, best_setting

__all__ = ["Check", "Monitor", "improves", "recorded", "stable_best", "worst"]

ON_DEVICE = ("top1_acc", "pitch_acc", "chroma_acc")
SEMITONES_PER_OCTAVE = 12


@dataclass(frozen=True)
class Check:
    """The values of one validation."""

    values: npt.NDArray[np.float64]
    """(g,) monitored values, as heareval compares them."""
    losses: npt.NDArray[np.float32]
    """(g,) validation losses."""
    settings: tuple[Setting, ...]
    """g post-processing settings; () each for scenes."""


def recorded(name: str, value: float) -> float:
    """Round a score as heareval's logger does: accuracies and event scores to float32, ranking scores not."""
    return float(np.float32(value)) if name in ON_DEVICE or name.startswith(("event_", "segment_")) else float(value)


@dataclass(frozen=True)
class Monitor:
    """Monitors one validation split.

    Attributes:
        rows: the split.
        score: name of the first score, or None for the validation loss.
        multilabel: sigmoid or softmax.
        frames: the frames of an event split, else None.
        settings: post-processing settings to choose from (event tasks).
    """

    rows: SplitRows
    score: str | None
    multilabel: bool
    frames: Frames | None
    settings: tuple[Setting, ...]

    @property
    def higher_is_better(self) -> bool:
        """Direction of the monitored value."""
        return self.score is not None and get_score(self.score).higher_is_better

    def check(self, logits: Tensor, losses: Tensor, target: Tensor) -> Check:
        """Compute the monitored values.

        Args:
            logits: (g, n, C).
            losses: (g,) validation losses.
            target: (n, C) multi-hot, on the same device.
        """
        g = len(logits)
        loss = losses.float().cpu().numpy()
        if self.score is None:
            # heareval wants a grid of one setting here, so there is nothing to choose
            return Check(loss.astype(np.float64), loss, (self.settings[-1] if self.settings else (),) * g)
        probabilities = torch.sigmoid(logits) if self.multilabel else torch.softmax(logits, -1)
        if self.frames is not None:
            scores, chosen = self.events(probabilities.cpu().numpy())
            return Check(np.array(scores), loss, chosen)
        if self.score in ON_DEVICE:
            values = self._agreement(probabilities, target)
        elif bool(torch.isfinite(probabilities).all()):
            values = clips.evaluate(self.rows.targets, probabilities.cpu().numpy(), [self.score])[self.score]
        else:
            values = np.full(g, np.nan)  # a head that diverged
        return Check(np.array([recorded(self.score, value) for value in values]), loss, ((),) * g)

    def _agreement(self, probabilities: Tensor, target: Tensor) -> npt.NDArray[np.float64]:
        guess, truth = probabilities.argmax(-1), target.argmax(-1)
        if self.score == "chroma_acc":
            guess, truth = guess % SEMITONES_PER_OCTAVE, truth % SEMITONES_PER_OCTAVE
        return ((guess == truth).sum(-1).cpu().numpy() / len(truth)).astype(np.float64)

    def events(self, probabilities: npt.NDArray[np.float32]) -> tuple[list[float], tuple[Setting, ...]]:
        """The event score of several predictions, each with the post-processing that serves it best.

        Args:
            probabilities: (g, n, C).

        Returns:
            g scores and g settings.

        Raises:
            EmbeddingError: the split has no frames.
        """
        if self.frames is None or self.score is None or self.rows.reference is None:
            raise EmbeddingError("event scores need timestamps and reference events.")
        values: list[float] = []
        chosen: list[Setting] = []
        for estimates in self.frames.events(probabilities, self.settings):
            scores = _event_scores(self.score, self.rows.reference, estimates)
            setting = best_setting(scores)
            chosen.append(setting)
            values.append(recorded(self.score, scores[setting]))
        return values, tuple(chosen)


def _event_scores(name: str, reference: Events, estimates: dict[Setting, Events]) -> dict[Setting, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # early epochs predict nothing, as a matter of course
        return {setting: evaluate_events([name], reference, events)[name] for setting, events in estimates.items()}


def improves(value: float, best: float, higher_is_better: bool) -> bool:
    """Whether a value is strictly better; NaN never is."""
    return value > best if higher_is_better else value < best


def worst(higher_is_better: bool) -> float:
    """The value that anything beats."""
    return -np.inf if higher_is_better else np.inf


def stable_best(values: Sequence[float], higher_is_better: bool) -> int:
    """Index of the best value, the first of equals."""
    return values.index(max(values) if higher_is_better else min(values))
