"""What an encoder does on a task's own clips that scores suffer from: a few calls beside the thousands of a run.

``encoders check`` asks more, on made-up audio. Here the first clips of the commonest length are embedded together, and
the first of them alone; and the times of an event task are compared with the length of the clip.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.embedding import TaskAudio
from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.conformance.sameness import difference
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["Seen", "seen_on_clips"]

_log = logging.getLogger(__name__)
_LOOKED_AT = 12
"""Clips that are read to find some of one length."""
_MOST_CLIPS = 4
_MOST_SECONDS = 40.0
"""Audio that is embedded together, with two clips at least."""
_SAME = {"cpu": 1e-3, "other": 2e-2}
"""Largest difference, relative to the embedding's largest value; products on GPUs have 11 significant bits."""


@dataclass(frozen=True)
class Seen:
    """What was seen of an encoder on one task.

    Attributes:
        coercions: what was brought into form, sentences without a full stop.
        findings: what scores suffer from, in the same way; None where it could not be asked.
    """

    coercions: tuple[str, ...] = ()
    findings: tuple[str, ...] | None = None


def seen_on_clips(encoder: Encoder, task: PreparedTask, audio: TaskAudio, before: Mapping[str, int]) -> Seen:
    """Ask an encoder that has embedded a task, and log a warning for each finding.

    Args:
        encoder: the loaded encoder.
        task: the prepared task.
        audio: of the task at the encoder's rate.
        before: :attr:`Encoder.coercions` of before it embedded the task.

    Returns:
        With the coercions since, those of this call among them.
    """
    findings: tuple[str, ...] | None = None
    try:
        findings = tuple(_findings(encoder, _some_clips(encoder, task, audio), task.card.embedding_type == "event"))
    except HearAudioMosaicError as error:
        _log.warning("Whether clips are embedded by %s alone as in a batch is not known: %s", encoder.label, error)
    for words in findings or ():
        _log.warning("%s on %s: %s", encoder.label, task.card.name, words)
    since = (sentence for sentence, n in encoder.coercions.items() if n > before.get(sentence, 0))
    return Seen(tuple(sorted(since)), findings)


def _some_clips(encoder: Encoder, task: PreparedTask, audio: TaskAudio) -> torch.Tensor:
    """Clips of one length, the commonest among the first ones of the first split: (B, S)."""
    split, files = next((split, files) for split, files in audio.clips.items() if files)
    by_length: dict[int, list[npt.NDArray[np.float32]]] = defaultdict(list)
    for file in list(files)[:_LOOKED_AT]:
        path: Path = task.audio_path(split, file, audio.rate_hz)
        samples, _ = read_audio(path, encoder.sample_rate)
        alike = by_length[len(samples)]
        alike.append(samples)
        if len(alike) == min(_MOST_CLIPS, max(2, int(_MOST_SECONDS * encoder.sample_rate / len(samples)))):
            break
    return torch.from_numpy(np.stack(max(by_length.values(), key=len)))


def _findings(encoder: Encoder, clips: torch.Tensor, timed: bool) -> list[str]:
    def embedded(audio: torch.Tensor) -> list[npt.NDArray[np.floating]]:
        return [values[:1] for values in encoder.timestamps(audio)] if timed else [encoder.scene(audio)[:1]]

    alone, found = embedded(clips[:1].clone()), []
    allowed = _SAME["cpu" if encoder.device.type == "cpu" else "other"]
    if len(clips) > 1 and encoder.batch != 1:
        differs = difference(alone, embedded(clips.clone()))
        again = difference(alone, embedded(clips[:1].clone())) if differs > allowed else 0.0
        if again > allowed:
            found.append(f"asked twice, it embeds the same clip otherwise (by {again:.1e} of the largest value)")
        elif differs > allowed:
            found.append(
                f"the embedding of a clip depends on the others in its batch: alone it differs by {differs:.1e} of the "
                "largest value; ?batch=1 embeds clip by clip"
            )
    if timed:
        found += _uncovered(alone[1][0], 1000.0 * clips.shape[1] / encoder.sample_rate)
    return found


def _uncovered(times_ms: npt.NDArray[np.floating], duration_ms: float) -> list[str]:
    """An end of the clip that is farther than two hops from every timestamp."""
    hop_ms = float(np.diff(times_ms).mean()) if len(times_ms) > 1 else duration_ms
    if max(times_ms[0], duration_ms - times_ms[-1]) <= max(2.0 * hop_ms, 100.0):
        return []
    return [
        f"timestamps go from {times_ms[0] / 1000:.2f} to {times_ms[-1] / 1000:.2f} s of a clip of "
        f"{duration_ms / 1000:.2f} s: what sounds outside cannot be found"
    ]
