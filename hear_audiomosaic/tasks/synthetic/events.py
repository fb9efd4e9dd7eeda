"""Event task of the synthetic suite: what sounds from when to when?"""

from __future__ import annotations

from typing import Any

import numpy as np

from hear_audiomosaic.tasks.synthetic.sounds import (
    Floats,
    SynthesisContext,
    SyntheticClips,
    coloured_noise,
    gate,
    level,
    swept,
)

__all__ = ["EVENT_LABELS", "make_events"]

EVENT_LABELS = ("buzz", "rattle", "siren", "whistle")

_SECONDS = 4.0
_COUNTS = {"train": 80, "valid": 24, "test": 36}
_SHORTEST_S, _LONGEST_S = 0.4, 1.1
_GAP_S = 0.4  # between events of one label: longer than HEAR's median filter, so that they stay two


def make_events(context: SynthesisContext) -> SyntheticClips:
    """Clips of 4 s with one or two events of each label, most of them overlapping others, in noise."""
    n = sum(_COUNTS.values())
    t = context.time_s(_SECONDS)
    sound = coloured_noise(context, n, t.size, context.uniform(0.3, 1.5, n, 1))
    labels: list[list[dict[str, Any]]] = [[] for _ in range(n)]
    for label in EVENT_LABELS:
        times = context.draw.choice(3, size=n, p=[0.25, 0.5, 0.25])
        first_s = context.uniform(_SHORTEST_S, _LONGEST_S, n, 1)
        second_s = context.uniform(_SHORTEST_S, _LONGEST_S, n, 1)
        free = _SECONDS - first_s - second_s - _GAP_S
        before, between = np.sort(context.uniform(0.0, 1.0, n, 2), axis=1).T[:, :, None] * free.T[0][None, :, None]
        spans = ((before, before + first_s), (between + first_s + _GAP_S, between + first_s + _GAP_S + second_s))
        for k, (start, end) in enumerate(spans):
            here = np.flatnonzero(times > k)
            source = _source(context, label, t, here.size) * gate(t, start[here], end[here], 0.02)
            active = np.sqrt(np.sum(source**2, axis=1, keepdims=True) / ((end - start)[here] * context.rate_hz))
            sound[here] += source * (
                10.0 ** (context.uniform(-6.0, 10.0, here.size, 1) / 20.0) / np.maximum(active, 1e-6)
            )
            for i in here:
                span = {"start": round(1000.0 * float(start[i, 0]), 3), "end": round(1000.0 * float(end[i, 0]), 3)}
                labels[i].append({"label": label, **span})
    for events in labels:
        events.sort(key=lambda event: (event["start"], event["label"]))
    splits = [split for split, count in _COUNTS.items() for _ in range(count)]
    return SyntheticClips(level(sound, context.uniform(-20.0, -1.0, n, 1)), list(labels), splits, [])


def _source(context: SynthesisContext, label: str, t: Floats, n: int) -> Floats:
    """One source for every clip, sounding all the time, (n, S)."""
    f = 2.0 ** context.uniform(0.0, 1.0, n, 1)
    rate, depth = context.uniform(0.0, 1.0, n, 1), context.uniform(0.0, 1.0, n, 1)
    if label == "buzz":  # a sawtooth of 80 to 160 Hz, band-limited
        sound = np.zeros((n, t.size), np.float32)
        for h in range(1, 25):
            sound += np.sin(np.float32(2.0 * np.pi * h) * 80.0 * f * t) / h * (160.0 * h < 0.48 * context.rate_hz)
        return sound
    if label == "rattle":  # noise in 12 to 30 strokes per second
        stroke = np.mod(t * (12.0 + 18.0 * rate), 1.0)
        return coloured_noise(context, n, t.size, 0.8 * depth) * np.exp(-6.0 * stroke)
    if label == "siren":  # 500 to 1000 Hz, swept by up to half an octave either way, 3 to 8 times a second
        octaves = (0.2 + 0.3 * depth) * np.sin(2.0 * np.pi * (3.0 + 5.0 * rate) * t)
        return swept(500.0 * f * 2.0**octaves, context.rate_hz)
    # whistle: a steady 700 to 1400 Hz
    return np.asarray(np.sin(2.0 * np.pi * 700.0 * f * t + 0.3 * np.sin(2.0 * np.pi * 5.0 * t)), dtype=np.float32)
