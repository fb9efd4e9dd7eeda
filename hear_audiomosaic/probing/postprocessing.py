"""From frame probabilities to events: median filter, threshold, runs, shortest duration; all grid points at once.

Origin: heareval 2021.1.3. For each file: median filter over time, active frames are those above the threshold, each run
of active frames of a label is an event from its first to its last frame.

Deviation: heareval filters probabilities (``scipy.ndimage.median_filter``, size (width, 1), mode reflect) and
thresholds afterwards. A median is above the threshold exactly when enough of its window is, so here the frames are
thresholded first and counted in windows: the same events, from running sums instead of sorts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.metrics import Events

__all__ = ["Frames", "Setting", "best_setting", "settings_of"]

Setting = tuple[tuple[str, float], ...]
"""(("median_filter_ms", 250), ("min_duration", 125)), sorted by name."""

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


def settings_of(grid: Mapping[str, Sequence[float]]) -> tuple[Setting, ...]:
    """List the combinations of a post-processing grid, the last name fastest.

    Raises:
        ProtocolError: the grid has other entries than ``median_filter_ms`` and ``min_duration``, or an empty one.
    """
    expected = ["median_filter_ms", "min_duration"]
    if sorted(grid) != expected or not all(len(values) for values in grid.values()):
        raise ProtocolError(
            f"an event post-processing grid needs values for {' and '.join(expected)}; found {dict(grid)}."
        )
    combinations = itertools.product(*(grid[key] for key in expected))
    return tuple(tuple(zip(expected, values, strict=True)) for values in combinations)


def best_setting(scores: Mapping[Setting, float]) -> Setting:
    """Choose the setting of the largest score, as heareval does even where small scores are better.

    NaN counts as 0; of equal scores the larger setting wins.
    """
    return max(scores, key=lambda setting: (0.0 if np.isnan(scores[setting]) else scores[setting], setting))


class Frames:
    """The frames of a split on the time lines of its files: made once, used for every prediction of that split.

    Args:
        row_file: (n,) index of each row's file.
        timestamps_ms: (n,) time of each row; in any order.
        threshold: a frame is active where its probability is above this.
        strict: raise where heareval crashes, on files with a single frame.

    Raises:
        ProtocolError: ``strict``, and a file has a single frame. (Otherwise such a file is not filtered.)
    """

    def __init__(
        self,
        row_file: Integers,
        timestamps_ms: npt.NDArray[np.float64],
        *,
        threshold: float = 0.5,
        strict: bool = False,
    ) -> None:
        self._order = np.lexsort((timestamps_ms, row_file))  # (n,) rows by file, then time
        self._file, self._time = row_file[self._order], timestamps_ms[self._order]
        self._threshold = threshold
        starts = (
            np.flatnonzero(np.r_[True, self._file[1:] != self._file[:-1]]) if len(row_file) else np.empty(0, np.int64)
        )
        self._spans = list(itertools.pairwise([*starts.tolist(), len(row_file)]))
        if strict and any(stop - start == 1 for start, stop in self._spans):
            raise ProtocolError("a file has a single frame, which heareval cannot post-process; run without strict.")
        self._windows: dict[float, _Windows] = {}

    def events(
        self, probabilities: npt.NDArray[np.float32], settings: Sequence[Setting]
    ) -> list[dict[Setting, Events]]:
        """Find the events of several predictions under several settings.

        Args:
            probabilities: (G, n, C), rows in the order given to the constructor.
            settings: what to try.

        Returns:
            For each of the G predictions: setting -> events, sorted by file, start and label.
        """
        active = probabilities[:, self._order] > self._threshold  # (G, n, C)
        by_prediction: list[dict[Setting, Events]] = [{} for _ in active]
        for setting in settings:
            values = dict(setting)
            filtered = self._filter(active, values["median_filter_ms"])
            for events, one in zip(by_prediction, filtered, strict=True):
                events[setting] = self._runs(one, values["min_duration"])
        return by_prediction

    def _filter(self, active: Bools, median_filter_ms: float) -> Bools:
        """Median filter: (G, n, C) -> (G, n, C)."""
        if not median_filter_ms:
            return active
        windows = self._windows.get(median_filter_ms)
        if windows is None:
            windows = self._windows[median_filter_ms] = self._windows_of(median_filter_ms)
        return windows.median(active)

    def _windows_of(self, median_filter_ms: float) -> _Windows:
        rows, first, width = [], [], []
        length = 0
        for start, stop in self._spans:
            n = stop - start
            hop_ms = float(np.mean(np.diff(self._time[start:stop]))) if n > 1 else float("inf")
            size = max(1, round(median_filter_ms / hop_ms)) if hop_ms > 0 else 1  # half to even, as Python rounds
            before, after = size // 2, size - 1 - size // 2
            rows.append(np.pad(np.arange(start, stop), (before, after), mode="symmetric"))  # scipy's "reflect"
            first.append(length + np.arange(n))
            width.append(np.full(n, size))
            length += n + size - 1
        return _Windows(np.concatenate(rows), np.concatenate(first), np.concatenate(width))

    def _runs(self, active: Bools, min_duration_ms: float) -> Events:
        """Runs of active frames of one prediction, (n, C)."""
        lines = active.T  # (C, n)
        edge = np.r_[True, self._file[1:] != self._file[:-1]]  # (n,) first frame of a file
        begins, ends = lines.copy(), lines.copy()
        begins[:, 1:] &= ~lines[:, :-1] | edge[1:]
        ends[:, :-1] &= ~lines[:, 1:] | edge[1:]
        label, first = np.nonzero(begins)  # (E,) by label, then time
        last = np.nonzero(ends)[1]
        start_ms, end_ms = self._time[first], self._time[last]
        kept = np.flatnonzero(end_ms - start_ms >= min_duration_ms)
        kept = kept[np.lexsort((label[kept], start_ms[kept], self._file[first[kept]]))]
        return Events(
            file=self._file[first[kept]].astype(np.int64),
            label=label[kept].astype(np.int64),
            start_ms=start_ms[kept],
            end_ms=end_ms[kept],
        )


@dataclass(frozen=True)
class _Windows:
    """Windows of a running median over padded rows laid end to end."""

    rows: Integers
    """(M,) row at each padded position."""
    first: Integers
    """(n,) first padded position of each row's window."""
    width: Integers
    """(n,) positions in the window."""

    def median(self, active: Bools) -> Bools:
        """(G, n, C) -> (G, n, C): is the element of rank width // 2 of the window active?"""
        counts = np.zeros((active.shape[0], len(self.rows) + 1, active.shape[2]), dtype=np.int32)
        np.cumsum(active[:, self.rows], axis=1, dtype=np.int32, out=counts[:, 1:])
        within = counts[:, self.first + self.width] - counts[:, self.first]  # (G, n, C)
        return within >= (self.width - self.width // 2)[:, None]
