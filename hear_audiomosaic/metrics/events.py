"""Scores of predicted sound events: which reference events were detected, and how exactly in time?

Origin: the event scores of the HEAR 2021 benchmark (Turian et al., 2022), which are four settings of sed_eval 0.2.1
(Mesaros, Heittola and Virtanen, "Metrics for polyphonic sound event detection", 2016). The numbers are the same, down
to the floating-point comparison with a collar; they are computed for all files and classes at once.

Conventions
-----------
- Events are arrays (:class:`Events`): file and class as indices, start and end in **milliseconds**. Times are compared
  in seconds, ms / 1000, as sed_eval does. Collars and segments are given in seconds.
- Events may overlap, also within a class; their length may be 0. Their order does not matter.
- All scores are overall ("micro"): counts are summed over files and classes before any ratio is taken.
- Events of files without predictions must be left out beforehand (:meth:`Events.from_lists` does that: HEAR scores the
  files that have predictions).
- Without reference events or without estimated events there is a RuntimeWarning, and NaN where a ratio has no
  denominator.

Metrics
-------
- :func:`onset_f_measure` (``event_onset_200ms_fms``, ``event_onset_50ms_fms``): events matched by their onsets.
- :func:`onset_offset_f_measure` (``event_onset_offset_50ms_20perc_fms``): by onsets and offsets.
- :func:`segment_error_rate` (``segment_1s_er``): substituted, deleted and inserted classes per segment of 1 s.
- :func:`evaluate`: any of them by name, with their parts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics._matching import concatenated_ranges, matching_size, near_pairs
from hear_audiomosaic.metrics.event_data import Events, Integers

__all__ = [
    "ErrorRates",
    "Events",
    "FMeasure",
    "evaluate",
    "onset_f_measure",
    "onset_offset_f_measure",
    "segment_error_rate",
    "validate",
]

MS_PER_SECOND = 1000.0


class FMeasure(NamedTuple):
    """Precision and recall of matched events, and their harmonic mean; each in 0 .. 1, higher is better, or NaN."""

    f_measure: float
    precision: float
    recall: float


class ErrorRates(NamedTuple):
    """Errors per reference class and segment; each at least 0, lower is better, and not bounded by 1."""

    error_rate: float
    substitution_rate: float
    deletion_rate: float
    insertion_rate: float


# ---------------------------------------------------------------------------------------------------------- validate


def validate(reference: Events, estimated: Events) -> None:
    """Check that two sets of events can be compared.

    Args:
        reference: the true events.
        estimated: the predicted events.

    Raises:
        MetricError: not :class:`Events`, negative indices, times that are negative or not finite, an end before its
            start. (sed_eval accepts some of these and returns meaningless scores.)

    Warns:
        RuntimeWarning: there are no reference events, or no estimated events.
    """
    for name, events in (("reference", reference), ("estimated", estimated)):
        if not isinstance(events, Events):
            raise MetricError(f"{name}: expected Events, found {type(events).__name__}; see Events.from_lists.")
        if (events.file < 0).any() or (events.label < 0).any():
            raise MetricError(f"{name}: expected file and label indices of at least 0, found negative ones.")
        fits = (events.start_ms >= 0) & (events.start_ms <= events.end_ms) & (events.end_ms < np.inf)  # False for NaN
        if not fits.all():
            first = int(np.flatnonzero(~fits)[0])
            raise MetricError(
                f"{name}: expected 0 <= start <= end < infinity in milliseconds, found event {first} "
                f"from {events.start_ms[first]} to {events.end_ms[first]}."
            )
        if len(events) == 0:
            warnings.warn(f"there are no {name} events", RuntimeWarning, stacklevel=3)


# ----------------------------------------------------------------------------------------------------------- metrics


def onset_f_measure(reference: Events, estimated: Events, *, t_collar_s: float = 0.2) -> FMeasure:
    """F-measure of events matched by class and onset.

    Formula: reference r and estimate e of the same file and class can match if |onset_r - onset_e| <= t_collar_s. TP is
    the size of a maximum matching, each event used at most once. P = TP / N_estimated, R = TP / N_reference,
    F = 2 P R / (P + R), and 0 when P = R = 0.

    Args:
        reference: the true events.
        estimated: the predicted events.
        t_collar_s: largest difference of the onsets, in seconds. (Default: 0.2)

    Returns:
        F-measure, precision, recall. P is NaN without estimated events, R without reference events, F if either is.

    Raises:
        MetricError: see :func:`validate`.

    Source: sed_eval 0.2.1 ``EventBasedMetrics(evaluate_offset=False, event_matching_type="optimal")``.
    """
    validate(reference, estimated)
    return _f_measure(reference, estimated, t_collar_s)


def onset_offset_f_measure(
    reference: Events, estimated: Events, *, t_collar_s: float = 0.05, fraction_of_length: float = 0.2
) -> FMeasure:
    """F-measure of events matched by class, onset and offset.

    Formula: as :func:`onset_f_measure`, and also |offset_r - offset_e| <= max(t_collar_s, fraction_of_length *
    (offset_r - onset_r)): for long events a larger difference is allowed.

    Args:
        reference: the true events.
        estimated: the predicted events.
        t_collar_s: largest difference of the onsets, and of the offsets of short events, in seconds. (Default: 0.05)
        fraction_of_length: largest difference of the offsets as a fraction of the reference event. (Default: 0.2)

    Returns:
        F-measure, precision, recall; NaN as in :func:`onset_f_measure`.

    Raises:
        MetricError: see :func:`validate`.

    Source: sed_eval 0.2.1 ``EventBasedMetrics(event_matching_type="optimal")``.
    """
    validate(reference, estimated)
    return _f_measure(reference, estimated, t_collar_s, fraction_of_length)


def segment_error_rate(reference: Events, estimated: Events, *, segment_s: float = 1.0) -> ErrorRates:
    """Errors per segment of fixed length, relative to the number of reference classes.

    Formula: an event from a to b makes its class active in the segments floor(a / segment_s) .. ceil(b / segment_s)
    - 1. With N_ref and N_est active classes in a segment, and TP active in both, S = min(N_ref, N_est) - TP,
    D = max(0, N_ref - N_est), I = max(0, N_est - N_ref); the rates are the sums over segments and files divided by
    (sum of N_ref + 2^-52), and the error rate is the sum of the three. Without predictions the error rate is 1.

    Args:
        reference: the true events.
        estimated: the predicted events.
        segment_s: length of a segment in seconds. (Default: 1.0)

    Returns:
        Error rate (S + D + I), substitution, deletion and insertion rate. Without reference events: 0 or
        very large.

    Raises:
        MetricError: see :func:`validate`.

    Source: sed_eval 0.2.1 ``SegmentBasedMetrics``.
    """
    validate(reference, estimated)
    return _error_rates(reference, estimated, segment_s)


# ---------------------------------------------------------------------------------------------------------- evaluate


def evaluate(reference: Events, estimated: Events, names: Sequence[str] | None = None) -> dict[str, float]:
    """Compute event scores by HEAR's names.

    Args:
        reference: the true events.
        estimated: the predicted events.
        names: of ``event_onset_200ms_fms``, ``event_onset_50ms_fms``, ``event_onset_offset_50ms_20perc_fms``,
            ``segment_1s_er``; None: all.

    Returns:
        For each name in order: the name -> its primary value, then ``<name>_<part>`` -> value for each of its parts
        (f_measure, precision, recall; or error_rate).

    Raises:
        MetricError: an unknown name, or see :func:`validate`.
    """
    names = tuple(METRICS) if names is None else names
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise MetricError(f"{unknown[0]!r} is not an event score; there are {', '.join(METRICS)}.")
    validate(reference, estimated)
    scores: dict[str, float] = {}
    for name in names:
        values = METRICS[name](reference, estimated)
        scores[name] = values[0]
        scores |= {f"{name}_{part}": getattr(values, part) for part in SUB_SCORES[name]}
    return scores


# ---------------------------------------------------------------------------------------------------- implementation


def _f_measure(reference: Events, estimated: Events, t_collar_s: float, fraction: float | None = None) -> FMeasure:
    """Match by onset, and by offset if ``fraction`` is given; then the ratios (NaN without a denominator)."""
    group, estimated_group = _groups(reference, estimated)
    onset, estimated_onset = reference.start_ms / MS_PER_SECOND, estimated.start_ms / MS_PER_SECOND
    pairs = near_pairs(group, onset, estimated_group, estimated_onset, t_collar_s)
    if fraction is not None:
        pairs = _near_in_offset(reference, estimated, pairs, t_collar_s, fraction)
    hits = matching_size(pairs, len(reference), len(estimated))
    precision = hits / len(estimated) if len(estimated) else float("nan")
    recall = hits / len(reference) if len(reference) else float("nan")
    both = precision + recall
    return FMeasure(2.0 * precision * recall / both if both != 0 else 0.0, precision, recall)


def _near_in_offset(
    reference: Events, estimated: Events, pairs: tuple[Integers, Integers], t_collar_s: float, fraction: float
) -> tuple[Integers, Integers]:
    """Keep the pairs whose offsets differ by no more than the collar or the fraction of the reference's length."""
    i, j = pairs
    onset, offset = reference.start_ms[i] / MS_PER_SECOND, reference.end_ms[i] / MS_PER_SECOND
    tolerance = np.maximum(t_collar_s, fraction * (offset - onset))
    near = np.abs(offset - estimated.end_ms[j] / MS_PER_SECOND) <= tolerance
    return i[near], j[near]


def _error_rates(reference: Events, estimated: Events, segment_s: float) -> ErrorRates:
    """Compare the sets of active cells (file, segment, class), and count them by segment."""
    n_labels = int(max(events.label.max(initial=0) for events in (reference, estimated))) + 1
    n_segments = 1 + int(
        max(np.ceil(events.end_ms.max(initial=0.0) / MS_PER_SECOND / segment_s) for events in (reference, estimated))
    )
    cells = _active_cells(reference, segment_s, n_segments, n_labels)
    estimated_cells = _active_cells(estimated, segment_s, n_segments, n_labels)
    common_cells = np.intersect1d(cells, estimated_cells, assume_unique=True)

    segments = np.unique(np.concatenate([cells, estimated_cells]) // n_labels)  # (N,) those with any event
    n_reference, n_estimated, hits = (
        np.bincount(np.searchsorted(segments, of // n_labels), minlength=len(segments))
        for of in (cells, estimated_cells, common_cells)
    )
    substitutions = (np.minimum(n_reference, n_estimated) - hits).sum()
    deletions = np.maximum(n_reference - n_estimated, 0).sum()
    insertions = np.maximum(n_estimated - n_reference, 0).sum()
    total = len(cells) + np.spacing(1.0)
    rates = [float(count / total) for count in (substitutions, deletions, insertions)]
    return ErrorRates(rates[0] + rates[1] + rates[2], *rates)


def _active_cells(events: Events, segment_s: float, n_segments: int, n_labels: int) -> Integers:
    """Sorted distinct numbers (file * n_segments + segment) * n_labels + label of the cells that events touch."""
    first = np.floor(events.start_ms / MS_PER_SECOND / segment_s).astype(np.int64)
    last = np.ceil(events.end_ms / MS_PER_SECOND / segment_s).astype(np.int64)  # exclusive
    counts = np.maximum(last - first, 0)
    cell = (np.repeat(events.file, counts) * n_segments + concatenated_ranges(first, counts)) * n_labels
    return np.unique(cell + np.repeat(events.label, counts))


def _groups(reference: Events, estimated: Events) -> tuple[Integers, Integers]:
    """Number the pairs (file, class) that occur, 0, 1, ..., the same in both."""
    file = np.concatenate([reference.file, estimated.file])
    label = np.concatenate([reference.label, estimated.label])
    _, group = np.unique(file * (label.max(initial=0) + 1) + label, return_inverse=True)
    return group[: len(reference)], group[len(reference) :]


METRICS: dict[str, Callable[[Events, Events], FMeasure | ErrorRates]] = {
    "event_onset_200ms_fms": lambda reference, estimated: _f_measure(reference, estimated, 0.2),
    "event_onset_50ms_fms": lambda reference, estimated: _f_measure(reference, estimated, 0.05),
    "event_onset_offset_50ms_20perc_fms": lambda reference, estimated: _f_measure(reference, estimated, 0.05, 0.2),
    "segment_1s_er": lambda reference, estimated: _error_rates(reference, estimated, 1.0),
}
SUB_SCORES: dict[str, tuple[str, ...]] = {
    "event_onset_200ms_fms": FMeasure._fields,
    "event_onset_50ms_fms": FMeasure._fields,
    "event_onset_offset_50ms_20perc_fms": FMeasure._fields,
    "segment_1s_er": ("error_rate",),
}
