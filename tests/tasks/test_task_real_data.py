"""Real recordings (skipped where they are not): small cuts of each set, prepared by its documented columns."""

from __future__ import annotations

import logging
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from task_folders import write_table

from hear_audiomosaic.audio import decode
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import prepare_folder
from hear_audiomosaic.tasks.folder import FolderRecipe, read_folder, read_table

EVERY = 150
"""Of the recordings of all sets, one in so many is decoded; in the long form all are."""


def recordings(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "data").rglob("*") if path.suffix in (".ogg", ".flac", ".wav"))


def test_no_real_recording_is_refused(shared: Path) -> None:
    """Nor called silent, cancelled or cut short; that lossy codecs overshoot full scale is so."""
    some = recordings(shared)[::EVERY]
    assert len(some) > 50
    for path in some:
        decoded = decode(path)
        assert (decoded.is_silent, decoded.is_cancelled, decoded.lack) == (False, False, ""), path
        assert decoded.peak < 2


@pytest.mark.faults
def test_none_of_all_real_recordings_is_refused(shared: Path) -> None:
    odd = [path.name for path in recordings(shared) if decode(path).is_silent or decode(path).lack]
    assert odd == []


@pytest.mark.faults
def test_hears_own_archives_are_read(shared: Path, tmp_path: Path) -> None:
    """WAV of eight kinds from fifteen sources; two clips of Vocal Imitation are zeros."""
    silent, n = [], 0
    for archive in sorted((shared / "data" / "hear_small").glob("*.zip")):
        with zipfile.ZipFile(archive) as content:
            for name in content.namelist():
                if name.endswith(".wav") and not Path(name).name.startswith("._"):
                    path = Path(content.extract(name, tmp_path))
                    decoded = decode(path)
                    assert (decoded.is_cancelled, decoded.lack) == (False, ""), name
                    silent += [path.name] * decoded.is_silent
                    n += 1
    assert n == 694
    assert len(silent) == 2


def cut(shared: Path, name: str, folder: Path, every: int) -> Path:
    """A folder with every n-th row of a set; its audio is linked."""
    table = read_table(shared / "data" / name / "metadata.csv")
    folder.mkdir()
    write_table(folder / "metadata.csv", table.rows[::every])
    for entry in (shared / "data" / name).iterdir():
        if entry.name != "metadata.csv":
            (folder / entry.name).symlink_to(entry)
    return folder


def test_spoken_digits_by_speaker(shared: Path, tmp_path: Path) -> None:
    source = cut(shared, "fsdd", tmp_path / "in", 23)
    task = prepare_folder(
        source, "digits", label_column="label", fold_column="fold", group_column="speaker", tasks_dir=tmp_path
    )
    assert task.vocabulary == tuple("0123456789")
    assert len(task.splits) == 6
    assert all(len(set(task.groups(split).values())) == 1 for split in task.splits)
    assert task.rates_hz == (16000,)
    assert task.card.sample_duration_s is None


def test_slots_are_tags(shared: Path, tmp_path: Path) -> None:
    source = cut(shared, "picovoice_slu", tmp_path / "in", 3)
    task = prepare_folder(
        source, "slots", label_column="labels", separator="|", split_column="split", tasks_dir=tmp_path
    )
    assert task.card.prediction_type == "multilabel"
    assert len(task.vocabulary) == 32
    counts = Counter(len(labels) for split in task.splits for labels in task.labels(split).values())
    assert max(counts) > 1


def test_drums_have_short_events(shared: Path, tmp_path: Path) -> None:
    source = cut(shared, "mdb_drums", tmp_path / "in", 1)
    task = prepare_folder(
        source,
        "drums",
        events_file="events.csv",
        where=["level=class"],
        fold_column="fold",
        group_column="track",
        evaluation=["event_onset_50ms_fms"],
        rates_hz=[32000],
        tasks_dir=tmp_path,
    )
    assert task.vocabulary == ("CY", "HH", "KD", "OT", "SD", "TT")
    assert sum(len(events) for split in task.splits for events in task.labels(split).values()) == 2531
    assert task.card.event_postprocessing_grid == {"median_filter_ms": (0,), "min_duration": (0,)}
    assert task.card.n_clips == 17
    assert task.card.hours == pytest.approx(7.44 / 60, abs=0.002)


def test_whole_tables_without_the_audio(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = shared / "data"

    def plan(name: str, **options: Any) -> Any:
        return read_folder(data / name, FolderRecipe(label_column="label", **options))

    with caplog.at_level(logging.WARNING):
        esc50 = plan("esc50", fold_column="fold")
    assert (len(esc50.clips), len(esc50.vocabulary), len(esc50.assignment.splits)) == (2000, 50, 5)
    assert "4 groups stand in more than one split" in caplog.text, "the official folds do tear four recordings"
    with pytest.raises(TaskError, match="4 groups stand in more than one split"):
        plan("esc50", fold_column="fold", group_column="group")
    cut_anew = plan("esc50", group_column="group", folds=5)
    sizes = Counter(clip.split for clip in cut_anew.clips)
    assert max(sizes.values()) - min(sizes.values()) <= 8
    per_label = Counter((clip.split, clip.labels[0]) for clip in cut_anew.clips)
    assert set(per_label.values()) <= set(range(6, 11))
    digits = plan("fsdd", split_column="split")
    assert Counter(clip.split for clip in digits.clips) == {"train": 2400, "valid": 300, "test": 300}
    with pytest.raises(TaskError, match=r"labels 4 do not occur in train.*29, 32, 93, 99"):
        plan("sampler_notes", split_column="split")
    assert plan("emodb", fold_column="fold", group_column="speaker").assignment.split_mode == "presplit_kfold"
    assert plan("ravdess", fold_column="fold", group_column="speaker").vocabulary[0] == "angry"
    assert len(plan("speech_commands", split_column="split", group_column="speaker").clips) == 1080
