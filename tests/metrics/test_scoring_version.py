"""The scoring version stands for numbers: fixed predictions have, digit for digit, the scores it is written with.

A refactoring changes none of them and needs no new version. Where a number changes on purpose, raise SCORING_VERSION
and write the numbers anew: ``python tests/metrics/test_scoring_version.py``.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.metrics import SCORES, Events, evaluate_clips, evaluate_events
from hear_audiomosaic.metrics.version import SCORING_VERSION
from hear_audiomosaic.probing.postprocessing import Frames, settings_of

NUMBERS = Path(__file__).with_name("scoring_version.json")
CLIP_SCORES = [score.name for score in SCORES.values() if score.kind == "clip"]
EVENT_SCORES = [score.name for score in SCORES.values() if score.kind == "event"]
SETTINGS = settings_of({"median_filter_ms": (0, 150, 250), "min_duration": (0, 125, 250)})


def draw(n: int, seed: int) -> np.ndarray:
    """(n,) numbers in 0 .. 1 with 16 bits, by a generator that no library can change."""
    numbers, state = [], seed
    for _ in range(n):
        state = (1103515245 * state + 12345) % 2**31
        numbers.append((state >> 15) / 65536)
    return np.array(numbers)


def clip_cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Targets and probabilities: one label and several, ties, a class without positives, one that is always there."""
    scores, labels = draw(60 * 14, 1).reshape(60, 14), draw(60, 2)
    single = np.eye(14)[(labels * 14).astype(int)]
    several = (draw(60 * 14, 3).reshape(60, 14) < 0.3).astype(float)
    lacking = several.copy()
    lacking[:, 3], lacking[:, 5], lacking[7] = 0, 1, 0
    return {
        "one label": (single, scores + 0.4 * single),
        "several labels": (several, scores + 0.2 * several),
        "ties": (several, np.round(scores + 0.2 * several, 1)),
        "a class never, a class always": (lacking, scores + 0.2 * lacking),
        "perfect": (several, several),
    }


def event_case() -> tuple[Events, np.ndarray, Frames]:
    """Reference events, frame probabilities around them, and the frames; of uneven files, one of a single frame."""
    lengths = (80, 33, 1, 50)
    row_file = np.repeat(np.arange(len(lengths)), lengths)
    time = np.concatenate([25.0 + 50.0 * np.arange(n) for n in lengths])
    start = 3500.0 * draw(24, 4)
    file, label = np.arange(24) % 4, np.arange(24) // 4 % 3
    events = Events(file, label, start, start + 100 + 900 * draw(24, 5))
    probabilities = 0.45 * draw(len(time) * 3, 6).reshape(-1, 3)
    for f, c, begin, end in zip(file, label, events.start_ms, events.end_ms, strict=True):
        probabilities[(row_file == f) & (time >= begin + 40) & (time < end + 60), c] += 0.4
    return events, probabilities.astype(np.float32), Frames(row_file, time)


def numbers() -> dict[str, float]:
    """Every score of every case, by name."""
    found: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for case, (targets, probabilities) in clip_cases().items():
            scores = evaluate_clips(CLIP_SCORES, targets, probabilities)
            found |= {f"{case}: {name}": value for name, value in scores.items()}
        reference, probabilities, frames = event_case()
        [by_setting] = frames.events(probabilities[None], SETTINGS)
        for setting, events in by_setting.items():
            scores = evaluate_events(EVENT_SCORES, reference, events)
            words = ", ".join(f"{name} {value:g}" for name, value in setting)
            found |= {f"{words}: {name}": value for name, value in scores.items()}
    return {name: float(value) for name, value in found.items()}


def test_scores_are_those_of_the_version() -> None:
    written = json.loads(NUMBERS.read_text())
    assert written["scoring_version"] == SCORING_VERSION, "write the numbers of this version: see the top of this file"
    expected = {name: float(value) for name, value in written["scores"].items()}
    found = numbers()
    assert set(found) == set(expected), "another set of scores: see the top of this file"
    changed = {
        name: (expected[name], value)
        for name, value in found.items()
        if value != pytest.approx(expected[name], rel=1e-10, abs=1e-12, nan_ok=True)
    }
    assert not changed, (
        f"the scoring code gives other numbers; raise SCORING_VERSION (see the top of this file): {changed}"
    )


def test_the_numbers_would_notice() -> None:
    """Cases are not saturated: ties, filters and durations each show."""
    found = numbers()
    assert found["ties: mAP"] != found["several labels: mAP"]
    of_settings = [value for name, value in found.items() if name.endswith(": event_onset_200ms_fms")]
    assert len(set(of_settings)) >= 4
    assert all(0 < value < 1 for value in of_settings)


if __name__ == "__main__":
    content = {"scoring_version": SCORING_VERSION, "scores": {name: repr(value) for name, value in numbers().items()}}
    NUMBERS.write_text(json.dumps(content, indent=1) + "\n")
