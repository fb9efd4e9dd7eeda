"""The sets of EVAR's linear evaluation, from miniatures of what is published: folders, archives, what is missing."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import evar_sets
import miniatures
import numpy as np
import pytest
import soundfile
from task_folders import everything

from hear_audiomosaic.errors import AudioError, TaskError
from hear_audiomosaic.tasks import PreparedTask, TaskCard, get_card, suites
from hear_audiomosaic.tasks.from_source import prepare_from_source
from hear_audiomosaic.tasks.hear2021 import RECIPES as RECIPES_OF_HEAR
from hear_audiomosaic.tasks.papers import RECIPES
from hear_audiomosaic.tasks.papers import voxforge as voxforge_module

Builder = Callable[[Path], Sequence[Path]]
"""Makes a set in a folder and returns what to give by --from."""


def prepare(name: str, sources: Sequence[Path], tmp_path: Path, **options: Any) -> PreparedTask:
    return prepare_from_source(name, sources, tasks_dir=tmp_path / "tasks", **options)


def split_of(task: PreparedTask) -> dict[str, str]:
    """Clip without ".wav" -> split."""
    return {file.removesuffix(".wav"): split for split in task.splits for file in task.files(split)}


def label_of(task: PreparedTask) -> dict[str, str]:
    return {file.removesuffix(".wav"): label for split in task.splits for file, [label] in task.labels(split).items()}


def urban(folder: Path) -> list[Path]:
    return [evar_sets.urbansound8k(folder)]


def urban_archive(folder: Path) -> list[Path]:
    return [evar_sets.tarred(evar_sets.urbansound8k(folder), folder / "UrbanSound8K.tar.gz")]


def voxceleb(folder: Path) -> list[Path]:
    return list(evar_sets.voxceleb1(folder))


def voxceleb_archives(folder: Path) -> list[Path]:
    dev, test, table = evar_sets.voxceleb1(folder)
    return [*(miniatures.zipped(part, folder / f"{part.name}.zip") for part in (dev, test)), table]


def nsynth(folder: Path) -> list[Path]:
    return [evar_sets.nsynth_families(folder)]


def nsynth_archives(folder: Path) -> list[Path]:
    evar_sets.nsynth_families(folder)
    for split in ("train", "valid", "test"):
        evar_sets.tarred(folder / f"nsynth-{split}", folder / f"nsynth-{split}.jsonwav.tar.gz")
    return [folder]  # a folder that holds the archives stands for these


def surge(folder: Path) -> list[Path]:
    return list(evar_sets.surge(folder))


def surge_archive(folder: Path) -> list[Path]:
    presets, table = evar_sets.surge(folder)
    return [evar_sets.tarred(presets, folder / "surge-velocity64-2K.tar", "w"), table]


def voxforge(folder: Path) -> list[Path]:
    return list(evar_sets.voxforge_archives(folder))


def voxforge_archive(folder: Path) -> list[Path]:
    archives, table = evar_sets.voxforge_archives(folder)
    return [evar_sets.tarred(archives, folder / "everything.tar", "w"), table]


def voxforge_evar(folder: Path) -> list[Path]:
    return list(evar_sets.voxforge_unpacked(folder))


def voxforge_evar_archive(folder: Path) -> list[Path]:
    submissions, table = evar_sets.voxforge_unpacked(folder)
    return [evar_sets.tarred(submissions, folder / "voxforge.tgz"), table]


SETS: dict[str, tuple[Builder, Builder, dict[str, int], tuple[str, ...]]] = {
    "urbansound8k-v1.0-full": (urban, urban_archive, {f"fold{i:02d}": 4 for i in range(10)}, ("dog_bark", "siren")),
    "voxceleb1-v1.0-full": (
        voxceleb,
        voxceleb_archives,
        {"train": 12, "valid": 6, "test": 6},
        ("id10001", "id10002", "id10270"),
    ),
    "nsynth_instrument-v2.2.3-full": (
        nsynth,
        nsynth_archives,
        {"train": 12, "valid": 8, "test": 8},
        ("bass", "organ", "synth_lead"),
    ),
    "surge_pitch-v1.0-evar": (surge, surge_archive, {"train": 21, "valid": 6, "test": 3}, ("21", "60", "108")),
    "surge_pitch-v1.0-full": (surge, surge_archive, {"train": 24, "valid": 3, "test": 3}, ("21", "60", "108")),
    "voxforge-v1.0.0-full": (voxforge, voxforge_archive, {"train": 34, "valid": 6, "test": 12}, ("de", "en", "ru")),
    "voxforge-v1.0.0-evar": (
        voxforge_evar,
        voxforge_evar_archive,
        {"train": 26, "valid": 14, "test": 12},
        ("de", "en", "ru"),
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_from_a_folder_and_from_archives(name: str, tmp_path: Path) -> None:
    from_folder, from_archives, n_clips, vocabulary = SETS[name]
    sources = from_folder(_new(tmp_path / "folder"))
    task = prepare(name, sources, tmp_path, rates_hz=[8000])
    assert task.directory.name == name
    assert {split: len(task.files(split)) for split in task.splits} == n_clips
    assert task.vocabulary == vocabulary
    assert task.missing_audio() == []
    shipped = get_card(name)
    for fact in ("title", "domain", "source", "licence", "citation", "notes"):
        assert getattr(task.card, fact) == getattr(shipped, fact)
    assert task.card.n_clips == sum(n_clips.values())
    assert task.card.sample_duration_s is not None
    infos = [soundfile.info(path) for path in task.directory.glob("8000/*/*.wav")]
    assert len(infos) == sum(n_clips.values())
    whole = (round(task.card.sample_duration_s * 8000), 8000, 1, "PCM_16")
    assert {(info.frames, info.samplerate, info.channels, info.subtype) for info in infos} == {whole}
    again = prepare_from_source(
        name, from_archives(_new(tmp_path / "archives")), tasks_dir=tmp_path / "again", rates_hz=[8000]
    )
    one, other = everything(task.directory), everything(again.directory)
    assert one.pop("preparation.json") != other.pop("preparation.json")
    assert one == other
    assert {path.name for path in (tmp_path / "again").iterdir()} == {name, ".locks"}  # nothing unpacked is left


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_all_cards_can_be_made_and_say_the_same() -> None:
    cards = {card.directory_name: card for card in suites()["papers"]}
    assert set(cards) == {folder for recipe in RECIPES.values() for folder in recipe.folders.values()}
    for recipe in RECIPES.values():
        for mode, folder in recipe.folders.items():
            made = TaskCard.from_metadata(recipe.settings(mode).metadata)
            for field in ("splits", "split_mode", "sample_duration_s", "evaluation", "prediction_type"):
                assert getattr(made, field) == getattr(cards[folder], field), (folder, field)
            assert recipe.rules != RECIPES_OF_HEAR["esc50"].rules
    assert all(card.source and card.licence and card.citation and card.notes for card in cards.values())


def test_urbansound8k_keeps_the_folds_of_its_table(tmp_path: Path) -> None:
    [root] = urban(tmp_path)
    task = prepare("urbansound8k", [root], tmp_path, rates_hz=[8000, 16000, 44100])
    rows = [line.split(",") for line in (root / "metadata" / "UrbanSound8K.csv").read_text().splitlines()[1:]]
    assert split_of(task) == {row[0].removesuffix(".wav"): f"fold{int(row[5]) - 1:02d}" for row in rows}
    assert label_of(task) == {row[0].removesuffix(".wav"): row[7] for row in rows}
    assert task.groups("fold03") == {row[0]: row[1] for row in rows if row[5] == "4"}


@pytest.mark.parametrize(("fold", "rate_hz"), [(1, 44100), (6, 8000), (7, 22050), (9, 16000)])
def test_urbansound8k_takes_recordings_as_they_were_uploaded(fold: int, rate_hz: int, tmp_path: Path) -> None:
    """At a recording's own rate, beside a plain reading: 16 bits mono, cut at 4 s, padded to 4 s."""
    [root] = urban(tmp_path)
    name = f"{1000 * fold + 8}-8-0-1.wav"
    task = prepare("urbansound8k", [root], tmp_path, rates_hz=[rate_hz])
    made, _ = soundfile.read(task.audio_path(f"fold{fold - 1:02d}", name, rate_hz), dtype="int16")
    read, found_hz = soundfile.read(root / "audio" / f"fold{fold}" / name, dtype="int16", always_2d=True)
    assert found_hz == rate_hz
    channels = read.astype(int).T
    mono = (channels[0] + channels[1] + 1) // 2 if len(channels) == 2 else channels[0]
    expected = np.zeros(4 * rate_hz, dtype=int)
    expected[: len(mono)] = mono[: 4 * rate_hz]
    assert np.array_equal(made, expected)
    assert np.count_nonzero(expected) > 0


def test_voxceleb1_follows_the_official_list(tmp_path: Path) -> None:
    dev, test, table = voxceleb(tmp_path)
    task = prepare("voxceleb1", [dev, test, table], tmp_path, rates_hz=[8000])
    names = {"1": "train", "2": "valid", "3": "test"}
    lines = [line.split() for line in table.read_text().splitlines()]
    assert split_of(task) == {inner.removesuffix(".wav").replace("/", "_"): names[n] for n, inner in lines}
    assert all(label == clip[:7] for clip, label in label_of(task).items())
    videos = {split: set(task.groups(split).values()) for split in task.splits}
    assert videos["test"] == {f"{speaker}/J9lHsKG98U8" for speaker in task.vocabulary}
    assert not videos["train"] & videos["valid"]
    assert not videos["train"] & videos["test"]
    beside = prepare_from_source("voxceleb1", [tmp_path], tasks_dir=tmp_path / "beside", rates_hz=[8000])
    assert split_of(beside) == split_of(task)


def test_nsynth_has_a_family_that_is_in_train_only(tmp_path: Path) -> None:
    task = prepare("nsynth_instrument", nsynth(tmp_path), tmp_path, rates_hz=[8000])
    families = {split: {label for [label] in task.labels(split).values()} for split in task.splits}
    assert families["train"] - families["valid"] == families["train"] - families["test"] == {"synth_lead"}
    assert label_of(task)["bass_synthetic_030-009-050"] == "bass"
    assert task.groups("test")["bass_synthetic_030-009-050.wav"] == "bass_synthetic_030"


def test_surge_keeps_presets_together(tmp_path: Path) -> None:
    presets, table = surge(tmp_path)
    evar = prepare("surge_pitch-v1.0-evar", [presets, table], tmp_path, rates_hz=[8000])
    rows = dict(line.split(",") for line in table.read_text().splitlines()[1:])
    assert split_of(evar) == {
        f"{preset}_{note:03d}": rows[preset] for preset in evar_sets.SURGE_PRESETS for note in (21, 60, 108)
    }
    assert json.loads((evar.directory / "test.json").read_text())[f"{evar_sets.SURGE_PRESETS[4]}_021.wav"] == [21]
    full = prepare("surge_pitch-v1.0-full", [presets], tmp_path, rates_hz=[8000])
    drawn = sorted(evar_sets.SURGE_PRESETS)
    random.Random("split_train_test_val").shuffle(drawn)  # noqa: S311
    assert {clip[:-4] for clip, split in split_of(full).items() if split == "valid"} == {drawn[0]}
    assert {clip[:-4] for clip, split in split_of(full).items() if split == "test"} == {drawn[1]}
    assert set(full.groups("valid").values()) == {drawn[0]}
    with pytest.raises(TaskError, match=r"surge_pitch-v1\.0-evar or surge_pitch-v1\.0-full: give the whole name"):
        prepare("surge_pitch", [presets, table], tmp_path)


def tfds_splits(speakers: Sequence[str]) -> dict[str, str]:
    """A plain copy of the rule of TensorFlow Datasets' voxforge.py."""
    groups = sorted(set(speakers))
    np.random.RandomState(0).shuffle(groups)
    total, split_of_speaker = 0.0, {}
    for name, share in (("train", 0.7), ("valid", 0.1), ("test", 0.2)):
        before = total
        total += share
        for i in range(int(before * len(groups)), len(groups) if name == "test" else int(total * len(groups))):
            split_of_speaker[groups[i]] = name
    return split_of_speaker


def test_speakers_are_split_as_tensorflow_datasets_does() -> None:
    """For any number of speakers, also where sums of floats fall just below a whole number."""
    for n in range(3, 300):
        speakers = [f"speaker{i}" for i in range(n)]
        assert voxforge_module._tfds_splits(reversed(speakers)) == tfds_splits(speakers)


def test_voxforge_is_split_by_speaker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    archives, table = voxforge(tmp_path)
    task = prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000])
    expected = tfds_splits([one.split("-")[0] for ones in evar_sets.VOXFORGE.values() for one in ones])
    assert len(expected) == 25
    assert split_of(task) == {
        f"{language}_{one}_{language}000{i}": expected[one.split("-")[0]]
        for language, ones in evar_sets.VOXFORGE.items()
        for one in ones
        for i in (1, 2)
    }
    assert all(label == clip[:2] for clip, label in label_of(task).items())
    speakers = [set(task.groups(split).values()) for split in task.splits]
    assert [len(of_split) for of_split in speakers] == [17, 3, 5]
    assert not speakers[0] & speakers[1] | speakers[0] & speakers[2] | speakers[1] & speakers[2]
    assert "voxforge_urls.txt" not in caplog.text
    without_list = prepare_from_source("voxforge-v1.0.0-full", [archives], tasks_dir=tmp_path / "t", rates_hz=[8000])
    assert "voxforge_urls.txt is not there: the splits are drawn over the speakers of the 26 archives" in caplog.text
    assert split_of(without_list) == split_of(task)


def test_voxforge_counts_the_archives_that_are_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    archives, table = voxforge(tmp_path)
    whole = split_of(prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000]))
    gone = ["enspeaker3-20110101-bbb", "ruspeaker5-20120101-ccc"]
    for name in gone:
        next(archives.rglob(f"{name}.tgz")).unlink()
    evar_sets.tarred(tmp_path / "made" / gone[0], next(archives.rglob("*.tgz")).with_name("new-2024-ddd.tgz"))
    part = prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000], overwrite=True)
    assert f"2 of 50 recordings are missing, such as {archives / gone[0]}.tgz; their clips are left out" in caplog.text
    assert part.card.notes.endswith("Of the files that the data set names, 2 were missing here.")
    left = {clip: split for clip, split in whole.items() if not any(name in clip for name in gone)}
    assert split_of(part) == left  # as the whole list is split; what is not in the list is not used


def test_voxforge_by_the_table_of_evar(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    submissions, table = voxforge_evar(tmp_path)
    shutil.rmtree(submissions / "enspeaker3-20110101-bbb")
    task = prepare("voxforge-v1.0.0-evar", [submissions, table], tmp_path, rates_hz=[8000])
    assert "2 of 52 recordings are missing, such as" in caplog.text
    assert task.card.notes.endswith("Of the files that the data set names, 2 were missing here.")
    assert (task.card.n_clips, task.card.title) == (50, "VoxForge, 6 languages (splits of EVAR)")
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    assert split_of(task) == {
        f"{language}_{path.split('/')[0]}_{Path(path).stem}": split
        for path, language, split in rows
        if "enspeaker3" not in path
    }
    packed, _ = evar_sets.voxforge_archives(_new(tmp_path / "packed"))
    of_archives = prepare_from_source(
        "voxforge-v1.0.0-evar", [packed, table], tasks_dir=tmp_path / "t", rates_hz=[8000]
    )
    assert split_of(task).items() <= split_of(of_archives).items()


def _without(path: str) -> Callable[[list[Path]], None]:
    """Remove what is called so from the sources."""

    def remove(sources: list[Path]) -> None:
        sources[:] = [source for source in sources if source.name != path]
        for source in sources:
            for found in [*source.rglob(path)] if source.is_dir() else ():
                shutil.rmtree(found) if found.is_dir() else found.unlink()

    return remove


def _rewritten(name: str, old: str, new: str) -> Callable[[list[Path]], None]:
    def rewrite(sources: list[Path]) -> None:
        paths = [source for source in sources if source.name == name]
        path = sorted(paths or [path for source in sources if source.is_dir() for path in source.rglob(name)])[-1]
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return rewrite


def _other(name: str, content: bytes) -> Callable[[list[Path]], None]:
    def write(sources: list[Path]) -> None:
        next(sources[0].rglob(name)).write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (
            "urbansound8k-v1.0-full",
            _without("UrbanSound8K.csv"),
            r"no 'metadata/UrbanSound8K\.csv'.*UrbanSound8K\.tar\.gz",
        ),
        ("urbansound8k-v1.0-full", _without("fold7"), r"4 of 40 recordings .* are missing, such as .*fold7/7003-3-0-0"),
        (
            "urbansound8k-v1.0-full",
            _rewritten("UrbanSound8K.csv", ",1,8,siren", ",11,8,siren"),
            "the fold '11'.* 1 to 10",
        ),
        (
            "urbansound8k-v1.0-full",
            _rewritten("UrbanSound8K.csv", "classID,class", "classID,kind"),
            "no column 'class'",
        ),
        (
            "urbansound8k-v1.0-full",
            _other("2003-3-0-0.wav", b"RIFF"),
            r"1 of 40 recordings cannot be used:\n.*2003-3-0-0",
        ),
        (
            "voxceleb1-v1.0-full",
            _without("iden_split.txt"),
            r"no 'iden_split\.txt'.*fetch www\.robots.*/iden_split\.txt",
        ),
        ("voxceleb1-v1.0-full", _without("vox1_test_wav"), "no folder 'id10270'.*vox1_dev_wav.* and vox1_test_wav"),
        ("voxceleb1-v1.0-full", _without("J9lHsKG98U8"), r"6 of 24 recordings .* missing, .*id10001/J9lHsKG98U8/00001"),
        (
            "voxceleb1-v1.0-full",
            _rewritten("iden_split.txt", "1 id1", "4 id1"),
            "line 1: expected 1, 2 or 3 and SPEAKER",
        ),
        ("voxceleb1-v1.0-full", _rewritten("iden_split.txt", "1zcIwhmdeo4/", "../"), "outside of it"),
        (
            "nsynth_instrument-v2.2.3-full",
            _without("nsynth-valid"),
            r"no 'nsynth-valid/examples\.json'.*jsonwav archives",
        ),
        (
            "nsynth_instrument-v2.2.3-full",
            _rewritten("examples.json", "_family_str", "_family_name"),
            "no name as instrument_family_str",
        ),
        ("nsynth_instrument-v2.2.3-full", _without("bass_synthetic_021-009-050.wav"), "1 of 28 recordings.*missing"),
        (
            "surge_pitch-v1.0-evar",
            _without("dataset_surge_tone_splits.csv"),
            "no 'dataset_surge_.*eval-audio-repr.*give it",
        ),
        (
            "surge_pitch-v1.0-evar",
            _rewritten("dataset_surge_tone_splits.csv", "Pads-C", "Pads-c"),
            "not say .*Pads-C-vel",
        ),
        ("surge_pitch-v1.0-evar", _rewritten("dataset_surge_tone_splits.csv", ",valid", ",val"), "the split 'val'"),
        ("surge_pitch-v1.0-full", _without("surge"), "no 'PRESET-velocity64/NOTE"),
        ("surge_pitch-v1.0-full", _without("*.ogg"), r"no 'PRESET-velocity64/NOTE\.ogg'.*surge-velocity64-2K\.tar"),
        ("voxforge-v1.0.0-full", _without("*.tgz"), r"no SPEAKER-DATE-xyz\.tgz.*wget -x -i voxforge_urls\.txt"),
        ("voxforge-v1.0.0-full", _other("ruspeaker1-20120101-ccc.tgz", b"\x1f\x8bno"), "ruspeaker1-.*tgz is damaged"),
        ("voxforge-v1.0.0-evar", _without("voxforge.csv"), r"no 'voxforge\.csv'.*eval-audio-repr, evar/metadata"),
        ("voxforge-v1.0.0-evar", _without("*.wav"), "52 of 52 recordings .* are missing"),
    ],
    ids=lambda value: value if isinstance(value, str) and "-v" in value else "",
)
def test_what_is_missing_or_wrong_is_named(
    name: str, change: Callable[[list[Path]], None], told: str, tmp_path: Path
) -> None:
    sources = list(SETS[name][0](_new(tmp_path / "in")))
    change(sources)
    with pytest.raises((TaskError, AudioError), match=re.compile(told, re.DOTALL)):
        prepare(name, sources, tmp_path, rates_hz=[8000])
    assert not (tmp_path / "tasks" / name).exists()


def test_voxforge_takes_what_lies_unpacked_and_wants_a_language(tmp_path: Path) -> None:
    """Of an archive beside its own unpacked folder, the folder; VoxForge's own names of English and Russian, too."""
    archives, table = voxforge(tmp_path)
    whole = split_of(prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000]))
    downloads = archives / "downloads"
    for language, name in (("en", "SpeechCorpus"), ("ru", "Russian")):
        (downloads / language).rename(downloads / name)
    shutil.copytree(
        tmp_path / "made" / "enspeaker1-20110101-bbb", downloads / "SpeechCorpus" / "enspeaker1-20110101-bbb"
    )
    again = prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000], overwrite=True)
    assert split_of(again) == whole
    (downloads / "Russian").rename(downloads / "Klingon")
    with pytest.raises(TaskError, match=r"ruspeaker0-20120101-ccc does not say its language.*de, en, es, fr, it or ru"):
        prepare("voxforge-v1.0.0-full", [archives, table], tmp_path, rates_hz=[8000], overwrite=True)


@pytest.mark.slow
def test_from_the_data_set_to_a_score(tmp_path: Path) -> None:
    """The public way: prepare by name, then one encoder and one probe; a family is in train only."""
    import hear_audiomosaic

    hear_audiomosaic.prepare_task("nsynth_instrument", sources=nsynth(tmp_path), tasks_dir=tmp_path / "tasks")
    results = hear_audiomosaic.evaluate(
        ["logmel"],
        ["nsynth_instrument"],
        protocols=["logistic"],
        out=tmp_path / "results",
        tasks_dir=tmp_path / "tasks",
        store_dir=tmp_path / "store",
    )
    assert not results.failures
    [result] = results
    assert (result.status, result.task.name, result.task.n_clips) == ("success", "nsynth_instrument", 28)
    assert (result.task.n_groups, result.task.shared_group_clips) == (4, 0)  # of the test split: its instruments
    assert [fold.split for fold in result.folds] == ["test"]
    assert 0 <= result.folds[0].scores["top1_acc"] <= 1


def test_a_speaker_in_two_places(tmp_path: Path) -> None:
    dev, test, table = voxceleb(tmp_path)
    shutil.copytree(test / "wav" / "id10270", dev / "wav" / "id10270")
    with pytest.raises(TaskError, match=r"'id10270' is there twice: .*vox1_dev_wav.* and .*vox1_test_wav"):
        prepare("voxceleb1", [dev, test, table], tmp_path)


def test_only_the_archive_of_the_published_name_is_held_against_its_digest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare("urbansound8k", urban_archive(tmp_path), tmp_path, rates_hz=[8000])
    assert "UrbanSound8K.tar.gz is not the file that was published" in caplog.text
    caplog.clear()
    prepare("surge_pitch-v1.0-evar", surge_archive(tmp_path), tmp_path, rates_hz=[8000])
    assert "not the file that was published" not in caplog.text  # whose digest is not known
