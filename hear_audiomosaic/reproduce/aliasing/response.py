"""How an encoder responds to what a strided patch embedding folds: sub-token shifts, fast modulations, mild stretch.

On scene embeddings:

* shift: cosine of a clip with itself shifted by 0 to 160 ms. A stride of 160 ms makes 0 and 160 the controls: what is
  lost at 160 ms is new sound at the edges, what is lost in between besides is sensitivity to the sub-token phase.
* modulation: a linear probe classifies how fast noise is modulated. At 6.25 tokens per second 5, 20, 30 and 45 Hz all
  fold onto 1.25 Hz. Clips have random gains; still, the front end's 25 ms frames flatten fast modulations, which is a
  cue of its own. The same probe on shifted clips gives accuracy against shift.
* stretch: cosine of a clip with itself, stretched by up to 10 % at the same pitch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from hear_audiomosaic.audio.stimuli import modulated_noise, noise_textures, stretch_time
from hear_audiomosaic.hear import Encoder

__all__ = [
    "ALIASED_HZ",
    "FREQUENCIES_HZ",
    "SHIFTS_MS",
    "STRETCHES",
    "EncoderResponse",
    "ResponseSettings",
    "confusion",
    "linear_probe",
    "measure_response",
    "response_text",
]

Floats = npt.NDArray[np.float64]
ReadClips = Callable[[int, float, int], Tensor]

FREQUENCIES_HZ = (1, 2, 4, 5, 8, 12, 20, 30, 45)
ALIASED_HZ = (5, 20, 30, 45)  # all fold onto 1.25 Hz at 6.25 tokens per second
SHIFTS_MS = tuple(range(0, 170, 10))
STRETCHES = (0.90, 0.95, 1.0, 1.05, 1.10)
_DURATION_S, _SPARE_S = 2.0, 0.3
_BATCH = 16


@dataclass(frozen=True)
class ResponseSettings:
    """How many clips an encoder is measured on.

    Attributes:
        n_clips: clips for shift and stretch.
        n_train: clips per frequency that the probe learns from.
        n_test: clips per frequency that it is tested on.
        shift_step: the probe is tested at every such shift, in units of 10 ms; divides 16.
        seed: of the stimuli.
    """

    n_clips: int = 24
    n_train: int = 40
    n_test: int = 16
    shift_step: int = 4
    seed: int = 0


@dataclass(frozen=True)
class EncoderResponse:
    """What one encoder responds.

    Attributes:
        label: of the encoder.
        by_shift: mean centred cosine at each of `SHIFTS_MS`.
        accuracy_by_shift: of the modulation probe, at each of ``probed_shifts_ms``.
        probed_shifts_ms: every ``shift_step``-th of `SHIFTS_MS`.
        by_stretch: mean centred cosine at each of `STRETCHES`.
        confusion: of the modulation probe, (true, predicted), rows sum to 1; classes are `FREQUENCIES_HZ`.
    """

    label: str
    by_shift: Floats
    accuracy_by_shift: Floats
    probed_shifts_ms: tuple[int, ...]
    by_stretch: Floats
    confusion: Floats


def measure_response(
    encoder: Encoder, settings: ResponseSettings | None = None, read_clips: ReadClips | None = None
) -> EncoderResponse:
    """Measure one encoder.

    Args:
        encoder: any that is loaded.
        settings: sizes and seed.
        read_clips: gives (n, S) clips for shift and stretch from their number, duration in s and rate in Hz; None is
            noise with random colour and modulations.
    """
    s = settings or ResponseSettings()
    rate, generator = encoder.sample_rate, torch.Generator().manual_seed(s.seed)
    length, duration_s = round(_DURATION_S * rate), _DURATION_S + _SPARE_S
    if read_clips is None:
        clips = noise_textures(s.n_clips, duration_s, rate, generator)
    else:
        clips = read_clips(s.n_clips, duration_s, rate)

    def shifted(audio: Tensor, ms: int) -> Floats:
        start = ms * rate // 1000
        return _scenes(encoder, audio[:, start : start + length])

    by_shift = [shifted(clips, ms) for ms in SHIFTS_MS]
    whole = clips[:, :length]
    plain = _scenes(encoder, stretch_time(whole, 1.0))
    by_stretch = [_centred_cosine(plain, _scenes(encoder, stretch_time(whole, factor))) for factor in STRETCHES]

    train, train_classes = modulated_noise(FREQUENCIES_HZ, s.n_train, _DURATION_S, rate, generator)
    test, classes = modulated_noise(FREQUENCIES_HZ, s.n_test, duration_s, rate, generator)
    probe = linear_probe().fit(_scenes(encoder, train), train_classes)
    probed = SHIFTS_MS[:: s.shift_step]
    predictions = [probe.predict(shifted(test, ms)) for ms in probed]
    return EncoderResponse(
        encoder.label,
        np.array([_centred_cosine(by_shift[0], scenes) for scenes in by_shift]),
        np.array([(predicted == classes).mean() for predicted in predictions]),
        probed,
        np.array(by_stretch),
        confusion(classes, predictions[0]),
    )


def linear_probe() -> Pipeline:
    """Logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def confusion(true: Floats, predicted: Floats) -> Floats:
    """Share of each true class (row) that is predicted as each class (column)."""
    table: Floats = confusion_matrix(true, predicted, labels=np.unique(true), normalize="true")
    return table


def response_text(response: EncoderResponse) -> str:
    """One encoder's numbers."""
    inner, aliased = response.by_shift[1:16], [FREQUENCIES_HZ.index(f) for f in ALIASED_HZ]
    accuracies = response.accuracy_by_shift
    within = response.confusion[np.ix_(aliased, aliased)]
    wrong_within = (within.sum() - np.trace(within)) / len(aliased)
    return (
        f"{response.label}\n"
        f"  shift: centred cosine 10-150 ms mean {inner.mean():.3f}, min {inner.min():.3f}, "
        f"spread {inner.max() - inner.min():.3f}; at 160 ms {response.by_shift[16]:.3f}\n"
        f"  modulation: accuracy {response.confusion.diagonal().mean():.3f} of {len(FREQUENCIES_HZ)} classes "
        f"(chance {1 / len(FREQUENCIES_HZ):.3f}); on 5, 20, 30, 45 Hz {within.diagonal().mean():.3f}, taken for one "
        f"another {wrong_within:.3f}; shifted clips: {accuracies[0]:.3f} unshifted, "
        f"{accuracies[1:-1].mean():.3f} between, {accuracies[-1]:.3f} at the last shift\n"
        f"  stretch: centred cosine "
        + ", ".join(f"{f:.2f}: {c:.3f}" for f, c in zip(STRETCHES, response.by_stretch, strict=True))
    )


def _scenes(encoder: Encoder, audio: Tensor) -> Floats:
    """Scene embeddings (n, D)."""
    return np.concatenate([encoder.scene(part) for part in torch.split(audio, _BATCH)]).astype(np.float64)


def _centred_cosine(first: Floats, second: Floats) -> float:
    """Mean cosine of rows, around the mean of ``first``: what is common to all clips does not count."""
    a, b = first - first.mean(axis=0), second - first.mean(axis=0)
    return float(np.mean((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-12)))
