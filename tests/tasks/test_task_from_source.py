"""Making a task from its data set: what a name and the files mean, resuming, repeating, refusing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import miniatures
import pytest
from task_folders import everything

from hear_audiomosaic.audio.pcm16 import write_pcm16
from hear_audiomosaic.errors import AudioError, HearAudioMosaicError, TaskError
from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.from_source import prepare_from_source, tasks_from_source
from hear_audiomosaic.tasks.hear2021 import RECIPES
from hear_audiomosaic.tasks.steps import clips as clips_module
from hear_audiomosaic.tasks.steps.choice import find_recipe


def prepare(sources: list[Path], tasks_dir: Path, name: str = "esc50", **options: Any) -> PreparedTask:
    return prepare_from_source(name, sources, tasks_dir=tasks_dir, **({"mode": "full"} | options))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A miniature of ESC-50 under the name of HEAR's small archive."""
    miniatures.esc50(tmp_path / "in")
    return miniatures.zipped(tmp_path / "in", tmp_path / "esc50-all_folds-small.zip")


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("esc50", ("esc50", None)),
        ("esc50-v2.0.0", ("esc50", None)),
        ("esc50-v2.0.0-small", ("esc50", "small")),
        ("nsynth_pitch-v2.2.3-50h", ("nsynth_pitch", "50h")),
        ("beehive_states_fold1-v2-5h", ("beehive_states_fold1", "5h")),
        ("tfds_gtzan", ("tfds_gtzan", None)),
    ],
)
def test_names(name: str, means: tuple[str, str | None]) -> None:
    recipe, mode = find_recipe(name, RECIPES)
    assert (recipe.name, mode) == means


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("esc10", "Did you mean esc50"),
        ("gtzan", "Did you mean .*tfds_gtzan"),
        ("beehive_states", "several tasks: beehive_states_fold0, beehive_states_fold1"),
        ("mridangam", "several tasks: mridangam_stroke, mridangam_tonic"),
        ("esc50-v2.0.0-5h", "Did you mean esc50-v2.0.0"),
        ("../esc50", "There are: beehive_states_fold0"),
    ],
)
def test_unknown_and_ambiguous_names(name: str, told: str) -> None:
    with pytest.raises(TaskError, match=told):
        find_recipe(name, RECIPES)


def test_all_cards_of_hear2021_can_be_made() -> None:
    from hear_audiomosaic.tasks import suites

    folders = {folder for recipe in RECIPES.values() for folder in recipe.folders.values()}
    cards = {card.directory_name: card for card in suites()["hear2021"]}
    assert set(cards) <= folders
    assert set(RECIPES) - {card.name for card in cards.values()} == {"spoken_digit"}
    assert set(tasks_from_source()) >= set(RECIPES)
    for recipe in RECIPES.values():
        for mode, folder in recipe.folders.items():
            if folder in cards:
                made = type(cards[folder]).from_metadata(recipe.settings(mode).metadata)
                for field in ("splits", "split_mode", "sample_duration_s", "evaluation", "prediction_type"):
                    assert getattr(made, field) == getattr(cards[folder], field), (folder, field)
                assert made.task_specific_param_grid == cards[folder].task_specific_param_grid


def test_the_archive_says_the_mode(archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        task = prepare([archive], tmp_path / "tasks", mode=None)
    assert task.directory.name == "esc50-v2.0.0-small"
    assert "is not the file that was published" in caplog.text  # by its name, since the digest is another
    assert task.card.sample_duration_s == 2
    with pytest.raises(TaskError, match=r"are of esc50-v2\.0\.0-small, not of the mode 'full'"):
        prepare([archive], tmp_path / "tasks", mode="full")
    with pytest.raises(TaskError, match="has the modes full, small; found '5h'"):
        prepare([archive], tmp_path / "tasks", mode="5h")
    with pytest.raises(TaskError, match="says the mode 'full', --mode says 'small'"):
        prepare([archive], tmp_path / "tasks", name="esc50-v2.0.0-full", mode="small")


def test_a_folder_does_not_say_the_mode(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"not known by name or digest.*-full or esc50-v2\.0\.0-small"):
        prepare([tmp_path / "in"], tmp_path / "tasks", mode=None)
    renamed = archive.rename(tmp_path / "mine.zip")
    with pytest.raises(TaskError, match="not known by name or digest"):
        prepare([renamed], tmp_path / "tasks", mode=None)
    assert prepare([renamed], tmp_path / "tasks", mode="small").card.mode == "small"
    assert prepare([tmp_path / "in" / "ESC-50-master"], tmp_path / "tasks", name="esc50-v2.0.0-full", mode=None)


def test_sources_that_do_not_do(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    miniatures.esc50(tmp_path / "copy")
    for sources, name, told in (
        ([tmp_path / "empty"], "esc50", r"no 'meta/esc50\.csv'.*github\.com"),
        ([tmp_path / "empty"], "libricount", "hold no clip"),
        ([tmp_path / "nowhere"], "esc50", "There is no .*nowhere"),
        ([], "esc50", "Give --from"),
        ([tmp_path / "in", tmp_path / "copy"], "esc50", "is there twice: "),
        ([archive, archive], "esc50", "given twice"),
    ):
        with pytest.raises(TaskError, match=told):
            prepare(sources, tmp_path / "tasks", name=name, mode="small" if archive in sources else "full")
    assert not [path for path in (tmp_path / "tasks").glob("*") if not path.name.startswith(".")]


def test_same_bytes_whoever_does_it(archive: Path, tmp_path: Path) -> None:
    one = prepare([archive], tmp_path / "one", mode=None, workers=1, rates_hz=[16000, 44100])
    other = prepare([archive], tmp_path / "other", mode=None, workers=7, rates_hz=[44100, 16000])
    assert everything(one.directory) == everything(other.directory)
    assert [path.name for path in (tmp_path / "one").iterdir()] in (
        [one.directory.name, ".locks"],
        [".locks", one.directory.name],
    )


def test_again_changes_nothing_and_further_rates_are_added(archive: Path, tmp_path: Path) -> None:
    task = prepare([archive], tmp_path / "tasks", mode=None)
    stamps = {path: path.stat().st_mtime_ns for path in task.directory.rglob("*")}
    prepare([archive], tmp_path / "tasks", mode=None)
    assert {path: path.stat().st_mtime_ns for path in task.directory.rglob("*")} == stamps
    assert prepare([archive], tmp_path / "tasks", mode=None, rates_hz=[16000, 8000]).rates_hz == (8000, 16000)
    fresh = prepare([archive], tmp_path / "fresh", mode=None, rates_hz=[16000, 8000])
    assert everything(fresh.directory) == everything(task.directory)


def test_other_sources_do_not_replace_a_task_unasked(archive: Path, tmp_path: Path) -> None:
    task = prepare([archive], tmp_path / "tasks", mode=None)
    before = everything(task.directory)
    (tmp_path / "in" / "ESC-50-master" / "meta" / "note.txt").write_text("another archive")
    miniatures.zipped(tmp_path / "in", archive)
    with pytest.raises(TaskError, match=r"was made from other sources.*--overwrite"):
        prepare([archive], tmp_path / "tasks", mode=None)
    assert everything(task.directory) == before
    prepare([archive], tmp_path / "tasks", mode=None, overwrite=True)
    assert everything(task.directory) != before


class _KilledError(BaseException):
    pass


def test_resumes_at_the_clip(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = everything(prepare([archive], tmp_path / "whole", mode=None).directory)
    written: list[str] = []

    def write(path: Path, *rest: Any) -> None:
        if len(written) == 6:
            path.write_bytes(b"RIFF, half of it")
            raise _KilledError
        written.append(path.name)
        write_pcm16(path, *rest)

    monkeypatch.setattr(clips_module, "write_pcm16", write)
    with pytest.raises(_KilledError):
        prepare([archive], tmp_path / "tasks", mode=None, workers=1)
    assert not (tmp_path / "tasks" / "esc50-v2.0.0-small").exists()
    first = list(written)
    written[:] = []
    task = prepare([archive], tmp_path / "tasks", mode=None, workers=1)
    assert len(first) == 6
    assert len(written) == 4
    assert not set(written) & set(first)
    assert everything(task.directory) == whole
    assert {path.name for path in (tmp_path / "tasks").iterdir()} == {"esc50-v2.0.0-small", ".locks"}


def test_half_of_another_rate_is_no_rate(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, samples: Any, rate_hz: int) -> None:
        if rate_hz == 44100 and "3-" in path.name:
            raise _KilledError
        write_pcm16(path, samples, rate_hz)

    monkeypatch.setattr(clips_module, "write_pcm16", write)
    with pytest.raises(_KilledError):
        prepare([archive], tmp_path / "tasks", mode=None, workers=1, rates_hz=[16000, 44100])
    task = prepare([archive], tmp_path / "tasks", mode=None, workers=1)
    assert task.rates_hz == (16000,)
    assert everything(task.directory) == everything(prepare([archive], tmp_path / "fresh", mode=None).directory)


def test_does_not_resume_with_clips_of_other_sources(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hear_audiomosaic.tasks.from_source.write_tables", lambda *_: (_ for _ in ()).throw(_KilledError)
    )
    with pytest.raises(_KilledError):
        prepare([archive], tmp_path / "tasks", mode=None)
    monkeypatch.undo()
    miniatures.noise(tmp_path / "in" / "ESC-50-master" / "audio" / "1-10001-A-0.wav", 22000, 44100)
    miniatures.zipped(tmp_path / "in", archive)
    task = prepare([archive], tmp_path / "tasks", mode=None)
    assert everything(task.directory) == everything(prepare([archive], tmp_path / "fresh", mode=None).directory)


def test_damaged_recordings_are_all_named(archive: Path, tmp_path: Path) -> None:
    audio = tmp_path / "in" / "ESC-50-master" / "audio"
    (audio / "1-10001-A-0.wav").write_bytes(b"not audio")
    (audio / "2-10002-A-1.wav").write_bytes(b"")
    with pytest.raises(AudioError, match="2 of 10 recordings cannot be used") as told:
        prepare([tmp_path / "in"], tmp_path / "tasks")
    assert "1-10001-A-0.wav" in str(told.value)
    assert "2-10002-A-1.wav" in str(told.value)
    assert not (tmp_path / "tasks" / "esc50-v2.0.0-full").exists()


def test_two_recordings_of_one_name(tmp_path: Path) -> None:
    for folder in ("B", "C"):
        miniatures.noise(tmp_path / "in" / folder / "1__x__ta-c-001.wav", 100, 16000)
    with pytest.raises(TaskError, match=r"would become '1__x__ta-c-001\.wav': .*B.* and .*C"):
        prepare([tmp_path / "in"], tmp_path / "tasks", name="mridangam_stroke")
    miniatures.noise(tmp_path / "odd" / "1__x__boom-c-001.wav", 100, 16000)
    with pytest.raises(TaskError, match="found 'boom'"):
        prepare([tmp_path / "odd"], tmp_path / "tasks", name="mridangam_stroke")


def test_languages_of_equal_frequency(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for language in "abcdefghijkl":
        for i in range(5 + (language == "l")):
            miniatures.noise(tmp_path / "in" / language / f"{language}{i}.wav", 100, 16000)
    task = prepare([tmp_path / "in"], tmp_path / "tasks", name="vox_lingua_top10", mode="small")
    assert task.vocabulary == tuple("abcdefghil")
    assert "file system" in caplog.text
    chosen = prepare(
        [tmp_path / "in"],
        tmp_path / "tasks",
        name="vox_lingua_top10",
        mode="small",
        labels=tuple("ckl"),
        overwrite=True,
    )
    assert chosen.vocabulary == ("c", "k", "l")
    with pytest.raises(HearAudioMosaicError, match="esc50 has all labels"):
        prepare([tmp_path / "in"], tmp_path / "tasks", labels=("a",))


@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("Hive1 12_06_2018_QueenBee____16_20_00.wav", "QUEEN", "train"),
        ("Hive1_31_05_2018_NO_QueenBee_H1_audio___15_40_00.wav", "NOQUEEN", "train"),
        ("Hive3_28_07_2017_QueenBee_H3_audio___06_10_00.wav", "QUEEN", "test"),
        ("Hive3_20_07_2017_QueenBee_H3_audio___06_10_00.wav", None, None),
        ("CF003 - Active - Day - (214).wav", None, None),
    ],
)
def test_hives(tmp_path: Path, name: str, label: str | None, split: str | None) -> None:
    from hear_audiomosaic.tasks.steps.hives import hive_clips
    from hear_audiomosaic.tasks.steps.sources import Sources

    for other in ("Hive1_31_05_2018_NO_x.wav", "Hive3_14_07_2017_NO_x.wav"):
        miniatures.noise(tmp_path / other, 10, 16000)
    miniatures.noise(tmp_path / name, 10, 16000)
    found = {
        Path(clip.audio).name: clip for clip in hive_clips(Sources((tmp_path,)), {"hive1": "train", "hive3": "test"})
    }
    assert (name in found) is (label is not None)
    if label is not None:
        assert (found[name].labels, found[name].split) == ((label,), split)
