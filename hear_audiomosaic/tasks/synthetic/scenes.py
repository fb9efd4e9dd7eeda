"""Scene tasks of the synthetic suite: pitch, timbre, tags, percussion."""

from __future__ import annotations

import math

import numpy as np

from hear_audiomosaic.tasks.synthetic.sounds import (
    Floats,
    SynthesisContext,
    SyntheticClips,
    add_noise,
    additive,
    balanced,
    bursts,
    coloured_noise,
    decaying,
    gate,
    level,
    swept,
)

__all__ = ["STROKES", "TAGS", "TIMBRES", "make_percussion", "make_pitch", "make_tags", "make_timbre"]

_TAU = np.float32(2.0 * np.pi)
_TRAIN_VALID_TEST_EACH = (15, 4, 6)

LOWEST_PITCH, N_PITCHES = 48, 12

# Partial h has h^-slope; even: gain of even partials; stretch: its frequency is h * sqrt(1 + stretch h^2) times the
# fundamental's; attack in s; decay in 1/s, growing with h by damping; vibrato in cents; breath: share of noise.
_TRAITS = ("slope", "even", "stretch", "attack", "decay", "damping", "vibrato", "breath")
_TIMBRE_TABLE = {
    "bell": (0.6, 1.0, 0.02, 0.002, 3.0, 0.2, 0.0, 0.0),
    "brass": (0.7, 1.0, 0.0, 0.06, 0.3, 0.0, 8.0, 0.03),
    "flute": (2.0, 0.8, 0.0, 0.08, 0.2, 0.0, 15.0, 0.2),
    "marimba": (2.2, 0.3, 0.0, 0.002, 9.0, 0.5, 0.0, 0.02),
    "organ": (1.0, 1.4, 0.0, 0.02, 0.0, 0.0, 0.0, 0.01),
    "pluck": (1.0, 1.0, 0.0003, 0.002, 3.0, 0.5, 0.0, 0.02),
    "reed": (1.0, 0.15, 0.0, 0.04, 0.2, 0.0, 4.0, 0.05),
    "string": (1.1, 1.0, 0.0, 0.15, 0.2, 0.0, 25.0, 0.06),
}
TIMBRES = tuple(_TIMBRE_TABLE)
TAGS = ("beeps", "chirp", "clicks", "hiss", "hum", "rumble", "siren", "tone")
STROKES = ("bend", "flam", "muted", "open", "roll", "slap")

_MEMBRANE = np.array([1.0, 1.59, 2.14, 2.30, 2.65, 2.92], dtype=np.float32)  # modes of an ideal circular membrane
_KITS = 5


def make_pitch(context: SynthesisContext) -> SyntheticClips:
    """Which of 12 neighbouring MIDI pitches? Timbre, tuning, level and noise vary from clip to clip."""
    classes = balanced(sum(_TRAIN_VALID_TEST_EACH), N_PITCHES)
    n, partials = classes.size, 14
    t = context.time_s(1.0)
    midi = LOWEST_PITCH + classes[:, None] + context.uniform(-0.2, 0.2, n, 1)
    f0 = (440.0 * 2.0 ** ((midi - 69.0) / 12.0)).astype(np.float32)
    h = np.arange(1, partials + 1, dtype=np.float32)[None, :]
    gains = h ** -context.uniform(0.2, 1.6, n, 1) * np.exp(context.uniform(-1.2, 1.2, n, partials))
    gains *= np.where(h % 2 == 0, context.uniform(0.05, 1.0, n, 1), 1.0)
    envelope = decaying(
        t, context.uniform(0.0, 0.2, n, 1), context.uniform(0.005, 0.1, n, 1), context.uniform(0.0, 6.0, n, 1)
    )
    starts = context.uniform(0.0, float(_TAU), n, partials)
    sound = additive(_TAU * f0 * t, f0, np.repeat(h, n, axis=0), gains, starts, context.rate_hz) * envelope
    sound = add_noise(
        sound, coloured_noise(context, n, t.size, context.uniform(0.0, 1.5, n, 1)), context.uniform(-6.0, 12.0, n, 1)
    )
    labels = [[str(LOWEST_PITCH + int(c))] for c in classes]
    return _finish(context, sound, labels, _train_valid_test(N_PITCHES), [])


def make_timbre(context: SynthesisContext) -> SyntheticClips:
    """Which of 8 instrument-like timbres? Pitch, touch, level and noise vary from clip to clip."""
    n_each = tuple(2 * each for each in _TRAIN_VALID_TEST_EACH)
    classes = balanced(sum(n_each), len(TIMBRES))
    n, partials = classes.size, 12
    table = dict(zip(_TRAITS, np.array(list(_TIMBRE_TABLE.values()), dtype=np.float32).T, strict=True))

    def of(key: str, spread: float) -> Floats:
        """The class's value, off by up to a factor of 1 + spread either way, (n, 1)."""
        factor = (1.0 + spread) ** context.uniform(-1.0, 1.0, n, 1)
        return np.asarray(table[key][classes][:, None] * factor, dtype=np.float32)

    t = context.time_s(1.0)
    f0 = (440.0 * 2.0 ** (context.uniform(-14.0, 4.0, n, 1) / 12.0)).astype(np.float32)
    h = np.arange(1, partials + 1, dtype=np.float32)[None, :]
    ratios = (h * np.sqrt(1.0 + of("stretch", 0.5) * h**2)).astype(np.float32)
    gains = h ** -of("slope", 0.25) * np.where(h % 2 == 0, of("even", 0.5), 1.0)
    gains = gains * np.exp(context.uniform(-0.4, 0.4, n, partials))
    start, attack = context.uniform(0.0, 0.2, n, 1), of("attack", 0.6)
    decay, damping = of("decay", 0.6), of("damping", 0.5)
    cents = of("vibrato", 1.0)
    rate = context.uniform(4.0, 7.0, n, 1)
    wobble = cents / 1200.0 * math.log(2.0) / (_TAU * rate) * np.sin(_TAU * rate * t + context.uniform(0.0, 6.28, n, 1))
    phase = (_TAU * f0 * (t + wobble)).astype(np.float32)
    starts = context.uniform(0.0, float(_TAU), n, partials)
    sound = np.zeros_like(phase)
    for k in range(partials):
        envelope = decaying(t, start, attack, decay * (1.0 + damping * k))
        sound += envelope * additive(phase, f0, ratios[:, [k]], gains[:, [k]], starts[:, [k]], context.rate_hz)
    breath = coloured_noise(context, n, t.size, np.full((n, 1), 0.5, np.float32)) * decaying(t, start, attack, decay)
    sound += of("breath", 1.0) * breath * np.sqrt(np.mean(sound**2, axis=1, keepdims=True))
    sound = add_noise(
        sound, coloured_noise(context, n, t.size, context.uniform(0.0, 1.5, n, 1)), context.uniform(12.0, 36.0, n, 1)
    )
    labels = [[TIMBRES[int(c)]] for c in classes]
    return _finish(context, sound, labels, _train_valid_test(len(TIMBRES), n_each), [])


def make_tags(context: SynthesisContext) -> SyntheticClips:
    """Which of 8 kinds of sound are heard, none to four at once?"""
    counts = {"train": 180, "valid": 50, "test": 90}
    n = sum(counts.values())
    t = context.time_s(2.0)
    order = np.argsort(context.draw.random((n, len(TAGS))), axis=1)
    how_many = context.draw.choice(5, size=(n, 1), p=[0.05, 0.3, 0.3, 0.25, 0.1])
    present = np.zeros((n, len(TAGS)), dtype=bool)
    np.put_along_axis(present, order, np.arange(len(TAGS))[None, :] < how_many, axis=1)
    sound = 0.3 * coloured_noise(context, n, t.size, context.uniform(0.3, 1.2, n, 1))
    for column, tag in enumerate(TAGS):
        here = np.flatnonzero(present[:, column])
        start = context.uniform(0.0, 1.2, here.size, 1)
        window = gate(t, start, start + context.uniform(0.5, 1.5, here.size, 1), 0.03)
        source = _tag(context, tag, t, here.size) * window
        power = np.maximum(np.sqrt(np.mean(source**2, axis=1, keepdims=True)), 1e-6)
        sound[here] += source * (10.0 ** (context.uniform(-16.0, 2.0, here.size, 1) / 20.0) / power)
    labels = [[tag for tag, here in zip(TAGS, row, strict=True) if here] for row in present]
    splits = [split for split, times in counts.items() for _ in range(times)]
    return _finish(context, sound.astype(np.float32), labels, splits, [])


def _tag(context: SynthesisContext, tag: str, t: Floats, n: int) -> Floats:
    """One source for every clip, (n, S)."""
    f = 200.0 * 2.0 ** context.uniform(0.0, 4.0, n, 1)
    rate, depth, shape = (
        context.uniform(0.0, 1.0, n, 1),
        context.uniform(0.0, 1.0, n, 1),
        context.uniform(0.0, 1.0, n, 1),
    )
    tone: Floats = np.sin(_TAU * f * t)
    if tag == "tone":
        return tone
    if tag == "beeps":
        return np.asarray(tone * (np.mod(t * (3.0 + 5.0 * rate), 1.0) < 0.3 + 0.3 * depth), dtype=np.float32)
    if tag == "chirp":
        repeats = np.mod(t * (1.0 + 3.0 * rate), 1.0)
        octaves = np.where(shape < 0.5, np.float32(1.0), np.float32(-1.0)) * (0.7 + depth)
        return swept(f * 2.0 ** (octaves * repeats), context.rate_hz)
    if tag == "siren":
        octaves = (0.3 + 0.5 * depth) * np.sin(_TAU * (1.0 + 5.0 * rate) * t)
        return swept(f * 2.0**octaves, context.rate_hz)
    if tag == "hum":
        mains = 50.0 + 70.0 * rate
        h = np.repeat(np.arange(1, 9, dtype=np.float32)[None, :], n, axis=0)
        return additive(_TAU * mains * t, mains, h, h ** -(0.3 + depth), np.zeros_like(h), context.rate_hz)
    if tag == "clicks":
        envelope = bursts(t, 4.0 + 10.0 * rate, shape, 150.0 + 250.0 * depth)
        return coloured_noise(context, n, t.size, 0.5 * depth) * envelope
    exponent = -1.5 - 0.5 * shape if tag == "hiss" else 2.5 + 0.5 * shape
    return coloured_noise(context, n, t.size, exponent)


def make_percussion(context: SynthesisContext) -> SyntheticClips:
    """Which of 6 strokes on a drum? Every fold is a drum of its own, so that each is tested on an unknown one."""
    each = 11
    classes = balanced(each * _KITS, len(STROKES))
    n = classes.size
    kit = np.arange(n) // (each * len(STROKES))
    t = context.time_s(0.6)

    def drum(low: float, high: float, spread: float) -> Floats:
        """One value per drum, spread over the range, off by up to ``spread`` (a share) per clip; (n, 1)."""
        values = low * (high / low) ** ((context.draw.permutation(_KITS) + 0.5) / _KITS)
        return values[kit][:, None].astype(np.float32) * (1.0 + context.uniform(-spread, spread, n, 1))

    def when(stroke: str, yes: Floats | float, no: Floats | float) -> Floats:
        return np.where((classes == STROKES.index(stroke))[:, None], yes, no).astype(np.float32)

    f0 = drum(90.0, 220.0, 0.05)
    decay = drum(6.0, 10.0, 0.2) * when("muted", context.uniform(2.0, 3.5, n, 1), 1.0) * when("slap", 2.5, 1.0)
    tilt = drum(0.8, 1.3, 0.15) * when("slap", 0.3, 1.0) * when("muted", 1.3, 1.0)
    skin = drum(0.2, 0.45, 0.3) * when("slap", 2.5, 1.0)
    start = context.uniform(0.0, 0.08, n, 1)
    gap = context.uniform(0.03, 0.07, n, 1)
    roll_hz = context.uniform(14.0, 24.0, n, 1)
    glide = when("bend", context.uniform(0.25, 0.6, n, 1), context.uniform(0.0, 0.05, n, 1))
    frequency = f0 * (1.0 + glide * np.exp(-np.maximum(t - start, 0.0) * 9.0))
    phase = (_TAU * np.cumsum(frequency, axis=1, dtype=np.float64) / context.rate_hz).astype(np.float32)
    ratios = _MEMBRANE[None, :] * (1.0 + context.uniform(-0.01, 0.01, n, _MEMBRANE.size))
    ruff = bursts(t, roll_hz, context.uniform(0.0, 0.3, n, 1), decay * 2.0)
    rolled = ruff * decaying(t, start, context.uniform(0.05, 0.2, n, 1), 0.3 * decay)
    sound = np.zeros_like(phase)
    for k in range(_MEMBRANE.size):
        ring = decaying(t, start, np.full((n, 1), 0.001, np.float32), decay * (1.0 + 0.4 * k))
        second = decaying(t, start + gap, np.full((n, 1), 0.001, np.float32), decay * (1.0 + 0.4 * k))
        envelope = when("flam", 0.6 * ring * (t < start + gap) + second, when("roll", rolled, ring))
        gain = (k + 1.0) ** -(1.5 * tilt) * np.exp(context.uniform(-0.5, 0.5, n, 1))
        zeros = np.zeros((n, 1), np.float32)
        sound += (
            envelope * gain * additive(phase, f0, ratios[:, [k]], np.ones((n, 1), np.float32), zeros, context.rate_hz)
        )
    tick = decaying(t, start, np.full((n, 1), 0.0005, np.float32), drum(60.0, 100.0, 0.3))
    tick = when(
        "flam", 0.6 * tick + np.roll(tick, round(0.05 * context.rate_hz), axis=1), when("roll", rolled * 0.5, tick)
    )
    sound += skin * tick * coloured_noise(context, n, t.size, context.uniform(0.2, 0.8, n, 1))
    sound = add_noise(
        sound, coloured_noise(context, n, t.size, context.uniform(0.3, 1.5, n, 1)), context.uniform(12.0, 36.0, n, 1)
    )
    labels = [[STROKES[int(c)]] for c in classes]
    return _finish(context, sound, labels, [f"fold{k:02d}" for k in kit], [f"drum{k}" for k in kit])


def _train_valid_test(classes: int, each: tuple[int, ...] = _TRAIN_VALID_TEST_EACH) -> list[str]:
    """Split of every clip for :func:`balanced` classes: whole rounds go to train, then valid, then test."""
    return [split for split, n in zip(("train", "valid", "test"), each, strict=True) for _ in range(n * classes)]


def _finish(
    context: SynthesisContext, sound: Floats, labels: list[list[str]], splits: list[str], groups: list[str]
) -> SyntheticClips:
    """Levels between -20 and -1 dB of full scale."""
    return SyntheticClips(level(sound, context.uniform(-20.0, -1.0, len(labels), 1)), list(labels), splits, groups)
