"""HEAR's own small archives, prepared here and by hearpreprocess: the same tasks."""

from __future__ import annotations

import csv
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from published_tasks import RATES_HZ, Comparison, compare, golden_names, prepare_small

from hear_audiomosaic.audio.pcm16 import fit
from hear_audiomosaic.cli import main
from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.hear2021 import RECIPES

ROOT = Path(__file__).resolve().parents[2]
_SHARED = Path(os.environ.get("HEAR_AUDIOMOSAIC_SHARED", ROOT.parent / "shared"))
_GOLDENS = golden_names(_SHARED) if (_SHARED / "goldens" / "hearpreprocess").is_dir() else ["(no reference data)"]


def check(result: Comparison, n_own_rate: int | None = None) -> None:
    assert result.tables == []
    assert result.clips == []
    assert result.lengths == []
    assert result.other_samples == []
    assert result.other_levels == []
    assert n_own_rate in (None, result.unresampled)


@pytest.mark.parametrize("folder", _GOLDENS)
def test_same_as_hearpreprocess(shared: Path, tmp_path: Path, folder: str) -> None:
    golden = shared / "goldens" / "hearpreprocess" / folder
    with (golden / "sources.csv").open(encoding="utf-8", newline="") as file:
        own_rates = [int(row["clip_rate_hz_before_resampling"]) for row in csv.DictReader(file)]
    rates = sorted({16000, *(rate for rate in [max(own_rates)] if rate in RATES_HZ)})
    task = prepare_small(folder, shared, tmp_path, rates)
    assert task.directory.name == folder
    assert task.card.mode == "small"
    assert task.rates_hz == tuple(rates)
    check(compare(task, golden, rates), sum(own_rate in rates for own_rate in own_rates))


@pytest.mark.slow
@pytest.mark.parametrize("folder", _GOLDENS)
def test_same_as_hearpreprocess_at_all_rates(shared: Path, tmp_path: Path, folder: str) -> None:
    check(
        compare(
            prepare_small(folder, shared, tmp_path, RATES_HZ), shared / "goldens" / "hearpreprocess" / folder, RATES_HZ
        )
    )


def test_every_preparer_with_an_archive_has_a_golden(shared: Path) -> None:
    without = {
        "dcase2016_task2",
        "nsynth_pitch",
        "maestro",
    }  # no small archive is at hand; see test_hear2021_miniatures
    assert {folder for name in RECIPES.keys() - without for folder in [RECIPES[name].folders["small"]]} == set(
        golden_names(shared)
    )


def test_spoken_digit_is_the_task_that_hear_published(shared: Path, tmp_path: Path) -> None:
    """The folder in HEAR's tar.gz was cut to 1.0 s by an earlier version, ours to 0.56 s: the rest agrees."""
    with tarfile.open(
        shared / "data" / "hear_small" / "hear-2021.0.6-spoken_digit-1.0.9-small-44100.tar.gz"
    ) as archive:
        archive.extractall(tmp_path / "theirs", filter="data")
    theirs = PreparedTask.open(tmp_path / "theirs" / "hear-2021.0.6" / "tasks" / "spoken_digit-1.0.9-small")
    ours = prepare_small("spoken_digit", shared, tmp_path, [44100])
    assert ours.vocabulary == theirs.vocabulary
    files = 0
    for split in theirs.splits:
        assert (ours.directory / f"{split}.json").read_bytes() == (theirs.directory / f"{split}.json").read_bytes()
        for file in theirs.files(split):
            samples, rate_hz = soundfile.read(ours.audio_path(split, file, 44100), dtype="int16")
            whole, _ = soundfile.read(theirs.audio_path(split, file, 44100), dtype="int16")
            assert (len(samples), len(whole), rate_hz) == (24696, 44100, 44100)
            # two steps of dither; the last samples know what was cut off
            assert np.abs(fit(whole, 24000).astype(int) - samples[:24000]).max() <= 2
            files += 1
    assert files == 100
    metadata = json.loads((ours.directory / "task_metadata.json").read_text())
    published = json.loads((theirs.directory / "task_metadata.json").read_text())
    assert {key for key in metadata if metadata[key] != published.get(key)} == {"sample_duration", "download_urls"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_tasks_end_in_one_report(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in _GOLDENS:
        prepare_small(folder, shared, tmp_path / "tasks", [16000], workers=None)
    for line in (
        f"tasks verify {' '.join(_GOLDENS)} --tasks-dir {tmp_path}/tasks --store {tmp_path}/store",
        f"run --encoders audiomosaic logmel --tasks {' '.join(_GOLDENS)} --protocols logistic "
        f"--tasks-dir {tmp_path}/tasks --store {tmp_path}/store --out {tmp_path}/results --json",
        f"report {tmp_path}/results --out {tmp_path}/report",
    ):
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        _, said = capsys.readouterr()
        assert not ended.value.code, said
    names = [name for name, recipe in RECIPES.items() if recipe.folders["small"] in _GOLDENS]
    assert len(names) == 16
    with (tmp_path / "report" / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = {(row["encoder"], row["task"]) for row in rows}
    assert cells >= {(encoder, f"{name} (small)") for encoder in ("audiomosaic", "logmel") for name in names}
    assert [task for _, task in cells if "(small)" not in task] == []
    for page in ("report.md", "report.csv", "index.html"):
        text = (tmp_path / "report" / page).read_text()
        assert [name for name in names if f"{name} (small)" not in text] == [], page


def test_from_archives_to_scores_as_typed(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shared / "data" / "hear_small"
    monkeypatch.chdir(tmp_path)
    printed = ""
    for line in (
        f"tasks prepare esc50 --from {data}/esc50-all_folds-small.zip",
        f"tasks prepare libricount --from {data}/libricount-train-small.zip --rate 16000 48000",
        f"tasks prepare mridangam_tonic-v1.5 --from {data}/mridangam-train-small.zip --workers 1",
        f"tasks prepare beijing_opera-v1.0-hear2021-small --from {data}",
        "run --encoders logmel --tasks esc50 --protocols logistic --json",
    ):
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        printed, said = capsys.readouterr()
        assert not ended.value.code, said
    [row] = json.loads(printed)
    assert row["task"] == "esc50 (small)"
