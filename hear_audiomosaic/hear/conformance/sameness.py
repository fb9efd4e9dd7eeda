"""Same sound, same embedding: asked again, in another order, in another batch; other sounds, other embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.conformance.findings import Breach, NotAsked, Subject
from hear_audiomosaic.hear.conformance.sounds import many_sounds, noise, noise_and_tones
from hear_audiomosaic.hear.encoder import Encoder

__all__ = ["alone_or_in_company", "any_order", "deterministic", "difference", "different", "few_twins"]

Array = npt.NDArray[np.float32]
_SAME = 1e-3  # largest difference, relative to the embedding's largest value, that counts as the same embedding
_SAME_SOUND = 1e-6  # as _SAME, for sounds that should have different embeddings


def any_order(subject: Subject) -> str:
    """Scene and timestamp calls leave nothing behind that the other kind trips over.

    Asked first of all, of an encoder that has not been called: timestamp, timestamp, scene, timestamp; of one that was
    loaded again: scene, scene, timestamp, scene; what each gave first is compared with what it gave after the other.
    """
    audio = noise(subject.encoder, 1.0, 1)
    first = _Order("timestamp", "scene", subject.unjudged, audio)
    found = [first.changed_by()]
    if subject.again is not None:
        second = _Order("scene", "timestamp", subject.again.unjudged(), audio)
        found.append(second.changed_by())
        if not subject.encoder.inventory.differences(subject.again.inventory):  # the same weights
            found += [first.compare(second), second.compare(first)]
    return f"largest relative difference {max(found):.1e}"


class _Order:
    """One kind of call twice, then the other kind, then the first kind again."""

    def __init__(self, kind: str, other: str, encoder: Encoder, audio: Tensor) -> None:
        self.kind, self.other = kind, other
        try:
            self.before = _all(encoder, kind, audio)
            repeated = _all(encoder, kind, audio)
        except EncoderError as error:
            raise NotAsked(f"{kind} calls fail on their own: {error}") from error
        if difference(self.before, repeated) > _SAME:
            raise NotAsked(f"the same {kind} call twice gives two embeddings")
        self.failure: EncoderError | None = None
        try:
            self.others = _all(encoder, other, audio)
        except EncoderError as error:
            self.failure = error
            return
        try:
            self.after = _all(encoder, kind, audio)
        except EncoderError as error:
            raise Breach(f"{kind} calls work, but fail after a {other} call: {error}") from error

    def changed_by(self) -> float:
        """How much the first kind is changed by the other."""
        if self.failure is not None:
            return 0.0
        return _bound(difference(self.before, self.after), f"{self.kind} calls give others after a {self.other} call")

    def compare(self, other: _Order) -> float:
        """How much calls of the second kind differ from those of an encoder that was asked for them first."""
        if self.failure is not None:
            raise Breach(f"{self.other} calls work, but fail after a {self.kind} call: {self.failure}")
        return _bound(difference(self.others, other.before), f"{self.other} calls give others after a {self.kind} call")


def deterministic(subject: Subject) -> str:
    """Asked twice."""
    audio = noise(subject.encoder, 1.0, 2)
    return _same(*([values for kind in _KINDS for values in _all(subject.unjudged, kind, audio)] for _ in range(2)))


def alone_or_in_company(subject: Subject) -> str:
    """A clip's embedding does not depend on its batch mates."""
    encoder = subject.unjudged
    audio = torch.cat([noise(encoder, 1.5, 1), 3.0 * noise(encoder, 1.5, 3, seed=1)])
    together = [encoder.scene(audio)[:1], encoder.timestamps(audio)[0][:1]]
    alone = [encoder.scene(audio[:1]), encoder.timestamps(audio[:1])[0]]
    found = difference(alone, together)
    if found > _SAME:
        raise Breach(
            f"embeddings differ by {found:.1e} of their largest value between a clip alone and the same clip in a "
            "batch; ?batch=1 embeds clip by clip"
        )
    by = f", in batches of {encoder.batch} as ?batch={encoder.batch} asks" if encoder.batch else ""
    return f"largest relative difference {found:.1e}{by}"


def different(subject: Subject) -> str:
    """Noise and two tones are three sounds, and must not be one embedding."""
    for kind, values in _rows(subject.unjudged, noise_and_tones(subject.encoder)).items():
        least = min(_distance(values, i, j) for i, j in ((0, 1), (0, 2), (1, 2)))
        if least <= _SAME_SOUND:
            raise Breach(
                f"different sounds have the same {kind} embedding, to {least:.1e} of its largest value (noise, and "
                "tones of 300 and 2500 Hz)"
            )
    return "noise and two tones"


def few_twins(subject: Subject) -> str:
    """Of many sounds, not most share their embedding with another one."""
    found = []
    for kind, values in _rows(subject.unjudged, many_sounds(subject.encoder)).items():
        n = len(values)
        n_twins = sum(any(_distance(values, i, j) <= _SAME_SOUND for j in range(n) if j != i) for i in range(n))
        if n_twins > n // 2:
            raise Breach(
                f"{n_twins} of {n} different sounds share their {kind} embedding with another one (tones, noises, "
                "clicks, chirps)"
            )
        found.append(f"{n_twins} of {n} sounds share their {kind} embedding")
    return "; ".join(found)


_KINDS = ("scene", "timestamp")


def _all(encoder: Encoder, kind: str, audio: Tensor) -> list[npt.NDArray[np.floating]]:
    return [encoder.scene(audio)] if kind == "scene" else list(encoder.timestamps(audio))


def _rows(encoder: Encoder, audio: Tensor) -> dict[str, Array]:
    """By kind, one row for each clip."""
    return {"scene": encoder.scene(audio), "timestamp": encoder.timestamps(audio)[0].reshape(len(audio), -1)}


def _distance(values: Array, i: int, j: int) -> float:
    return float(np.abs(values[i] - values[j]).max()) / max(float(np.abs(values).max()), 1e-12)


def difference(first: Sequence[npt.NDArray[np.floating]], second: Sequence[npt.NDArray[np.floating]]) -> float:
    """Largest difference, relative to the largest value; infinite for other shapes, or for NaN in other places."""
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape:
            return float("inf")
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            if not np.array_equal(a, b, equal_nan=True):
                return float("inf")
            continue
        worst = max(worst, float(np.abs(a - b).max() / max(float(np.abs(a).max()), 1e-12)))
    return worst


def _bound(found: float, what: str) -> float:
    if not found <= _SAME:
        raise Breach(f"{what}: they differ by {found:.1e} of their largest value")
    return found


def _same(first: Sequence[npt.NDArray[np.floating]], second: Sequence[npt.NDArray[np.floating]]) -> str:
    return f"largest relative difference {_bound(difference(first, second), 'the same call twice gives others'):.1e}"
