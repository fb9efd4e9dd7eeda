"""Times and rates: are timestamps where the sound is, over long clips too, and is the sample rate what it says?"""

from __future__ import annotations

import numpy as np
import torch

from hear_audiomosaic.hear.conformance.bursts import SeenBursts, seen_bursts
from hear_audiomosaic.hear.conformance.findings import Breach, NotAsked, Remark, Subject
from hear_audiomosaic.hear.conformance.sounds import noise, tones
from hear_audiomosaic.hear.contract import SAMPLE_RATES_HZ, look_like_seconds

__all__ = ["DENSE_MS", "keeps_time", "located", "own_rate", "regular"]

DENSE_MS = 50.0
"""Timestamps are to be at most this far apart, as HEAR has it."""

_RATES_HZ = (8000, 11025, 24000, 96000, *SAMPLE_RATES_HZ)
_NYQUISTS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
_REACTS = 0.05  # of the strongest reaction to a tone
_DRIFT_CLIP_S = 40.0, 120.0
_DRIFT_BUDGET_S = 4.0
_TWENTY_MINUTES_MS = 1_200_000.0


def regular(subject: Subject) -> str:
    """At equal distances, dense, to both ends of the clip."""
    duration_ms = subject.clip_ms
    times = subject.encoder.timestamps(noise(subject.encoder, duration_ms / 1000.0, 1))[1][0]
    if len(times) < 2:
        raise Remark(f"one embedding for {duration_ms:.0f} ms")
    hops = np.diff(times)
    if np.abs(hops - hops.mean()).max() > 1.0:
        raise Breach(f"hops from {hops.min():.2f} to {hops.max():.2f} ms; expected equal hops, to 1 ms")
    hop = float(hops.mean())
    if hop > DENSE_MS:
        raise Remark(f"one every {hop:.1f} ms; HEAR advises {DENSE_MS:.0f} or less (event scores allow 50 or 200 ms)")
    if times[0] > hop or times[-1] < duration_ms - max(hop, DENSE_MS):
        raise Remark(
            f"from {times[0]:.1f} to {times[-1]:.1f} of {duration_ms:.0f} ms; an end of the clip is not covered"
        )
    return f"one every {hop:.1f} ms, from {times[0]:.1f} to {times[-1]:.1f} of {duration_ms:.0f}"


def located(subject: Subject) -> str:
    """A burst in quiet noise must change the embedding most where its timestamp says it is."""
    worst, seen = 0.0, subject.bursts
    for at_ms, centre in zip(subject.bursts_at_ms, seen.at_ms, strict=True):
        if np.isnan(centre):
            raise Breach(f"a burst at {at_ms:.0f} ms changes no embedding")
        worst = max(worst, abs(centre - at_ms))
        if abs(centre - at_ms) > max(2.0 * (seen.hop_ms or subject.clip_ms), 100.0):
            raise Remark(f"a burst at {at_ms:.0f} ms shows around {centre:.0f} ms")
    return f"bursts show within {worst:.0f} ms of where they are"


def own_rate(subject: Subject) -> str:
    """Whether the declared rate is the one that it behaves like.

    Samples have no rate of their own: only what ties them to seconds or hertz can contradict the declared one. These
    are timestamps (a network for 16 kHz that declares 48 kHz takes every second for three: its times and the distance
    of two bursts are three times too long), rates that parts of the model state, and a resampling inside (tones above
    the half of its rate make no difference). A network whose times follow from the clip's length, and which states no
    rate, shows nothing of it; a task whose clips all look alike then does.
    """
    rate_hz, seen = subject.encoder.sample_rate, subject.bursts
    if other := _other_rate(subject, seen):
        raise Breach(
            f"declares {rate_hz} Hz, but behaves like {other} Hz: {subject.clip_ms:.0f} ms of audio have timestamps up "
            f"to {seen.times_ms[-1]:.0f} ms, and two bursts {np.diff(subject.bursts_at_ms)[0]:.0f} ms apart show "
            f"{np.diff(seen.at_ms)[0]:.0f} ms apart"
        )
    if contradicting := _stated_inside(subject):
        raise Remark(f"declares {rate_hz} Hz, but its part {contradicting}")
    highest = _highest_heard(subject)
    found = f"reacts to tones up to {highest / 1000:.1f} of {rate_hz / 2000:.1f} kHz"
    if highest < 0.4 * rate_hz / 2:
        raise Remark(f"{found}: as if it resampled; a lower rate would carry as much")
    apart = np.diff(seen.at_ms)[0]
    if np.isnan(apart):
        return found
    return f"{found}; bursts {np.diff(subject.bursts_at_ms)[0]:.0f} ms apart show {apart:.0f} ms apart"


def keeps_time(subject: Subject) -> str:
    """Timestamps do not drift: two bursts far apart in a long clip show as far apart.

    The clip is as long as the time allows, 40 to 120 s; what is found is extrapolated to twenty minutes, the longest
    clip of HEAR.
    """
    if subject.seconds_of_30 is None:
        raise NotAsked("no long clip")
    seconds = round(np.clip(30.0 * _DRIFT_BUDGET_S / max(2.0 * subject.seconds_of_30, 1e-3), *_DRIFT_CLIP_S))
    bursts_ms = 1000.0, 1000.0 * (seconds - 1)
    seen = seen_bursts(subject.unjudged, 1000.0 * seconds, [bursts_ms], power=8.0)
    if seen.hop_ms is None:
        raise NotAsked("one embedding for a clip")
    apart, shown = bursts_ms[1] - bursts_ms[0], float(np.diff(seen.at_ms)[0])
    if np.isnan(shown):
        raise Remark(f"a burst in a clip of {seconds} s changes no embedding")
    drift = shown - apart
    in_words = f"bursts {apart / 1000:.0f} s apart show {abs(drift):.0f} ms too {'far' if drift > 0 else 'near'}"
    if abs(drift) > max(1.5 * seen.hop_ms, 50.0):
        raise Breach(f"{in_words}: {abs(drift) / apart * _TWENTY_MINUTES_MS / 1000:.1f} s in twenty minutes")
    return f"{in_words}, {abs(drift) / apart * _TWENTY_MINUTES_MS / 1000:.1f} s in twenty minutes"


def _other_rate(subject: Subject, seen: SeenBursts) -> int | None:
    """The rate whose ratio to the declared one both the times and the bursts have; None: the declared one."""
    times = seen.times_ms
    if len(times) < 3 or look_like_seconds(times[None], subject.clip_ms):
        return None
    span = float(times[0] + times[-1]) / subject.clip_ms  # 1 for centred times
    bursts = float(np.diff(seen.at_ms)[0] / np.diff(subject.bursts_at_ms)[0])
    near = min(_RATES_HZ, key=lambda rate: abs(np.log(span * rate / subject.encoder.sample_rate)))
    ratio = subject.encoder.sample_rate / near
    is_other = abs(span - 1.0) > 0.05 and abs(span / ratio - 1.0) < 0.03 and abs(bursts / ratio - 1.0) < 0.06
    return near if is_other and near != subject.encoder.sample_rate else None


def _stated_inside(subject: Subject) -> str:
    """A part of the model that states another rate than the model, where none states the model's and none resamples."""
    stated = subject.encoder.stated_rates()
    if not stated or subject.encoder.sample_rate in stated.values():
        return ""
    name, rate = next(iter(stated.items()))
    return f"{name} states {rate} Hz"


def _highest_heard(subject: Subject) -> float:
    """The highest tone, in hertz, that changes the scene embedding of quiet noise."""
    encoder = subject.unjudged
    quiet = 0.02 * noise(encoder, 0.5, 1)
    rates_hz = tuple(one * encoder.sample_rate / 2 for one in _NYQUISTS)
    embedded = encoder.scene(torch.cat([quiet, quiet + tones(encoder, 0.5, rates_hz, 0.05)])).astype(np.float64)
    change = np.linalg.norm(embedded[1:] - embedded[0], axis=1)
    heard = np.flatnonzero(change >= _REACTS * change.max())
    return rates_hz[int(heard[-1])] if change.max() > 0 else rates_hz[-1]
