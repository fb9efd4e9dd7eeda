"""Recordings that hold the same sound: copies with another gain, offset, codec or some noise, or cut out of each other.

Two stages. Passages of two thirds of a second of one side are looked for in the other, at every 20 ms, by the
correlation of coarse band envelopes: a matrix product, which misses little. What looks alike is compared sample by
sample, by the peak of the normalised cross-correlation, which only the same recording brings near 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

__all__ = ["RATE_HZ", "Duplicate", "correlation_peak", "find_duplicates"]

RATE_HZ = 16000
_HOP = 320  # samples: 20 ms; with longer steps the envelopes of a noise do not resemble those of its copy
_EVERY = 3  # a passage takes every third frame, one every 60 ms
_FRAME = 2048  # samples: 128 ms
_BANDS_HZ = np.geomspace(100.0, 3600.0, 13)  # edges of twelve bands that any rate and codec keeps
_COMPRESSION = 0.15  # exponent of the power: loud and soft parts both count, and a gain only scales
_LONGEST, _SHORTEST = 12, 3  # frames of a passage: 790 ms; a shorter clip is one passage, down to 250 ms
_STRIDE = 16  # hops from one passage of a clip to the next: 320 ms
_LOOKS_ALIKE = 0.8  # correlation of envelopes from which samples are compared
_BEST = 2  # passages of a pair whose samples are compared
_BLOCK = 4096  # positions, and passages, in one matrix product
_QUIET = 1e-4  # root mean square, re full scale, below which there is nothing to compare

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Duplicate:
    """Two clips that share a passage.

    Attributes:
        first: index of a clip of the first collection.
        second: index of a clip of the second collection.
        correlation: of the samples around the passage, in [0, 1]; the sign does not count.
        first_s: where the passage begins in the first clip, in seconds.
        second_s: and in the second.
    """

    first: int
    second: int
    correlation: float
    first_s: float
    second_s: float


def find_duplicates(first: Sequence[Floats], second: Sequence[Floats], threshold: float) -> list[Duplicate]:
    """Pairs of clips, one of each collection, that hold the same second of sound, or one the whole of a shorter other.

    Args:
        first: mono clips (S,) at `RATE_HZ`; a sequence that reads them when asked is enough.
        second: likewise. Passages are taken from here, so the smaller collection belongs here.
        threshold: least correlation of the samples.

    Returns:
        The pairs, sorted; of each the passage that correlates most.
    """
    a, b = _Envelopes.of(first), _Envelopes.of(second)
    swapped = [hits[:, [2, 3, 0, 1, 4, 5]] for hits in _look_for(b, a)]
    hits = [*swapped, *_look_for(a, b, longest=_LONGEST - 1)]
    found: dict[tuple[int, int], Duplicate] = {}
    for first_clip, first_frame, second_clip, second_frame, n, _ in _best_of_pairs(hits).tolist():
        value, first_at, second_at = _compare(
            first[first_clip],
            second[second_clip],
            (first_frame * _HOP, second_frame * _HOP),
            (n - 1) * _EVERY * _HOP + _FRAME,
            threshold,
        )
        key = first_clip, second_clip
        if value >= threshold and (key not in found or found[key].correlation < value):
            found[key] = Duplicate(*key, value, first_at / RATE_HZ, second_at / RATE_HZ)
    return sorted(found.values())


def correlation_peak(passage: Floats, within: Floats) -> tuple[float, int]:
    """Largest magnitude of the normalised cross-correlation of a passage with the equally long pieces of a signal.

    Args:
        passage: (S,).
        within: (S + M,).

    Returns:
        ``max_m |<p, w_m>| / (|p| |w_m|)`` over the pieces ``w_m = within[m : m + S]``, each without its mean, and that
        m. A silent piece has 0.
    """
    size = len(passage)
    p, w = passage - passage.mean(), within - within.mean()
    length = fft.next_fast_len(len(w), real=True)
    products = fft.irfft(fft.rfft(w, length) * fft.rfft(p, length).conj(), length)[: len(w) - size + 1]
    sums, squares = _sums_of_pieces(w, size), _sums_of_pieces(w * w, size)
    energy = squares - sums**2 / size
    scale = np.sqrt(np.maximum(energy, 0.0) * np.dot(p, p))
    heard = scale > size * _QUIET**2
    values = np.where(heard, np.abs(products) / np.where(heard, scale, 1.0), 0.0)
    best = int(values.argmax())
    return min(1.0, float(values[best])), best


def _sums_of_pieces(values: Floats, size: int) -> npt.NDArray[np.float64]:
    """Sums over all pieces of a length, (S + M,) -> (M + 1,)."""
    first = values[:size].sum(dtype=np.float64)
    changes = np.cumsum(values[size:].astype(np.float64) - values[: len(values) - size])
    sums: npt.NDArray[np.float64] = np.concatenate([[first], first + changes])
    return sums


@dataclass(frozen=True)
class _Envelopes:
    """Band envelopes of a collection, clip after clip.

    Attributes:
        values: (T, F) compressed power.
        heard: (T,) frames that are not silent.
        starts: (n,) first frame of each clip.
        lengths: (n,) frames of each clip.
    """

    values: Floats
    heard: npt.NDArray[np.bool_]
    starts: Ints
    lengths: Ints

    @classmethod
    def of(cls, clips: Sequence[Floats]) -> _Envelopes:
        values, heard = [np.zeros((0, len(_BANDS_HZ) - 1), np.float32)], [np.zeros(0, np.bool_)]
        for i in range(len(clips)):
            one, loud = _envelopes(clips[i])
            values.append(one)
            heard.append(loud)
        lengths = np.array([len(one) for one in values[1:]], np.int64)
        return cls(np.concatenate(values), np.concatenate(heard), np.cumsum(lengths) - lengths, lengths)

    def passages(self, n: int) -> Ints:
        """(M, 2) clip and first frame of all passages of n frames that are heard; the last ends with its clip."""
        places = []
        for clip in np.flatnonzero(self.lengths >= _span(n) if n == _LONGEST else _frames_of(self.lengths) == n):
            last = int(self.lengths[clip]) - _span(n)
            for frame in sorted({*range(0, last + 1, _STRIDE), last}):
                begin = self.starts[clip] + frame
                if self.heard[begin : begin + _span(n)].mean() > 0.5:
                    places.append((int(clip), frame))
        return np.array(places, np.int64).reshape(-1, 2)


def _envelopes(samples: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Compressed power in each band, (T, F), and which frames are heard, (T,)."""
    if len(samples) < _FRAME:
        return np.zeros((0, len(_BANDS_HZ) - 1), np.float32), np.zeros(0, np.bool_)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]  # (T, 2048)
    power = np.abs(fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), 2048, axis=1)) ** 2
    edges = np.round(_BANDS_HZ * 2048 / RATE_HZ).astype(int)
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)  # (T, F)
    return (bands**_COMPRESSION).astype(np.float32), (frames**2).mean(axis=1) > _QUIET**2


def _look_for(wanted: _Envelopes, there: _Envelopes, longest: int = _LONGEST) -> Iterator[Ints]:
    """Where passages of one collection look alike in the other: rows (wanted clip, frame, clip there, frame, n, score).

    Only clips below ``_LONGEST`` frames have passages of another length.
    """
    clip_at = np.repeat(np.arange(len(there.lengths)), there.lengths)  # (T,)
    for n in range(_SHORTEST, longest + 1):
        places = wanted.passages(n)  # (M, 2)
        if not len(places) or len(clip_at) < _span(n):
            continue
        first = wanted.starts[places[:, 0]] + places[:, 1]
        passages = _normalised(wanted.values[first[:, None] + _EVERY * np.arange(n)])  # (M, n F)
        windows = np.lib.stride_tricks.sliding_window_view(there.values, _span(n), axis=0).swapaxes(1, 2)[:, ::_EVERY]
        positions = np.flatnonzero(clip_at[: len(windows)] == clip_at[_span(n) - 1 :])
        for begin in range(0, len(positions), _BLOCK):
            block = positions[begin : begin + _BLOCK]
            rows = _normalised(windows[block])  # (P, n F)
            for part in range(0, len(passages), _BLOCK):
                alike = rows @ passages[part : part + _BLOCK].T
                p, m = np.nonzero(alike > _LOOKS_ALIKE)
                if len(p):
                    clip, score = clip_at[block[p]], np.round(alike[p, m] * 1e6).astype(np.int64)
                    place = np.stack([clip, block[p] - there.starts[clip], np.full_like(clip, n), score], axis=1)
                    yield _best_of_pairs([np.concatenate([places[part + m], place], axis=1)])


def _span(n: int) -> int:
    """Hops from a passage's first frame to its last, both counted."""
    return (n - 1) * _EVERY + 1


def _frames_of(span: Ints) -> Ints:
    """How many frames of a passage fit a span."""
    return (span + _EVERY - 1) // _EVERY


def _normalised(windows: Floats) -> Floats:
    """(P, n, F) -> (P, n F) of length 1, without the mean of every frame and then of every band.

    Loudness that rises and falls is what unrelated sounds have in common; without it thirty times fewer look alike.
    """
    shape = windows - windows.mean(axis=2, keepdims=True)
    flat = (shape - shape.mean(axis=1, keepdims=True)).reshape(len(windows), -1)
    unit: Floats = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return unit


def _best_of_pairs(hits: Sequence[Ints]) -> Ints:
    """Of the rows of each pair of clips those that look most alike."""
    rows = np.concatenate([np.zeros((0, 6), np.int64), *hits])
    rows = rows[np.lexsort((-rows[:, 5], rows[:, 2], rows[:, 0]))]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (np.diff(rows[:, [0, 2]], axis=0) != 0).any(axis=1)
    place = np.arange(len(rows)) - np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))
    return rows[place < _BEST]


def _compare(a: Floats, b: Floats, at: tuple[int, int], size: int, threshold: float) -> tuple[float, int, int]:
    """The correlation around two passages that look alike, and where they begin when they are aligned to the sample.

    The inner part of the passage is enough to align them, and lies in both clips even where one ends with the passage.
    It is then made longer by the passage's length before and behind, as far as both clips go: the longer, the less two
    sounds can agree by chance, as two steady tones do.
    """
    a_at, b_at, size = at[0], at[1] + _HOP // 2, size - _HOP
    begin = max(0, a_at - _HOP // 2)
    value, shift = correlation_peak(b[b_at : b_at + size], a[begin : a_at + size + _HOP + _HOP // 2])
    a_at = begin + shift
    if value < threshold:
        return value, a_at, b_at
    before, behind = min(size, a_at, b_at), min(2 * size, len(a) - a_at, len(b) - b_at)
    longer, _ = correlation_peak(b[b_at - before : b_at + behind], a[a_at - before : a_at + behind])
    return min(value, longer), a_at, b_at
