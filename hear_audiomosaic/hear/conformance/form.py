"""Does it answer at all: shapes, finite values, odd lengths, silence."""

from __future__ import annotations

import time

import torch

from hear_audiomosaic.hear.conformance.findings import Subject
from hear_audiomosaic.hear.conformance.sounds import noise
from hear_audiomosaic.hear.contract import check_scene, check_timestamps

__all__ = ["brought_into_form", "extremes", "in_milliseconds", "long_clip", "shapes", "short_clips"]

_LENGTHS_S = (1.07, 1.98, 4.0)


def shapes(subject: Subject) -> str:
    """Of HEAR's three lengths; that times are in milliseconds and inside the clip is another question."""
    for seconds in _LENGTHS_S:
        audio = noise(subject.encoder, seconds, 2)
        subject.encoder.scene(audio)
        values, times = subject.unjudged.timestamps(audio)
        check_scene(values, f"get_timestamp_embeddings of {subject.encoder.ref.text}")
        check_scene(times, f"get_timestamp_embeddings of {subject.encoder.ref.text}, for its times,")
    return f"clips of {', '.join(map(str, _LENGTHS_S))} s"


def in_milliseconds(subject: Subject) -> str:
    """Times rise from 0 to at most the end of the clip."""
    values, times = subject.unjudged.timestamps(noise(subject.encoder, subject.clip_ms / 1000.0, 1))
    check_timestamps(values, times, subject.clip_ms, f"get_timestamp_embeddings of {subject.encoder.ref.text}")
    return f"{times.shape[1]} from {times.min():.1f} to {times.max():.1f} of {subject.clip_ms:.0f} ms"


def short_clips(subject: Subject) -> str:
    """As short as HEAR's shortest."""
    for seconds in (0.025, 0.1, 0.5):
        subject.encoder.scene(noise(subject.encoder, seconds, 1))
        subject.encoder.timestamps(noise(subject.encoder, seconds, 1))
    return "25, 100 and 500 ms"


def long_clip(subject: Subject) -> str:
    """Thirty seconds."""
    audio = noise(subject.encoder, 30.0, 1)
    subject.encoder.scene(audio)
    started = time.perf_counter()
    subject.encoder.timestamps(audio)
    subject.seconds_of_30 = time.perf_counter() - started
    return "30 s"


def extremes(subject: Subject) -> str:
    """What a normalisation divides by zero for, and what clips."""
    silence = torch.zeros(1, subject.encoder.sample_rate)
    for audio in (silence, silence + 0.5, noise(subject.encoder, 1.0, 1).sign()):
        subject.encoder.scene(audio)
        subject.encoder.timestamps(audio)
    return "silence, a constant, full scale"


def brought_into_form(subject: Subject) -> str:
    """What the encoder returned in another form than HEAR's."""
    found = sorted(subject.encoder.coercions.items())
    return "; ".join(f"{words} ({n} times)" if n > 1 else words for words, n in found) or "nothing had to be"
