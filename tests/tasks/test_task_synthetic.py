"""The synthetic suite: what the cards promise, the same from the same seed, solvable but not solved."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask, TaskCard, get_card, prepare_synthetic, synthetic_names
from hear_audiomosaic.tasks.synthetic import GENERATORS, REVISION, SyntheticClips, generate

QUICKEST = "synth_percussion"


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[TaskCard, SyntheticClips]]:
    cards = [get_card(name, "synthetic") for name in synthetic_names()]
    return {card.name: (card, generate(card)) for card in cards}


def test_every_generator_has_its_card() -> None:
    assert sorted(str(get_card(name).generator) for name in synthetic_names()) == sorted(GENERATORS)


@pytest.mark.parametrize("name", synthetic_names())
def test_clips_are_what_the_card_promises(made: dict[str, tuple[TaskCard, SyntheticClips]], name: str) -> None:
    card, clips = made[name]
    n, samples = clips.waveforms.shape
    assert card.sample_duration_s is not None
    assert (n, samples) == (card.n_clips, round(16000 * card.sample_duration_s))
    assert card.hours == pytest.approx(n * card.sample_duration_s / 3600, abs=1e-4)
    assert clips.waveforms.dtype == np.float32
    assert np.isfinite(clips.waveforms).all()
    assert np.abs(clips.waveforms).max() < 1.0
    assert np.abs(clips.waveforms).max(axis=1).min() > 0.05
    assert set(clips.splits) == set(card.splits)
    texts = [[item["label"] if isinstance(item, dict) else item for item in items] for items in clips.labels]
    vocabulary = {text for items in texts for text in items}
    assert len(vocabulary) == card.n_classes
    for split in card.splits:
        assert {t for items, own in zip(texts, clips.splits, strict=True) if own == split for t in items} == vocabulary
    counts = Counter(text for items in texts for text in items)
    if card.prediction_type == "multiclass":
        assert all(len(items) == 1 for items in texts)
        assert card.chance == pytest.approx(max(counts.values()) / n, abs=1e-4)
    elif card.embedding_type == "scene":
        assert card.chance == pytest.approx(sum(counts.values()) / len(counts) / n, abs=0.02)


def test_events_survive_hear_s_post_processing(made: dict[str, tuple[TaskCard, SyntheticClips]]) -> None:
    _, clips = made["synth_events"]
    for events in clips.labels:
        for event in events:
            assert 400.0 <= event["end"] - event["start"] <= 1100.0
            assert 0.0 <= event["start"] < event["end"] <= 4000.0
        for label in {event["label"] for event in events}:
            own = [event for event in events if event["label"] == label]
            assert all(b["start"] - a["end"] > 390.0 for a, b in pairwise(own))


def test_the_seed_decides_and_the_rate_does_not(made: dict[str, tuple[TaskCard, SyntheticClips]]) -> None:
    for name in (QUICKEST, "synth_events"):
        card, clips = made[name]
        again = generate(card, 8000)
        assert again.labels == clips.labels
        assert again.splits == clips.splits
    card, clips = made[QUICKEST]
    np.testing.assert_array_equal(generate(card).waveforms, clips.waveforms)
    other = generate(card.model_copy(update={"seed": 1}))
    assert not np.array_equal(other.waveforms, clips.waveforms)


def test_a_plain_spectrum_is_above_chance_and_not_perfect(
    made: dict[str, tuple[TaskCard, SyntheticClips]],
) -> None:
    for name in ("synth_pitch", "synth_timbre", "synth_tags", "synth_percussion"):
        card, clips = made[name]
        features = log_spectrum(clips.waveforms)
        vocabulary = sorted({label for labels in clips.labels for label in labels})
        targets = np.array([[label in labels for label in vocabulary] for labels in clips.labels])
        parts = np.array(clips.splits)
        fold = card.folds[0]
        train, test = np.isin(parts, fold.train), np.isin(parts, fold.test)
        probe = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.1, max_iter=300)))
        probe.fit(features[train], targets[train].astype(int))
        predicted = probe.predict_proba(features[test])
        if card.prediction_type == "multiclass":
            score = float(np.mean(predicted.argmax(1) == targets[test].argmax(1)))
        else:
            score = float(average_precision_score(targets[test], predicted, average="macro"))
        assert card.chance is not None
        assert card.chance + 0.2 < score < 0.9, f"{name}: {score}"


def log_spectrum(waveforms: np.ndarray) -> np.ndarray:
    """Mean and standard deviation over time of log power in 48 bands, (n, 96)."""
    frames = np.lib.stride_tricks.sliding_window_view(waveforms, 512, axis=1)[:, ::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames.astype(np.float32), axis=2)) ** 2
    edges = np.unique(np.geomspace(2, 257, 49).astype(int))
    bands = np.log(np.add.reduceat(power[:, :, : edges[-1]], edges[:-1], axis=2) + 1e-5)
    return np.concatenate([bands.mean(1), bands.std(1)], axis=1)


def test_prepared_once_and_then_again_at_another_rate(tmp_path: Path) -> None:
    first = prepare_synthetic(QUICKEST, tmp_path)
    assert first.directory == tmp_path / "synth_percussion-v1-full"
    assert first.rates_hz == (16000,)
    assert first.missing_audio() == []
    info = soundfile.info(first.audio_path("fold00", first.files("fold00")[0], 16000))
    assert (info.frames, info.channels, info.subtype) == (9600, 1, "PCM_16")
    assert {len(set(first.groups(split).values())) for split in first.splits} == {1}
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    again = prepare_synthetic(QUICKEST, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == stamps
    more = prepare_synthetic(QUICKEST, tmp_path, rate_hz=8000)
    assert more.rates_hz == (8000, 16000)
    assert first.digest == again.digest == more.digest
    assert more.missing_audio() == []
    assert not list(tmp_path.glob(".synth*"))


def test_another_seed_is_another_task(tmp_path: Path) -> None:
    sister = prepare_synthetic(QUICKEST, tmp_path, seed=7, rate_hz=8000)
    assert sister.directory.name == "synth_percussion-v1-seed7"
    assert (sister.card.seed, sister.card.generator) == (7, "percussion")
    assert PreparedTask.open(sister.directory).card == sister.card


def test_foreign_folders_and_wrong_requests_are_refused(tmp_path: Path) -> None:
    assert REVISION >= 1
    folder = tmp_path / "synth_percussion-v1-full"
    folder.mkdir()
    (folder / "task_metadata.json").write_text("{}")
    with pytest.raises(TaskError, match="made by another version of this package or by hand; remove that folder"):
        prepare_synthetic(QUICKEST, tmp_path)
    with pytest.raises(TaskError, match="Did you mean synth_pitch"):
        prepare_synthetic("synth_pich", tmp_path)
    with pytest.raises(TaskError, match="at least 8000 Hz"):
        prepare_synthetic("synth_pitch", tmp_path, rate_hz=4000)
    with pytest.raises(TaskError, match="no generator"):
        generate(get_card("esc50"))
    assert prepare_synthetic(QUICKEST, tmp_path, rate_hz=8000, overwrite=True).rates_hz == (8000,)
