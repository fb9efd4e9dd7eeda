"""Preparers whose archives are not at hand, and modes other than small, on miniatures of the original layouts."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import miniatures
import numpy as np
import pytest
import soundfile

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.from_source import prepare_from_source
from hear_audiomosaic.tasks.hear2021 import RECIPES
from hear_audiomosaic.tasks.splits import string_seed
from hear_audiomosaic.tasks.steps.draw import draw, in_published_order
from hear_audiomosaic.tasks.steps.recipe import Found
from hear_audiomosaic.tasks.steps.sources import Sources


def prepare(name: str, sources: Sequence[Path], tmp_path: Path, **options: Any) -> PreparedTask:
    return prepare_from_source(name, sources, tasks_dir=tmp_path / "tasks", **options)


def split_json(task: PreparedTask, split: str) -> Any:
    return json.loads((task.directory / f"{split}.json").read_text())


def samples(task: PreparedTask, split: str, file: str, rate_hz: int) -> np.ndarray:
    read, found_hz = soundfile.read(task.audio_path(split, file, rate_hz), dtype="int16")
    assert found_hz == rate_hz
    return read


def test_dcase_pools_the_mixtures_60_20_20(tmp_path: Path) -> None:
    source = miniatures.dcase2016_task2(tmp_path / "in")
    task = prepare("dcase2016_task2", [source], tmp_path, mode="full", rates_hz=[8000])
    stems = sorted(path.stem for path in source.rglob("*.wav"))
    random.Random("split_train_test_val").shuffle(stems)  # noqa: S311
    assert [len(task.files(split)) for split in ("train", "valid", "test")] == [6, 2, 2]
    assert set(task.files("valid")) == {f"{stem}.wav" for stem in stems[:2]}
    assert set(task.files("test")) == {f"{stem}.wav" for stem in stems[2:4]}
    assert task.vocabulary == ("a", "b", "c")
    assert task.card.task_specific_param_grid == {"check_val_every_n_epoch": (10,)}
    for split in task.splits:
        for file, events in split_json(task, split).items():
            i = int(file.split("_")[3])
            assert sorted(event["start"] for event in events) == pytest.approx(
                [100 * i + 1000 * j / 7 for j in range(3)], abs=1e-3
            )
            assert all(list(event) == ["label", "start", "end"] for event in events)
            assert len(samples(task, split, file, 8000)) == 120 * 8000
    [recording] = list(source.rglob("dev_1_ebr_0_*.wav"))
    left, right = soundfile.read(recording, dtype="int16")[0].astype(int).T
    [row] = [row for row in _clips(task, tmp_path, source) if row.audio == str(recording)]
    from hear_audiomosaic.tasks.steps.clips import clip_samples

    mono, rate_hz = clip_samples(row, 120.0)
    assert rate_hz == 44100
    assert np.array_equal(mono[:44100], (left + right + 1) // 2)
    assert not mono[44100:].any()


def _clips(task: PreparedTask, tmp_path: Path, source: Path) -> list[Found]:
    recipe = RECIPES[task.card.name]
    return list(recipe.read(Sources((source,)), recipe.settings(task.card.mode)))


def test_order_of_events_is_that_of_a_shuffled_table() -> None:
    """Beside a plain copy of hearpreprocess's table: rows sorted, shuffled by pandas, those after the end dropped."""
    import pandas as pd

    generator = random.Random(3)  # noqa: S311
    clips = [
        Found(
            f"{stem}.wav",
            stem,
            tuple((generator.choice([0.0, 5.0, 9.0, 12.0]), 15.0, generator.choice("xyz")) for _ in range(n)),
        )
        for stem, n in (("a", 4), ("b", 1), ("b c", 0), ("c", 7))
    ]
    table = pd.DataFrame(
        [(clip.stem, *event) for clip in clips for event in clip.labels], columns=["stem", "start", "end", "label"]
    )
    table = table.sort_values(["stem", "start", "end", "label"], kind="stable")
    table = table.sample(frac=1, random_state=string_seed("postprocess_all_metadata")).reset_index(drop=True)
    table = table[table.start < 10]
    kept = [
        Found(clip.audio, clip.stem, inside, n_later=len(clip.labels) - len(inside))
        for clip in clips
        for inside in [tuple(event for event in clip.labels if event[0] < 10)]
    ]
    for clip in in_published_order(kept):
        rows = table[table.stem == clip.stem]
        assert list(clip.labels) == list(rows[["start", "end", "label"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("mode", ["5h", "50h"])
def test_nsynth(tmp_path: Path, mode: str) -> None:
    source = miniatures.nsynth(tmp_path / "in")
    task = prepare("nsynth_pitch", [source], tmp_path, mode=mode)
    assert task.directory.name == f"nsynth_pitch-v2.2.3-{mode}"
    assert task.vocabulary == ("21", "60", "108")  # in the order of numbers
    assert split_json(task, "train")["bass_electronic_train000-108-050.wav"] == [108]
    assert all(len(task.files(split)) == 9 for split in task.splits)
    assert len(samples(task, "test", "bass_electronic_test002-021-050.wav", 16000)) == 64000
    hours = {"5h": 1, "50h": 10}[mode]
    seconds = json.loads((task.directory / "task_metadata.json").read_text())["max_task_duration_by_split"]
    assert seconds == {"train": 16000 * hours, "valid": 2000 * hours, "test": 2000 * hours}


def test_subsampling_takes_as_many_as_fit(tmp_path: Path) -> None:
    """Against pandas, as hearpreprocess calls it."""
    import pandas as pd

    settings = RECIPES["nsynth_pitch"].settings("5h")
    folder = tmp_path / "audio"
    folder.mkdir()
    (folder / "note.wav").touch()
    stems = [f"n{i:04d}" for i in range(600)]
    found = [
        Found(str(folder / "note.wav"), f"{split}{stem}", (60,), split) for split in settings.splits for stem in stems
    ]
    drawn = draw(found, settings)
    for split, most in (("train", 600), ("valid", 500), ("test", 500)):
        table = pd.Series(sorted(f"{split}{stem}" for stem in stems))
        order = table.sample(frac=1, random_state=string_seed(f"SubsampleSplit({split})"))
        assert {stem for stem, of in drawn.split_of.items() if of == split} == set(order[:most])


def test_speech_commands_from_the_original_archives(tmp_path: Path) -> None:
    train, test = miniatures.speech_commands(tmp_path / "in")
    task = prepare("speech_commands-v0.0.2-full", [train, test], tmp_path)
    counts = {split: Counter(label for [label] in split_json(task, split).values()) for split in task.splits}
    words = dict.fromkeys(miniatures.WORDS, 2)
    assert counts["train"] == words | {"_unknown_": 2, "_silence_": 3}  # 33000 samples: from 0, 8000, 16000
    assert counts["valid"] == words | {"_unknown_": 2, "_silence_": 3}  # 40000 samples: from 0, 8000, 16000
    assert counts["test"] == words | {"_unknown_": 2, "_silence_": 2}
    assert set(split_json(task, "train")) >= {
        "_silence__doing_the_dishes-0.wav",
        "_silence__doing_the_dishes-16000.wav",
    }
    noise, _ = soundfile.read(train / "_background_noise_" / "running_tap.wav", dtype="int16")
    assert np.array_equal(samples(task, "valid", "_silence__running_tap-8000.wav", 16000), noise[8000:24000])
    word, _ = soundfile.read(train / "yes" / "00000003_nohash_0.wav", dtype="int16")
    cut = samples(task, "train", "yes_00000003_nohash_0.wav", 16000)
    assert np.array_equal(cut[: len(word)], word)
    assert len(cut) == 16000
    with pytest.raises(TaskError, match=r"speech_commands-v0\.0\.2-5h or speech_commands-v0\.0\.2-full.*--mode"):
        prepare("speech_commands", [train, test], tmp_path)


def test_full_mode_misses_no_recording(tmp_path: Path) -> None:
    train, test = miniatures.speech_commands(tmp_path / "in")
    (train / "yes" / "00000001_nohash_0.wav").unlink()
    with pytest.raises(TaskError, match=r"1 of \d+ recordings of speech_commands-v0.0.2-5h are missing.*yes/00000001"):
        prepare("speech_commands", [train, test], tmp_path, mode="5h")


def test_maestro_small(tmp_path: Path) -> None:
    """Four pieces; the pedal holds two notes, pitch 20 is no key of a piano, the last note is cut at 5 s."""
    pytest.importorskip("mido")
    source = miniatures.maestro(tmp_path / "in", n_pieces=4)
    task = prepare("maestro", [source], tmp_path, mode="small", rates_hz=[16000])
    assert task.splits == ("fold00", "fold01", "fold02", "fold03")
    assert task.card.use_scoring_for_early_stopping is False
    [(file, events)] = split_json(task, "fold00").items()
    i = int(file[-5])
    by_pitch = {event["label"]: (event["start"], event["end"]) for event in events}
    assert by_pitch == {60 + i: (500.0, 1750.0), 64: (1000.0, 1750.0), 70: (1750.0, 5000.0)}
    assert len(samples(task, "fold00", file, 16000)) == 80000


def test_maestro_5h_and_a_midi_file_of_another_version(tmp_path: Path) -> None:
    pytest.importorskip("mido")
    source = miniatures.maestro(tmp_path / "in")
    settings = RECIPES["maestro"].settings("5h")
    drawn = draw(RECIPES["maestro"].read(Sources((source,)), settings), settings)
    assert sorted(drawn.split_of.values()) == [f"fold{i:02d}" for i in range(5)]
    assert int(settings.most_seconds("fold00") / settings.duration_s) == 37
    table = source / "maestro-v3.0.0.csv"
    table.write_text(table.read_text().replace("6.75", "7.25"))
    with pytest.raises(TaskError, match=r"0\.500 s \(mean\) beside the durations"):
        draw(RECIPES["maestro"].read(Sources((source,)), settings), settings)


@pytest.mark.slow
def test_gunshots_are_found_in_the_long_recordings(tmp_path: Path) -> None:
    recordings = miniatures.gunshots(tmp_path / "in")
    task = prepare("gunshot_triangulation", [tmp_path / "in"], tmp_path, mode="full", rates_hz=[48000])
    files = {file: split for split in task.splits for file in task.files(split)}
    assert len(files) == 88
    firearms = Counter(file.split("_")[2] for file in files)
    assert firearms == {"fid1.wav": 16} | {f"fid{i}.wav": 12 for i in range(2, 8)}
    assert len({(file.split("_")[2], split) for file, split in files.items()}) == 7  # a firearm is in one fold
    cut = samples(task, files["mic3_shot5_fid2.wav"], "mic3_shot5_fid2.wav", 48000)
    begin = 9334032 - 48000 + 30000 + 60000 * 5 - 6000
    assert np.array_equal(cut, recordings["mic3raw"][begin : begin + 72000])


def test_esc50_full_wants_every_category_in_every_fold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = miniatures.esc50(tmp_path / "in")
    task = prepare("esc50", [source], tmp_path, mode="full")
    assert "esc50-v2.0.0-full has 10 clips, its card says 2000: is the data set complete?" in caplog.text
    assert task.splits == tuple(f"fold{i:02d}" for i in range(5))
    assert split_json(task, "fold02") == {"3-10003-A-0.wav": ["dog"], "3-10003-A-1.wav": ["rain"]}
    lines = (source / "meta" / "esc50.csv").read_text().splitlines()
    (source / "meta" / "esc50.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(TaskError, match="fold04 lacks 1 of 2 labels, such as rain"):
        prepare("esc50", [source], tmp_path, mode="full", overwrite=True)


def test_new_folds_are_drawn_again_until_all_have_every_label(tmp_path: Path) -> None:
    """Beside a plain copy of the rule, on a draw whose first seed does not do."""
    root = tmp_path / "in" / "beijing_opera_percussion_instrument_1.0"
    names = [f"{i}__x__{label}-{i:02d}.wav" for label in ("bangu", "daluo", "naobo", "xiaoluo") for i in range(7)]
    names = [f"{100 + i}{name[name.index('__') :]}" for i, name in enumerate(names)]
    for name in names:
        miniatures.noise(root / name, 100, 16000)
    task = prepare("beijing_opera", [tmp_path / "in"], tmp_path, mode="full")

    def plain(seed: str) -> list[set[str]]:
        stems = sorted(name.removesuffix(".wav") for name in names)
        random.Random(seed).shuffle(stems)  # noqa: S311
        return [{f"{stem}.wav" for stem in part} for part in np.array_split(stems, 5)]

    seeds = ["split_k_folds", *(f"split_k_folds_retry_{i}" for i in range(999))]
    tries = [
        all(len({file.split("__")[2].split("-")[0] for file in fold}) == 4 for fold in plain(seed))
        for seed in seeds[:200]
    ]
    assert not tries[0]
    assert [set(task.files(split)) for split in task.splits] == plain(seeds[tries.index(True)])
    assert len(samples(task, "fold00", task.files("fold00")[0], 16000)) == math.floor(4.77 * 16000 + 0.5)


def test_crema_d_from_the_folder_of_tensorflow_datasets(tmp_path: Path) -> None:
    """All splits pooled; clips are called after their place in the files; the first fold is drawn from these names."""
    names = ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"]
    rng = np.random.default_rng(0)
    clips = {
        split: [(i % 6, rng.integers(-32768, 32768, 500 + i).astype(np.int16)) for i in range(n)]
        for split, n in (("train", 72), ("validation", 24), ("test", 24))
    }
    source = miniatures.tfds(tmp_path / "crema_d" / "1.0.0", "crema_d", 16000, names, clips)
    task = prepare("tfds_crema_d", [tmp_path / "crema_d"], tmp_path, mode="full")
    labels = {file: label for split in task.splits for file, [label] in task.labels(split).items()}
    assert len(labels) == 120
    assert task.vocabulary == tuple(names)
    assert labels["tfds_id_crema-d-validation-tfrecord-00001-of-00002-3.wav"] == names[15 % 6]
    [split] = [
        split for split in task.splits if "tfds_id_crema-d-test-tfrecord-00000-of-00002-7.wav" in task.labels(split)
    ]
    cut = samples(task, split, "tfds_id_crema-d-test-tfrecord-00000-of-00002-7.wav", 16000)
    assert np.array_equal(cut[:507], clips["test"][7][1])
    assert len(cut) == 80000
    assert not cut[507:].any()
    assert not (tmp_path / "tasks" / ".tfds_crema_d-1.0.0-full.sources").exists()
    cut_short = source / "crema_d-test.tfrecord-00001-of-00002"
    cut_short.write_bytes(cut_short.read_bytes()[:-5])
    with pytest.raises(TaskError, match="is cut short"):
        prepare("tfds_crema_d", [source], tmp_path, mode="full", overwrite=True)
    cut_short.unlink()
    with pytest.raises(TaskError, match="has 1 of 2 files crema_d-test"):
        prepare("tfds_crema_d", [source], tmp_path, mode="full", overwrite=True)


def rewritten(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("filename,fold", "filename,part", "has no column 'fold'"),
        (",1,0,dog,", ",one,0,dog,", "has the fold 'one'"),
        (",2,1,rain,False,1002,A", "", "line 5: the row is shorter than the header"),
        ("1-10001-A-0.wav", "../../../1-10001-A-0.wav", "names a recording outside of it"),
        ("1-10001-A-0.wav", "/etc/hostname", "names a recording outside of it: /etc/hostname"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, old: str, new: str, told: str) -> None:
    source = miniatures.esc50(tmp_path / "in")
    rewritten(source / "meta" / "esc50.csv", old, new)
    with pytest.raises(TaskError, match=told):
        prepare("esc50", [source], tmp_path, mode="full")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"pitch": 21', '"pitch": "21"', "no whole number as pitch"),
        ('"pitch": 21', '"pitches": 21', "no whole number as pitch"),
        ("}", "", "not a whole JSON object"),
        ("{", "[", "expected '{'"),
    ],
)
def test_notes_that_are_wrong(tmp_path: Path, old: str, new: str, told: str) -> None:
    source = miniatures.nsynth(tmp_path / "in", instruments=1)
    rewritten(source / "nsynth-valid" / "examples.json", old, new)
    with pytest.raises(TaskError, match=told):
        prepare("nsynth_pitch", [source], tmp_path, mode="5h")


def test_events_that_are_wrong(tmp_path: Path) -> None:
    source = miniatures.dcase2016_task2(tmp_path / "in")
    annotation = next(source.rglob("dev_1_ebr_0_*.txt"))
    rewritten(annotation, "\tb", "")
    with pytest.raises(TaskError, match="line 2: expected onset, offset and label"):
        prepare("dcase2016_task2", [source], tmp_path, mode="full")


def test_streamed_json_reads_what_json_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hear_audiomosaic.tasks.steps import streamed_json

    content = {f'key "{i}" {{': {"note": i, "list": [i, {"x": "}"}], "text": "ä" * (i % 7)} for i in range(50)}
    (tmp_path / "x.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "empty.json").write_text(" { } ")
    for block in (1, 7, 1 << 20):
        monkeypatch.setattr(streamed_json, "_BLOCK", block)
        assert list(streamed_json.members(tmp_path / "x.json")) == list(content.items())
        assert list(streamed_json.members(tmp_path / "empty.json")) == []
