"""Results that look like those of a run, made without one. Every score is invented."""

from __future__ import annotations

import hashlib
import math
import random
from pathlib import Path
from typing import Any

from hear_audiomosaic.results.schema import (
    EncoderFacts,
    EventPostprocessing,
    FoldScores,
    Manifest,
    ProtocolFacts,
    Result,
    TaskFacts,
    TriedGridPoint,
    write_result,
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def encoder(ref: str, label: str | None = None, untrained: bool = False, parameters: int = 0) -> EncoderFacts:
    return EncoderFacts(
        ref=ref,
        label=label or ref,
        untrained=untrained,
        fingerprint=digest(ref),
        sample_rate_hz=16000,
        embedding_size=768,
        n_parameters=parameters,
    )


def task(name: str, chance: float | None, folds: int = 1, event: bool = False, **facts: Any) -> TaskFacts:
    values = {
        "name": name,
        "directory": f"{name}-v1-full",
        "digest": digest(name),
        "title": name.replace("_", " ").capitalize(),
        "domain": "environment",
        "embedding_type": "event" if event else "scene",
        "prediction_type": "multilabel" if event else "multiclass",
        "split_mode": "new_split_kfold" if folds > 1 else "trainvaltest",
        "n_clips": 2000,
        "vocabulary": ("a", "b", "c"),
        "chance": chance,
    }
    return TaskFacts(**(values | facts))


def protocol(name: str = "hear-2021", seed: int = 42, points: int = 8, precision: str = "fp32") -> ProtocolFacts:
    return ProtocolFacts(name=name, fingerprint=digest(name), n_grid_points=points, seed=seed, precision=precision)


def manifest(**facts: Any) -> Manifest:
    values = {
        "created": "2026-01-02T03:04:05+00:00",
        "package_version": "0.1.0",
        "python": "3.12.1",
        "torch": "2.11.0",
        "numpy": "2.4.0",
        "platform": "Linux-6.1-x86_64",
        "device": "cpu",
        "embedding_seconds": 12.5,
        "probing_seconds": 33.25,
        "audio_seconds": 1000.0,
    }
    return Manifest(**(values | facts))


def success(
    of: EncoderFacts,
    on: TaskFacts,
    scores: list[float],
    by: ProtocolFacts | None = None,
    score_name: str = "top1_acc",
    higher: bool = True,
    extra: dict[str, float] | None = None,
    **facts: Any,
) -> Result:
    """A result with one score per test split; several scores are folds."""
    names = [f"fold{i:02d}" for i in range(len(scores))] if len(scores) > 1 else ["test"]
    folds = tuple(
        FoldScores(
            split=name,
            scores={score_name: score, **(extra or {})},
            loss=1.25,
            validation_score=score,
            epoch=17,
            time_in_min=0.125,
        )
        for name, score in zip(names, scores, strict=True)
    )
    event = on.embedding_type == "event"
    grid = [
        {"hidden_layers": layers, "lr": rate, "initialization": "xavier_normal_", "hidden_dim": 1024}
        for layers in (1, 2)
        for rate in (1e-3, 3.2e-4)
    ]
    points = tuple(
        TriedGridPoint(
            hparams=point,
            postprocessing=EventPostprocessing(median_filter_ms=250.0, min_duration=125.0) if event else None,
            validation_score=-math.inf if i == 3 else scores[0] + (-0.01 if higher else 0.01) * abs(i - 1),
            epoch=3 * i + 2,
        )
        for i, point in enumerate(grid)
    )
    values = {
        "status": "success",
        "encoder": of,
        "task": on,
        "protocol": by or protocol(),
        "score_name": score_name,
        "higher_is_better": higher,
        "folds": folds,
        "grid_points": points,
        "winner": 1,
        "manifest": manifest(),
    }
    return Result(**(values | facts))


def failure(of: EncoderFacts, on: TaskFacts, error: str, by: ProtocolFacts | None = None, **facts: Any) -> Result:
    values = {
        "status": "error",
        "error": error,
        "encoder": of,
        "task": on.model_copy(update={"chance": None}),
        "protocol": by or protocol(),
        "score_name": "top1_acc",
        "higher_is_better": True,
        "manifest": manifest(embedding_seconds=0.0, probing_seconds=0.0, audio_seconds=0.0),
    }
    return Result(**(values | facts))


def path_of(folder: Path, result: Result) -> Path:
    """Where :func:`save` writes a result."""
    facts = result.protocol
    return folder / digest(result.encoder.ref)[:8] / result.task.directory / f"{facts.name}-seed{facts.seed}.json"


def save(folder: Path, *results: Result) -> Path:
    """Write results into folders, as the runner does."""
    for result in results:
        write_result(path_of(folder, result), result)
    return folder


AUDIOMOSAIC = encoder("audiomosaic", "AudioMosaic base", parameters=85_798_656)
MSM_MAE = encoder("msm-mae", "MSM-MAE", parameters=85_254_144)
RANDOM = encoder("hear_audiomosaic:random:tiny", "audiomosaic tiny (untrained)", untrained=True, parameters=5_524_416)
LOGMEL = encoder("logmel", "logmel")

ESC50 = task("esc50", 0.02, folds=5, title="ESC-50 environmental sounds")
DIGITS = task("fsdd_digits", 0.1, folds=6, domain="speech", title="Spoken digits by speaker")
LIBRICOUNT = task("libricount", 0.0909, folds=5, domain="speech", title="Number of speakers")
GUNSHOT = task("gunshot_triangulation", 0.25, title="Gunshots by distance", n_clips=88)
FSD50K = task("fsd50k", 0.011, prediction_type="multilabel", title="FSD50K", n_clips=51197)
DRUMS = task("mdb_drums", None, event=True, domain="music", title="Drum onsets", n_clips=23)
OFFICE = task("dcase2016_task2", None, event=True, title="Office sounds", n_clips=72)
CHORDS = task("synthetic_chords", 0.0, domain="music", title="Chords", prediction_type="multilabel", n_clips=200)

FMS = {"event_onset_50ms_fms_precision": 0.61, "event_onset_50ms_fms_recall": 0.57}


def demo(folder: Path) -> Path:
    """A rich set: two protocols, folds, seeds, events, an error rate, an infinite score, failures and strangers."""
    results = []
    for rank, one in enumerate((AUDIOMOSAIC, MSM_MAE, LOGMEL, RANDOM)):
        draw = random.Random(one.ref)  # noqa: S311
        base = 0.86 - 0.15 * rank

        def near(centre: float, draw: random.Random = draw) -> float:
            return min(max(centre + draw.gauss(0.0, 0.02), 0.0), 1.0)

        results.append(success(one, ESC50, [near(base) for _ in range(5)]))
        results.append(success(one, DIGITS, [near(base + 0.08) for _ in range(6)]))
        results.append(success(one, FSD50K, [near(base - 0.3)], score_name="mAP"))
        results.append(success(one, LIBRICOUNT, [near(base - 0.1) for _ in range(5)]))
        results.append(success(one, CHORDS, [math.inf if rank == 0 else 2.5 - rank], score_name="d_prime"))
        event = {"score_name": "event_onset_50ms_fms", "extra": FMS}
        results.append(success(one, DRUMS, [near(base - 0.2)], **event))
        for seed in (42, 43, 44):
            by = protocol("hear-2021-faster", seed, points=3)
            results.append(success(one, ESC50, [near(base - 0.03) for _ in range(5)], by))
            if one is MSM_MAE and seed == 43:
                results.append(failure(one, DIGITS, "diverged: loss is NaN after epoch 3", by))
            else:
                results.append(success(one, DIGITS, [near(base) for _ in range(6)], by))
    for one, rate in ((AUDIOMOSAIC, 0.412), (MSM_MAE, 0.555), (LOGMEL, 0.98)):
        results.append(success(one, OFFICE, [rate], score_name="segment_1s_er", higher=False))
    results.append(
        failure(
            RANDOM,
            OFFICE,
            "audiomosaic tiny: timestamps of 'office_3.wav' end at 119.9; they look like seconds.\n"
            "Expected milliseconds inside the clip (0 to 120000).",
            score_name="segment_1s_er",
            higher_is_better=False,
        )
    )
    results.append(success(AUDIOMOSAIC, GUNSHOT, [0.875], manifest=manifest(device="NVIDIA H200")))
    save(folder, *results)
    (folder / "stranger.json").write_text('{"hello": "world"}', encoding="utf-8")
    (folder / "half.json").write_text('{"schema_version": 1, "status": "succ', encoding="utf-8")
    return folder
