"""Events from lists of labelled intervals, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics import Events


def test_lists_become_events_and_events_become_lists() -> None:
    lists = {
        "b.wav": [{"label": "y", "start": 10, "end": 20.5}, {"label": "x", "start": 0.0, "end": 3.0}],
        "a.wav": [{"label": "x", "start": 1.0, "end": 2.0}],
        "ignored.wav": [{"label": "no such label", "start": 1.0, "end": 2.0}],
    }
    files, vocabulary = ["a.wav", "b.wav", "silent.wav"], ["x", "y"]
    found = Events.from_lists(lists, files, vocabulary)
    columns = (found.file, found.label, found.start_ms, found.end_ms)
    assert [c.tolist() for c in columns] == [[0, 1, 1], [0, 1, 0], [1.0, 10.0, 0.0], [2.0, 20.5, 3.0]]
    assert len(found) == 3
    assert found.file.dtype == found.label.dtype == np.int64
    assert found.start_ms.dtype == found.end_ms.dtype == np.float64
    assert found.to_lists(files, vocabulary) == {"a.wav": lists["a.wav"], "b.wav": lists["b.wav"], "silent.wav": []}


def test_integer_labels_are_compared_as_text() -> None:
    lists = {"a.wav": [{"label": 60, "start": 1.0, "end": 2.0}]}
    assert Events.from_lists(lists, ["a.wav"], ["21", "60"]).label.tolist() == [1]


def test_no_lists_are_no_events() -> None:
    assert len(Events.from_lists({}, ["a.wav"], ["x"])) == 0
    assert Events.from_lists({}, [], ["x"]).to_lists([], ["x"]) == {}


@pytest.mark.parametrize(
    "event",
    [
        {"label": "z", "start": 0.0, "end": 1.0},
        {"start": 0.0, "end": 1.0},
        {"label": "x", "start": 0.0},
        {"label": "x", "start": "soon", "end": 1.0},
        {"label": "x", "start": None, "end": 1.0},
    ],
)
def test_events_that_cannot_be_read_are_named(event: dict[str, Any]) -> None:
    with pytest.raises(MetricError, match=r"of 'a\.wav': expected label \(one of the 2 classes"):
        Events.from_lists({"a.wav": [event]}, ["a.wav"], ["x", "y"])


def test_names_must_be_distinct() -> None:
    with pytest.raises(MetricError, match="files: expected distinct"):
        Events.from_lists({}, ["a", "a"], ["x"])
    with pytest.raises(MetricError, match="vocabulary: expected distinct"):
        Events.from_lists({}, ["a"], ["1", 1])  # type: ignore[list-item]


def one_event(file: int, label: int) -> Events:
    return Events(np.array([file]), np.array([label]), np.array([0.0]), np.array([1.0]))


def test_indices_must_have_names() -> None:
    with pytest.raises(MetricError, match=r"Events\.label: expected indices 0 \.\. 0, found 1 \.\. 1"):
        one_event(file=0, label=1).to_lists(["a"], ["x"])
    with pytest.raises(MetricError, match=r"Events\.file: expected indices 0 \.\. 0, found 1 \.\. 1"):
        one_event(file=1, label=0).to_lists(["a"], ["x"])
