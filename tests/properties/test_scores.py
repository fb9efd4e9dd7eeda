"""Rules that hold for EVERY registered score: perfect is best, shuffled is chance, and no order of rows, classes or
files matters.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hear_audiomosaic.metrics import SCORES, Events, evaluate_clips, evaluate_events

N, C = 600, 12  # twelve classes: chroma accuracy counts octaves, of which there is one
CLIP = [name for name, score in SCORES.items() if score.kind == "clip"]
EVENT = [name for name, score in SCORES.items() if score.kind == "event"]
BEST = {"eer": 0.0, "segment_1s_er": 0.0, "d_prime": np.inf}
BOUNDS = {"d_prime": (-np.inf, np.inf), "segment_1s_er": (0.0, np.inf)}
CHANCE = {"top1_acc": 1 / C, "pitch_acc": 1 / C, "chroma_acc": 1 / C, "mAP": 1 / C, "aucroc": 0.5, "eer": 0.5}


def clips(quality: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Targets (n, C) of equally frequent classes and probabilities that know them with some quality, 0 to 1."""
    rng = np.random.default_rng(seed)
    targets = np.eye(C)[rng.permutation(np.arange(N) % C)]
    logits = 4 * quality * targets + (1 - quality) * rng.normal(size=(N, C))
    return targets, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def events(seed: int = 0, n_files: int = 20, n_labels: int = 3) -> Events:
    """Two events a file, apart from each other by more than any tolerance."""
    rng = np.random.default_rng(seed)
    file = np.repeat(np.arange(n_files), 2)
    start = np.tile([0.0, 5000.0], n_files) + rng.uniform(0, 1000, 2 * n_files)
    return Events(file, rng.integers(n_labels, size=2 * n_files), start, start + rng.uniform(500, 2500, 2 * n_files))


def better(name: str, first: float, second: float) -> bool:
    return first > second if SCORES[name].higher_is_better else first < second


@pytest.mark.parametrize("name", CLIP)
def test_clips_perfect_is_best_and_worse_is_worse(name: str) -> None:
    values = [evaluate_clips([name], *clips(quality))[name] for quality in (1.0, 0.4, 0.2, 0.0)]
    assert values[0] == BEST.get(name, 1.0)
    assert all(better(name, a, b) for a, b in itertools.pairwise(values))
    low, high = BOUNDS.get(name, (0.0, 1.0))
    assert all(low <= value <= high for value in values)


@pytest.mark.parametrize("name", CLIP)
def test_clips_shuffled_are_chance(name: str) -> None:
    targets, probabilities = clips(0.5)
    order = np.random.default_rng(1).permutation(N)
    assert evaluate_clips([name], targets, probabilities[order])[name] == pytest.approx(CHANCE.get(name, 0.0), abs=0.1)


@pytest.mark.parametrize("name", CLIP)
@pytest.mark.parametrize("quality", [0.0, 0.3])
def test_clips_in_any_order(name: str, quality: float) -> None:
    targets, probabilities = clips(quality)
    value = evaluate_clips([name], targets, probabilities)[name]
    rows = np.random.default_rng(1).permutation(N)
    assert evaluate_clips([name], targets[rows], probabilities[rows])[name] == pytest.approx(value, abs=1e-12)
    classes = np.random.default_rng(2).permutation(C)
    assert evaluate_clips([name], targets[:, classes], probabilities[:, classes])[name] == pytest.approx(
        value, abs=1e-12
    )
    doubled = evaluate_clips([name], np.tile(targets, (2, 1)), np.tile(probabilities, (2, 1)))[name]
    assert doubled == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("name", EVENT)
def test_events_perfect_is_best_and_worse_is_worse(name: str) -> None:
    reference = events()
    late = Events(reference.file, reference.label, reference.start_ms + 3000, reference.end_ms + 3000)
    half = Events(*(getattr(reference, field)[::2] for field in ("file", "label", "start_ms", "end_ms")))
    perfect, some, wrong = (evaluate_events([name], reference, found)[name] for found in (reference, half, late))
    assert perfect == BEST.get(name, 1.0)
    assert better(name, perfect, some)
    assert better(name, some, wrong)
    assert wrong == 0.0 or name == "segment_1s_er"


@pytest.mark.parametrize("name", EVENT)
def test_no_event_predicted_is_no_precision_and_all_errors(name: str) -> None:
    reference = events()
    nothing = Events(*(getattr(reference, field)[:0] for field in ("file", "label", "start_ms", "end_ms")))
    with pytest.warns(RuntimeWarning, match="there are no estimated events"):
        value = evaluate_events([name], reference, nothing)[name]
    assert value == 1.0 if name == "segment_1s_er" else np.isnan(value)


@pytest.mark.parametrize("name", EVENT)
def test_events_in_any_order(name: str) -> None:
    reference, found = events(0), events(1)
    value = evaluate_events([name], reference, found)
    assert set(value) == {name, *(f"{name}_{part}" for part in SCORES[name].sub_scores)}
    assert value[name] == value[f"{name}_{SCORES[name].sub_scores[0]}"]
    rows = np.random.default_rng(1).permutation(len(found))
    shuffled = Events(found.file[rows], found.label[rows], found.start_ms[rows], found.end_ms[rows])
    assert evaluate_events([name], reference, shuffled) == pytest.approx(value, abs=1e-12)
    labels = np.array([2, 0, 1])
    files = np.random.default_rng(2).permutation(20)
    renamed = [Events(files[e.file], labels[e.label], e.start_ms, e.end_ms) for e in (reference, found)]
    assert evaluate_events([name], *renamed) == pytest.approx(value, abs=1e-12)
