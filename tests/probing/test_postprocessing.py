from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import median_filter

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing.postprocessing import Frames, best_setting, settings_of


def setting(median_filter_ms: float, min_duration: float) -> tuple:
    return (("median_filter_ms", median_filter_ms), ("min_duration", min_duration))


def test_events_of_heareval(shared: Path) -> None:
    golden = json.loads((shared / "goldens" / "heareval" / "units" / "event_postprocessing.json").read_text())
    inputs = {entry["case"]: entry for entry in golden if "labels" in entry}
    outputs = [entry for entry in golden if "events" in entry]
    assert inputs
    assert outputs
    for entry in outputs:
        given = inputs[entry["case"]]
        one = setting(entry["median_filter_ms"], entry["min_duration"])
        frames = Frames(np.zeros(len(given["timestamps"]), dtype=np.int64), np.array(given["timestamps"]))
        events = frames.events(np.array([given["probabilities"]], dtype=np.float32), [one])[0][one]
        assert events.to_lists(["f"], given["labels"])["f"] == entry["events"]


@pytest.mark.parametrize("hop_ms", [20.0, 33.0, 50.0, 500.0])
def test_any_width_is_scipys_median_of_probabilities(hop_ms: float) -> None:
    rng = np.random.default_rng(4)
    lengths = [1, 2, 5, 9, 40]
    row_file = np.repeat(np.arange(len(lengths)), lengths)
    times = np.concatenate([hop_ms * (np.arange(n) + 0.5) for n in lengths])
    probabilities = rng.random((3, len(times), 2), dtype=np.float32)
    shuffled = rng.permutation(len(times))
    settings = [setting(ms, 0) for ms in (0, 30, 50, 100, 125, 150, 250)]
    found = Frames(row_file[shuffled], times[shuffled]).events(probabilities[:, shuffled], settings)
    for one in settings:
        width = round(one[0][1] / hop_ms)  # of every file
        for head, events in zip(probabilities, found, strict=True):
            expected = []
            for file, n in enumerate(lengths):
                lines = head[row_file == file]
                if width and one[0][1] and n > 1:
                    lines = median_filter(lines, size=(width, 1))
                for label, active in enumerate((lines > 0.5).T):
                    edges = np.flatnonzero(np.diff(np.r_[0, active.astype(int), 0]))
                    spans = zip(edges[::2], edges[1::2] - 1, strict=True)
                    expected += [(file, hop_ms * (a + 0.5), label, hop_ms * (b + 0.5)) for a, b in spans]
            columns = (events[one].file, events[one].start_ms, events[one].label, events[one].end_ms)
            assert list(zip(*(column.tolist() for column in columns), strict=True)) == sorted(expected)


def test_a_single_frame_is_not_filtered_unless_strict() -> None:
    one = setting(250, 0)
    frames = Frames(np.array([0]), np.array([25.0]))
    assert len(frames.events(np.array([[[0.9]]], dtype=np.float32), [one])[0][one]) == 1
    with pytest.raises(ProtocolError, match="single frame"):
        Frames(np.array([0]), np.array([25.0]), strict=True)


def test_the_largest_score_wins_and_ties_go_to_the_larger_setting() -> None:
    first, second = settings_of({"min_duration": (125, 250), "median_filter_ms": (250,)})
    assert (first, second) == (setting(250, 125), setting(250, 250))
    assert best_setting({first: 0.5, second: 0.5}) == second
    assert best_setting({first: 0.6, second: 0.5}) == first
    assert best_setting({first: float("nan"), second: -1.0}) == first
    assert best_setting({first: 0.1, second: float("nan")}) == first
    with pytest.raises(ProtocolError):
        settings_of({"median_filter_ms": (250,)})
