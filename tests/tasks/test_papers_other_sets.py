"""Speech Commands, AudioSet, EnvSDD and TUT scenes, from miniatures of what is published; what is missing is named."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import miniatures
import paper_sets
import pytest
import soundfile
from task_folders import everything

from hear_audiomosaic.errors import AudioError, TaskError
from hear_audiomosaic.tasks import PreparedTask, get_card
from hear_audiomosaic.tasks.from_source import prepare_from_source
from hear_audiomosaic.tasks.papers import RECIPES
from hear_audiomosaic.tasks.steps import words
from hear_audiomosaic.tasks.steps.sources import Sources

Builder = Callable[[Path], Sequence[Path]]
"""Makes a set in a folder and returns what to give by --from."""


def prepare(name: str, sources: Sequence[Path], tmp_path: Path, **options: Any) -> PreparedTask:
    return prepare_from_source(name, sources, tasks_dir=tmp_path / "tasks", rates_hz=[8000], **options)


def split_of(task: PreparedTask) -> dict[str, str]:
    """Clip without ".wav" -> split."""
    return {file.removesuffix(".wav"): split for split in task.splits for file in task.files(split)}


def spoken(version: int) -> tuple[Builder, Builder]:
    def archive(folder: Path) -> list[Path]:
        root = paper_sets.spoken(folder, version)
        return [paper_sets.without_top(root, folder / f"{root.name}.tar.gz")]

    return lambda folder: [paper_sets.spoken(folder, version)], archive


def tut(folder: Path) -> list[Path]:
    return [paper_sets.tut_scenes(folder)]


def tut_archives(folder: Path) -> list[Path]:
    return [paper_sets.tut_archives(folder)]


def audioset(folder: Path) -> list[Path]:
    return list(paper_sets.audioset(folder))


def audioset_archive(folder: Path) -> list[Path]:
    tables, clips = paper_sets.audioset(folder)
    return [*sorted(tables.glob("*.csv")), miniatures.zipped(clips, folder / "clips.zip")]


def envsdd(folder: Path) -> list[Path]:
    return list(paper_sets.envsdd(folder))


def envsdd_archives(folder: Path) -> list[Path]:
    development, test, *tables = paper_sets.envsdd(folder)
    return [*(miniatures.zipped(part, folder / f"{part.name}.zip") for part in (development, test)), *tables]


_NAMES = tuple(sorted(name for _, name in paper_sets.CLASSES))
_FAKE = ("fake", "real")
SETS: dict[str, tuple[Builder, Builder, dict[str, int], tuple[str, ...]]] = {
    "speech_commands_v1-v0.01-full": (
        *spoken(1),
        {"train": 30, "valid": 30, "test": 30},
        tuple(sorted(paper_sets.WORDS_V1)),
    ),
    "speech_commands_v2-v0.02-full": (
        *spoken(2),
        {"train": 35, "valid": 35, "test": 35},
        tuple(sorted(paper_sets.WORDS_V2)),
    ),
    "tut_scenes_2017-v1.0-full": (tut, tut_archives, {f"fold0{i}": 6 for i in range(4)}, paper_sets.SCENES),
    "audioset_20k-v1-full": (audioset, audioset_archive, {"train": 33, "valid": 3, "test": 36}, _NAMES),
    "audioset_2m-v1-full": (audioset, audioset_archive, {"train": 72, "valid": 2, "test": 36}, _NAMES),
    "envsdd_tta-v1.0-test01": (envsdd, envsdd_archives, {"train": 16, "valid": 8, "test": 8}, _FAKE),
    "envsdd_ata-v1.0-test02": (envsdd, envsdd_archives, {"train": 8, "valid": 4, "test": 4}, _FAKE),
}


@pytest.mark.parametrize("name", SETS)
def test_from_a_folder_and_from_archives(name: str, tmp_path: Path) -> None:
    from_folder, from_archives, n_clips, vocabulary = SETS[name]
    task = prepare(name, from_folder(_new(tmp_path / "folder")), tmp_path)
    assert task.directory.name == name
    assert {split: len(task.files(split)) for split in task.splits} == n_clips
    assert task.vocabulary == vocabulary
    assert task.missing_audio() == []
    shipped = get_card(name)
    assert (task.card.licence, task.card.source, task.card.title) == (shipped.licence, shipped.source, shipped.title)
    assert shipped.sample_duration_s is not None
    lengths = {soundfile.info(path).frames for path in task.directory.glob("8000/*/*.wav")}
    assert lengths == {shipped.sample_duration_s * 8000}
    again = prepare_from_source(
        name, from_archives(_new(tmp_path / "archives")), tasks_dir=tmp_path / "again", rates_hz=[8000]
    )
    one, other = everything(task.directory), everything(again.directory)
    assert one.pop("preparation.json") != other.pop("preparation.json")
    assert one == other


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_words_follow_the_lists(tmp_path: Path) -> None:
    [root] = spoken(2)[0](tmp_path)
    task = prepare("speech_commands_v2", [root], tmp_path)
    named = {
        f"{line.replace('/', '_').removesuffix('.wav')}": split
        for split, table in (("valid", "validation"), ("test", "testing"))
        for line in (root / f"{table}_list.txt").read_text().split()
    }
    recordings = [path for path in root.glob("*/*.wav") if path.parent.name != "_background_noise_"]
    everyone = {f"{path.parent.name}_{path.stem}": "train" for path in recordings}
    assert split_of(task) == everyone | named
    assert set(task.groups("valid").values()) == {paper_sets.SPEAKERS[1]}
    assert all(label == file.split("_")[0] for file, [label] in task.labels("test").items())


def test_words_without_lists_go_by_the_rule_of_the_readme(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [root] = spoken(1)[0](tmp_path)
    speakers = {"train": [], "valid": [], "test": []}  # type: dict[str, list[str]]
    for i in range(100):
        speaker = hashlib.sha1(bytes([i])).hexdigest()[:8]  # noqa: S324
        percent = paper_sets.percent(speaker)
        speakers["valid" if percent < 10 else "test" if percent < 20 else "train"].append(speaker)
    for word in paper_sets.WORDS_V1:
        for path, of_split in zip(sorted((root / word).iterdir()), speakers.values(), strict=True):
            path.rename(path.with_name(f"{of_split[0]}_nohash_0.wav"))
    for table in root.glob("*_list.txt"):
        table.unlink()
    task = prepare("speech_commands_v1", [root], tmp_path)
    assert "the hash rule of the set's README decides" in caplog.text
    assert {split: set(task.groups(split).values()) for split in task.splits} == {
        split: {of_split[0]} for split, of_split in speakers.items()
    }


def test_the_rule_of_the_readme_gives_the_published_lists(shared: Path) -> None:
    """All 9981 and 11005 names of v0.02's lists, which are in HEAR's small archive of it."""
    archive = shared / "data" / "hear_small" / "speech_commands_v0.02-small.zip"
    with zipfile.ZipFile(archive) as file:
        for split, table, n in (("valid", "validation_list.txt", 9981), ("test", "testing_list.txt", 11005)):
            [inner] = [name for name in file.namelist() if name.endswith(table)]
            names = file.read(inner).decode().split()
            assert len(names) == n
            assert {words._by_rule(name) for name in names} == {split}


def test_scenes_keep_the_official_folds_and_places_together(tmp_path: Path) -> None:
    [root] = tut(tmp_path)
    task = prepare("tut_scenes_2017", [root], tmp_path)
    for fold in range(4):
        lines = (root / "evaluation_setup" / f"fold{fold + 1}_evaluate.txt").read_text().splitlines()
        expected = {line.split("\t")[0].removeprefix("audio/"): [line.split("\t")[1]] for line in lines}
        assert task.labels(f"fold{fold:02d}") == expected
        assert set(task.groups(f"fold{fold:02d}").values()) == {f"{letter}{fold:03d}" for letter in "abc"}


@pytest.mark.parametrize(("name", "percent", "tables"), [("audioset_20k", 10, "b"), ("audioset_2m", 1, "bu")])
def test_audioset_counts_and_names_what_is_missing(
    name: str, percent: int, tables: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = audioset(tmp_path)
    task = prepare(name, given, tmp_path)
    expected, missing = {}, []
    for part in (*tables, "e"):
        [table] = given[0].glob({"b": "balanced*", "u": "unbalanced*", "e": "eval*"}[part])
        for i, line in enumerate(table.read_text().splitlines()[3:]):
            video, _, _, mids = line.split(", ")
            if i % 10 == 9:
                missing.append(f"{video}.wav")
                continue
            split = "test" if part == "e" else "valid" if paper_sets.percent(video) < percent else "train"
            labels = {dict(paper_sets.CLASSES)[mid] for mid in mids.strip('"').split(",")}
            expected[f"Y{video}"] = (split, labels)
    found = {
        file.removesuffix(".wav"): (split, set(labels))
        for split in task.splits
        for file, labels in task.labels(split).items()
    }
    assert found == expected
    told = json.loads((task.directory / "preparation.json").read_text())["missing"]
    assert told == {"n_recordings": len(missing), "recordings": sorted(missing)}
    assert f"{len(missing)} of {len(missing) + len(found)} recordings are missing" in caplog.text
    assert f"{len(missing)} were missing here" in task.card.notes
    prepare(name, given, tmp_path)  # is prepared already, and not taken for another


def test_another_missing_clip_changes_no_split(tmp_path: Path) -> None:
    tables, clips = paper_sets.audioset(tmp_path)
    whole = split_of(prepare("audioset_20k", [tables, clips], tmp_path))
    gone = next(path for path in sorted(clips.rglob("*.wav")) if path.parent.name.startswith("balanced"))
    gone.unlink()
    fewer = split_of(prepare("audioset_20k", [tables, clips], tmp_path, overwrite=True))
    assert len(fewer) == len(whole) - 1
    assert fewer.items() < whole.items()


@pytest.mark.parametrize("condition", ["test01", "test02", "test03", "test04"])
@pytest.mark.parametrize("kind", ["tta", "ata"])
def test_envsdd_tests_on_seen_and_unseen(kind: str, condition: str, tmp_path: Path) -> None:
    """Which sources and generators are in which test set, by hand."""
    development, test, split, tested = paper_sets.envsdd(tmp_path)
    recipe = RECIPES[f"envsdd_{kind}"]
    sources = Sources((development, test), (split, tested))
    found = [clip for clip in recipe.read(sources, recipe.settings(condition)) if clip.split == "test"]
    place = int(condition[-1]) - 1
    seen_source, seen_generator = place < 2, place % 2 == 0
    wanted = {"none", *paper_sets.GENERATORS[kind, seen_generator]}
    origins = paper_sets.SEEN if seen_source else paper_sets.UNSEEN
    rows = [line.split(",") for line in tested.read_text().splitlines()[1:]]
    expected = {
        f"test_{row[0].removesuffix('.wav')}": ("real" if row[3] == "real" else "fake", f"{row[2]}/{row[1]}")
        for row in rows
        if row[2] in origins and row[3] in ("real", kind) and row[4] in wanted
    }
    assert {clip.stem: (*clip.labels, clip.key) for clip in found} == expected
    assert {label for label, _ in expected.values()} == {"real", "fake"}


def _without(pattern: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        paths = sorted(root.rglob(pattern))
        assert paths, pattern
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def _rewritten(pattern: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = sorted(root.rglob(pattern))[0]
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _tested_twice(root: Path) -> None:
    """A clip of fold 3 is tested on in fold 2, too, and not trained on there."""
    _rewritten("fold2_evaluate.txt", "a001_0", "a002_0")(root)
    _rewritten("fold2_train.txt", "a002_0", "a001_0")(root)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("speech_commands_v1-v0.01-full", _without("bed"), r"no 'bed'.*speech_commands_v0\.01\.tar\.gz"),
        (
            "speech_commands_v1-v0.01-full",
            _without("zero"),
            r"lacks the word 'zero'; speech_commands_v0\.01 has the 30",
        ),
        ("speech_commands_v1-v0.01-full", _without("testing_list.txt"), "has no 'testing_list.txt'; it is in the arch"),
        (
            "speech_commands_v2-v0.02-full",
            _without(f"{paper_sets.SPEAKERS[1]}*_1.wav"),
            r"17 of 105 recordings .*missin",
        ),
        (
            "speech_commands_v2-v0.02-full",
            _rewritten("testing_list.txt", "bed/", "_background_noise_/"),
            "no recording",
        ),
        ("speech_commands_v2-v0.02-full", _rewritten("testing_list.txt", "bed/", "../bed/"), "outside|no recording"),
        ("tut_scenes_2017-v1.0-full", _without("meta.txt"), r"no 'meta\.txt'.*meta\.zip and the ten"),
        ("tut_scenes_2017-v1.0-full", _without("evaluation_setup"), "no 'evaluation_setup'.*meta.zip"),
        ("tut_scenes_2017-v1.0-full", _without("fold3_train.txt"), "Cannot read .*fold3_train.txt"),
        (
            "tut_scenes_2017-v1.0-full",
            _without("b00*.wav"),
            "8 of 24 recordings .* are missing, such as .*b000_0_10.wav",
        ),
        (
            "tut_scenes_2017-v1.0-full",
            _rewritten("fold1_train.txt", "a001_0", "a000_0"),
            "both trains and tests on .*a000",
        ),
        (
            "tut_scenes_2017-v1.0-full",
            _tested_twice,
            "'audio/a002_0_10.wav' is te",
        ),
        (
            "tut_scenes_2017-v1.0-full",
            _rewritten("fold2_evaluate.txt", "a001_0", "z001_0"),
            "no foldN_evaluate.* names",
        ),
        (
            "tut_scenes_2017-v1.0-full",
            _rewritten("meta.txt", "\tbeach\ta000", ""),
            "meta.txt, line 1: expected 2 cells",
        ),
        ("audioset_20k-v1-full", _without("eval_segments.csv"), r"no 'eval_segments\.csv'.*research\.google\.com"),
        (
            "audioset_2m-v1-full",
            _without("unbalanced_*.csv"),
            "no 'unbalanced_train_segments.csv'.*the folder of clips",
        ),
        ("audioset_20k-v1-full", _rewritten("balanced*.csv", "/m/09x0r", "/m/none"), "line 4: .* has no '/m/none'"),
        ("audioset_20k-v1-full", _rewritten("balanced*.csv", ", 0.000", ""), "line 4: expected YTID, start_seconds"),
        ("envsdd_tta-v1.0-test01", _without("test_metadata.csv"), "no 'test_metadata.csv'|There is no"),
        ("envsdd_tta-v1.0-test01", _without("TTA"), r"no 'fake_audio/TTA'.*zenodo\.org/records/15220951"),
        ("envsdd_ata-v1.0-test02", _without("Cj210lvnV0*.wav"), "no 'Cj210lvnV0XBk3Gtzcu.wav'.*15241138"),
        ("envsdd_ata-v1.0-test02", _without("Cj211*.wav"), "2 of 16 recordings .* are missing"),
        (
            "envsdd_ata-v1.0-test02",
            _rewritten("datasplit_dev.csv", 'away.",train', 'away.",test'),
            "for 'test'; expected",
        ),
        ("envsdd_ata-v1.0-test02", _rewritten("test_metadata.csv", "UrbanSound8K", "ESC"), "'ESC', which is none of"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    name: str, change: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    sources = SETS[name][0](_new(tmp_path / "in"))
    change(tmp_path / "in")
    with pytest.raises((TaskError, AudioError), match=re.compile(told, re.DOTALL)):
        prepare(name, sources, tmp_path)
    assert not (tmp_path / "tasks" / name).exists()


def test_words_of_the_other_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"has the word 'backward'; speech_commands_v0\.01 has the 30 words"):
        prepare("speech_commands_v1", [paper_sets.spoken(tmp_path, 2)], tmp_path)


def test_audioset_wants_clips_and_one_a_video(tmp_path: Path) -> None:
    tables, clips = paper_sets.audioset(tmp_path)
    with pytest.raises(TaskError, match="Give the folder of clips, too"):
        prepare("audioset_20k", sorted(tables.glob("*.csv")), tmp_path)
    clip = sorted(clips.glob("eval_segments/*_30.000_40.000.flac"))[0]
    shutil.copy(clip, clips / f"{clip.name.split('_30.000')[0]}_50.000_60.000.flac")
    with pytest.raises(TaskError, match=r"Two clips are of one video: .* and .*; remove one"):
        prepare("audioset_20k", [tables, clips], tmp_path)


@pytest.mark.slow
def test_from_the_data_set_to_a_score(tmp_path: Path) -> None:
    """EnvSDD by the public way: the equal error rate selects, lower is better."""
    import hear_audiomosaic

    hear_audiomosaic.prepare_task("envsdd_tta-v1.0-test01", sources=envsdd(tmp_path), tasks_dir=tmp_path / "tasks")
    results = hear_audiomosaic.evaluate(
        ["logmel"],
        ["envsdd_tta"],
        protocols=["logistic"],
        out=tmp_path / "results",
        tasks_dir=tmp_path / "tasks",
        store_dir=tmp_path / "store",
    )
    assert not results.failures
    [result] = results
    assert (result.status, result.task.n_clips) == ("success", 32)
    assert 0 <= result.folds[0].scores["eer"] <= 1
