"""Four tiny tasks in HEAR's layout: one of each kind that heareval treats differently."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

RATE_HZ = 16000
TASKS = ("tones-v1-tiny", "chords-v1-tiny", "beeps-v1-tiny", "pitches-v1-tiny")
# Long enough to learn something in heareval's small grid ("faster", ten epochs), short enough for a test.
GRID = {"max_epochs": [60], "check_val_every_n_epoch": [3], "patience": [8]}
CLIP_SCORES = ["top1_acc", "mAP", "d_prime", "aucroc"]

Clip = tuple[npt.NDArray[np.float64], list[Any]]


def write_tasks(folder: Path) -> Path:
    """Write the four tasks; returns ``folder``, which is then a tasks directory."""
    _write_tones(folder)
    _write_chords(folder)
    _write_beeps(folder)
    _write_pitches(folder)
    return folder


def _write_tones(folder: Path) -> None:
    """Scene, multiclass, train/valid/test: a noisy tone; every tenth label is wrong, so that no probe is perfect."""
    rng = np.random.default_rng(1)
    pitches_hz = {"low": 220.0, "mid": 247.0, "high": 277.0}
    splits: dict[str, dict[str, Clip]] = {}
    for split, n_clips in {"train": 60, "valid": 30, "test": 40}.items():
        splits[split] = {}
        for i in range(n_clips):
            label = list(pitches_hz)[i % 3]
            audio = _tone(rng, pitches_hz[label] * rng.uniform(0.97, 1.03), 0.8) + _noise(rng, 0.8, 0.05)
            written = list(pitches_hz)[rng.integers(3)] if i % 10 == 9 else label
            splits[split][f"{split}{i:03d}.wav"] = (audio, [written])
    _write(folder / TASKS[0], "scene", "multiclass", "trainvaltest", splits, list(pitches_hz), 0.8, CLIP_SCORES)


def _write_chords(folder: Path) -> None:
    """Scene, multilabel, 3 folds, clips of different lengths, some without a label."""
    rng = np.random.default_rng(2)
    pitches_hz = {"a": 220.0, "c": 262.0, "e": 330.0, "g": 392.0}
    splits: dict[str, dict[str, Clip]] = {}
    for fold in ("fold00", "fold01", "fold02"):
        splits[fold] = {}
        for i in range(24):
            labels = [label for label in pitches_hz if rng.random() < 0.4] if i else []
            duration_s = rng.uniform(0.5, 1.5)
            audio = _noise(rng, duration_s, 0.12)
            for label in labels:
                audio = audio + _tone(rng, pitches_hz[label] * rng.uniform(0.97, 1.03), duration_s) / 2
            splits[fold][f"{fold}_{i:02d}.wav"] = (audio, labels)
    scores = ["mAP", "top1_acc", "d_prime", "aucroc"]
    _write(folder / TASKS[1], "scene", "multilabel", "presplit_kfold", splits, list(pitches_hz), None, scores)


def _write_beeps(folder: Path) -> None:
    """Events, train/valid/test, scored and selected as DCASE 2016."""
    rng = np.random.default_rng(3)
    pitches_hz = {"horn": 300.0, "siren": 700.0, "whistle": 1600.0}
    splits = {
        split: {f"{split}{i:02d}.wav": _scene_of_events(rng, pitches_hz, n_events=4) for i in range(n_clips)}
        for split, n_clips in {"train": 14, "valid": 8, "test": 10}.items()
    }
    scores = ["event_onset_200ms_fms", "segment_1s_er"]
    _write(folder / TASKS[2], "event", "multilabel", "trainvaltest", splits, list(pitches_hz), 3.0, scores)


def _write_pitches(folder: Path) -> None:
    """Events, 3 folds, as MAESTRO: whole numbers as labels, selection by the loss, one post-processing setting."""
    rng = np.random.default_rng(4)
    pitches_hz = {pitch: 440.0 * 2 ** ((pitch - 69) / 12) for pitch in (60, 67, 74, 81)}
    splits = {
        fold: {f"{fold}_{i:02d}.wav": _scene_of_events(rng, pitches_hz, n_events=4) for i in range(8)}
        for fold in ("fold00", "fold01", "fold02")
    }
    extra = {
        "use_scoring_for_early_stopping": False,
        "event_postprocessing_grid": {"median_filter_ms": [150], "min_duration": [50]},
    }
    scores = ["event_onset_50ms_fms", "event_onset_offset_50ms_20perc_fms"]
    _write(folder / TASKS[3], "event", "multilabel", "new_split_kfold", splits, list(pitches_hz), 3.0, scores, **extra)


def _scene_of_events(rng: np.random.Generator, pitches_hz: dict[Any, float], n_events: int) -> Clip:
    """Three seconds of noise with tones that may overlap, and their {label, start, end} in ms."""
    audio, events = _noise(rng, 3.0, 0.02), []
    for i in range(n_events):
        label = list(pitches_hz)[rng.integers(len(pitches_hz))]
        start_s, duration_s = 0.1 + 0.6 * i + rng.uniform(0, 0.1), rng.uniform(0.35, 0.7)
        tone = _tone(rng, pitches_hz[label], duration_s) * rng.uniform(0.3, 1.0)
        first = int(start_s * RATE_HZ)
        audio[first : first + len(tone)] += tone[: len(audio) - first]
        events.append(
            {"label": label, "start": round(1000 * start_s, 1), "end": round(1000 * (start_s + duration_s), 1)}
        )
    return audio, events


def _tone(rng: np.random.Generator, hz: float, duration_s: float) -> npt.NDArray[np.float64]:
    phase = 2 * np.pi * hz * np.arange(int(duration_s * RATE_HZ)) / RATE_HZ + rng.uniform(0, 2 * np.pi)
    return 0.2 * (np.sin(phase) + 0.5 * np.sin(2 * phase))


def _noise(rng: np.random.Generator, duration_s: float, level: float) -> npt.NDArray[np.float64]:
    return level * rng.standard_normal(int(duration_s * RATE_HZ))


def _write(
    folder: Path,
    embedding_type: str,
    prediction_type: str,
    split_mode: str,
    splits: dict[str, dict[str, Clip]],
    labels: list[Any],
    sample_duration_s: float | None,
    scores: list[str],
    **extra: Any,
) -> None:
    name, version, mode = folder.name.split("-")
    parameters: dict[str, Any] = {"task_specific_param_grid": GRID}
    if "event_postprocessing_grid" in extra:
        parameters["event_postprocessing_grid"] = extra.pop("event_postprocessing_grid")
    metadata = {
        "task_name": name,
        "version": version,
        "mode": mode,
        "embedding_type": embedding_type,
        "prediction_type": prediction_type,
        "split_mode": split_mode,
        "splits": list(splits),
        "sample_duration": sample_duration_s,
        "evaluation": scores,
        "evaluation_params": parameters,
    }
    folder.mkdir(parents=True)
    (folder / "task_metadata.json").write_text(json.dumps(metadata | extra))
    with (folder / "labelvocabulary.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("idx", "label"), *enumerate(sorted(labels))])
    for split, clips in splits.items():
        (folder / f"{split}.json").write_text(json.dumps({file: labels for file, (_, labels) in clips.items()}))
        audio_folder = folder / str(RATE_HZ) / split
        audio_folder.mkdir(parents=True)
        for file, (audio, _) in clips.items():
            sf.write(audio_folder / file, np.clip(audio, -1, 1), RATE_HZ, subtype="PCM_16")
