"""What bounds a score is told when it is made, recorded with it, and stands in the report."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hear_audiomosaic import api
from hear_audiomosaic.reporting.result_set import Results
from hear_audiomosaic.results.limits import TaskLimits
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

RATE_HZ = 16000


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def clips(folder: Path, n: int, seconds: float) -> list[dict[str, Any]]:
    """Tones, split train train valid test in turn; the last is the first once more."""
    folder.mkdir()
    rows = []
    for i in range(n):
        time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        tone = 0.3 * np.sin(2 * np.pi * (300 + 50 * (i % (n - 1))) * time)
        soundfile.write(folder / f"{i}.wav", tone, RATE_HZ)
        rows.append({"filename": f"{i}.wav", "split": ("train", "train", "valid", "test")[i % 4]})
    return rows


def events_task(folder: Path, tasks_dir: Path, **times: tuple[float, float]) -> PreparedTask:
    """Of each clip a dog from .1 to .4 s, and what is given."""
    rows = clips(folder, 8, 1.0)
    table(folder / "metadata.csv", rows)
    every = {"dog": (0.1, 0.4)} | times
    table(
        folder / "events.csv",
        [
            {"filename": row["filename"], "onset_s": onset, "offset_s": offset, "label": name.split("_")[0]}
            for row in rows
            for name, (onset, offset) in every.items()
        ],
    )
    return prepare_folder(
        folder, folder.name, events_file="events.csv", split_column="split", tasks_dir=tasks_dir, median_filter_ms=[0]
    )


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedTask]:
    root = tmp_path_factory.mktemp("tasks")
    rows = clips(root / "tags", 12, 0.3)
    for i, row in enumerate(rows):
        row["label"] = "|".join("ab"[k] for k in range(2) if i // 4 + 1 >> k & 1) + (
            "|rare" if row["split"] == "train" else ""
        )
    rows[3]["label"] += "|ghost"
    table(root / "tags" / "metadata.csv", rows)
    options: dict[str, Any] = {"label_column": "label", "separator": "|", "split_column": "split", "tasks_dir": root}
    return {
        "tags": prepare_folder(root / "tags", "tags", allow_untrained_labels=True, **options),
        "overlap": events_task(root / "overlap", root, dog_2=(0.3, 0.6), cat=(0.7, 0.70001)),
        "instants": events_task(root / "instants", root, dog=(0.11, 0.11)),
    }


@pytest.fixture(scope="module")
def results(
    tasks: dict[str, PreparedTask], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Results, list[logging.LogRecord]]:
    folder, told = tmp_path_factory.mktemp("run"), list[logging.LogRecord]()
    handler = logging.Handler(logging.WARNING)
    handler.emit = told.append  # type: ignore[method-assign]
    logger = logging.getLogger("hear_audiomosaic.bench.limits")
    logger.addHandler(handler)
    try:
        run = api.evaluate(
            ["logmel"], list(tasks.values()), ["linear"], [1, 2], out=folder / "results", store_dir=folder / "store"
        )
    finally:
        logger.removeHandler(handler)
    return run, told


def test_limits_are_recorded(results: tuple[Results, list[logging.LogRecord]]) -> None:
    found = {loaded.result.task.name: loaded.result.task.limits for loaded in results[0].loaded.results}
    assert found["tags"] == TaskLimits(untrained_labels=("ghost",), untested_labels=("rare",), trained_test_clips=1)
    overlap = found["overlap"]
    assert overlap is not None
    assert overlap.n_events == {"train": 12, "valid": 6, "test": 6}
    assert overlap.events_without_frame == {"train": 4, "valid": 2, "test": 2}
    assert overlap.perfect_frames == pytest.approx(0.5)  # of two dogs and a cat a clip, one dog: P 1, R 1/3
    assert found["instants"] is None


def test_a_task_whose_events_cover_no_frame_fails(results: tuple[Results, list[logging.LogRecord]]) -> None:
    failed = [failure for failure in results[0].failures if "instants" in failure]
    assert len(failed) == 2
    assert all("none of 4 events covers a frame of this encoder" in failure for failure in failed)


def test_limits_are_told_once(results: tuple[Results, list[logging.LogRecord]]) -> None:
    assert [record.getMessage() for record in results[1]] == [
        "logmel on tags: no training clip has the label 'ghost', of which a probe can learn nothing",
        "logmel on tags: no test clip has the label 'rare', which counts as 0 in mAP",
        "logmel on tags: 1 test clips stand in train or valid, too, equal sample by sample",
        "logmel on overlap: 1 test clips stand in train or valid, too, equal sample by sample",
        "logmel on overlap: events that cover no frame, being shorter than the hop or without any length: 4 of 12 in "
        "train, 2 of 6 in valid, 2 of 6 in test",
        "logmel on overlap: frames that are all predicted right score 0.500 (event_onset_200ms_fms): events of a class "
        "that overlap or touch become one, and short ones may be lost",
    ]


def test_limits_stand_in_the_report(results: tuple[Results, list[logging.LogRecord]], tmp_path: Path) -> None:
    report = results[0].report(tmp_path)
    for text in ((tmp_path / "report.md").read_text(), report.html.read_text(), (tmp_path / "report.tex").read_text()):
        assert "which counts as 0 in mAP." in text
        assert "all predicted right score 0.500" in text


def test_a_task_is_shown_with_them(tasks: dict[str, PreparedTask]) -> None:
    folder = tasks["tags"].directory.parent
    shown = api.show_task("tags", tasks_dir=folder)
    assert shown["name"] == "tags"
    assert shown["limits"][1] == "no test clip has the label 'rare', which counts as 0 in mAP"
    assert shown["findings"]["same recording in several splits"] == {"0.wav": "in train; '11.wav' in test"}
    overlap = api.show_task("overlap", tasks_dir=folder)["limits"]
    assert "16 of 24 events overlap or touch another one of their class in their clip" in overlap[0]
    assert "8 of 8 events end where they begin" in api.show_task("instants", tasks_dir=folder)["limits"][0]
    assert api.show_task("esc50", tasks_dir=folder)["limits"] == []


ENCODER = """
import torch
from toy_encoder import load_model, get_scene_embeddings as toy, get_timestamp_embeddings

def get_scene_embeddings(audio, model):
    return torch.round(toy(audio, model) * {levels})
"""


@pytest.mark.parametrize(("levels", "share"), [(0.0, 1.0), (1e9, 4 / 11)])
def test_one_embedding_for_most_clips_is_told(
    tasks: dict[str, PreparedTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    levels: float,
    share: float,
) -> None:
    """Of 12 clips two are the same, and count as one; tones of 400 and 800 Hz, say, have the same moments."""
    name = f"coarse_{int(share)}"
    (tmp_path / f"{name}.py").write_text(ENCODER.format(levels=levels))
    monkeypatch.syspath_prepend(tmp_path)
    run = api.evaluate([name], [tasks["tags"]], ["logistic"], out=tmp_path / "out", store_dir=tmp_path / "store")
    [result] = run
    assert result.task.limits is not None
    assert result.task.limits.same_embedding == pytest.approx(share)
    said = "100% of the clips have the very embedding of a clip that sounds different"
    run.report(tmp_path / "report")
    for text in (caplog.text, (tmp_path / "report" / "report.md").read_text()):
        assert (said in text) == (share > 0.5)
