"""The pool: free clips only, and none that a test split holds, that shares its source with one, or sounds as one."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.errors import PretrainingError, TaskError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reproduce import read_recipe
from hear_audiomosaic.reproduce.controlled.content import (
    SharedSound,
    clips_and_tests,
    find_shared_sound,
    same_sound_as_test,
)
from hear_audiomosaic.reproduce.controlled.pool import PoolSet, build_pool
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit, prepare_fixed

ROWS = """filename,label,fold,source,licence,duration_s
audio/a.wav,dog,1,s1,CC0,6
audio/b.wav,cat,2,s2,CC0,6
audio/c.wav,dog,3,s3,CC-BY-NC,6
audio/d.wav,cat,3,s5,CC-BY,6
audio/e.wav,dog,5,s5,CC0,6
"""


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets" / "animals"
    (folder / "audio").mkdir(parents=True)
    (folder / "metadata.csv").write_text(ROWS)
    for i, name in enumerate("abcde"):
        soundfile.write(folder / "audio" / f"{name}.wav", np.random.default_rng(i).uniform(-0.1, 0.1, 8000), 16000)
    return folder.parent


ANIMALS = PoolSet("animals", "", "licence", ("CC0", "CC-BY"))
KINDS = {"name": "kinds", "set": "animals", "label": "label", "column": "fold", "test": [5], "valid": [3]}
APART = KINDS | {"group": "source", "shared_groups": "leave_out"}


def _build(sets: Path, pool: list[PoolSet], out: Path, spec: dict[str, Any] = APART) -> dict[str, dict[str, Any]]:
    splits = [FixedSplit.read(sets, spec)]
    clips, tests = clips_and_tests(sets, [one.name for one in pool], splits)
    return build_pool(sets, pool, splits, {pair.clip for pair in find_shared_sound(sets, clips, tests)}, out)


def test_only_free_clips_that_no_test_knows(sets: Path, tmp_path: Path) -> None:
    found = _build(sets, [ANIMALS], tmp_path / "pool")
    assert sorted(path.name for path in (tmp_path / "pool").rglob("*.wav")) == ["a.wav", "b.wav"]
    assert found["animals"] == {
        "clips": 2,
        "minutes": 0.2,
        "licences": {"CC0": 2},
        "test_clips": 1,
        "shared_group": 1,
        "same_content": 0,
        "not_free": 1,
    }
    assert read_json(tmp_path / "pool.json") == found
    assert soundfile.info(tmp_path / "pool" / "animals" / "audio" / "a.wav").frames == 8000  # the link leads there


def test_links_that_are_no_longer_wanted_go(sets: Path, tmp_path: Path) -> None:
    build_pool(sets, [PoolSet("animals", "CC0")], [], (), tmp_path / "pool")
    assert len(list((tmp_path / "pool").rglob("*.wav"))) == 5
    _build(sets, [ANIMALS], tmp_path / "pool")
    assert len(list((tmp_path / "pool").rglob("*.wav"))) == 2


def test_a_recording_that_somebody_put_there_stops_it(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "pool" / "animals" / "audio").mkdir(parents=True)
    (tmp_path / "pool" / "animals" / "audio" / "a.wav").write_bytes(b"")
    with pytest.raises(PretrainingError, match=r"a\.wav is in the pool's folder but not part of the pool\. Remove it"):
        _build(sets, [ANIMALS], tmp_path / "pool")


def test_a_link_to_a_test_clip_stops_it_whatever_its_name(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "sets" / "animals" / "audio" / "a.wav").unlink()
    (tmp_path / "sets" / "animals" / "audio" / "a.wav").symlink_to("e.wav")
    with pytest.raises(PretrainingError, match=r"1 test clips are in the pool.*animals/audio/a\.wav"):
        build_pool(sets, [ANIMALS], [FixedSplit.read(sets, APART)], (), tmp_path / "pool")


def test_the_sound_of_a_test_clip_stays_out_under_any_name(sets: Path, tmp_path: Path) -> None:
    test, rate_hz = soundfile.read(sets / "animals" / "audio" / "e.wav")
    soundfile.write(sets / "animals" / "audio" / "b.flac", 0.3 * test[500:], rate_hz)
    (sets / "animals" / "metadata.csv").write_text(ROWS.replace("b.wav", "b.flac"))
    split = FixedSplit.read(sets, APART)
    clips, tests = clips_and_tests(sets, ["animals"], [split])
    (pair,) = shared = find_shared_sound(sets, clips, tests, tmp_path / "same.json")
    assert (pair.clip, pair.test) == (("animals", "audio/b.flac"), ("animals", "audio/e.wav"))
    assert pair.correlation > 0.99
    assert same_sound_as_test(split, shared) == ["audio/b.flac"]
    found = build_pool(sets, [ANIMALS], [split], {pair.clip}, tmp_path / "pool")
    assert sorted(path.name for path in (tmp_path / "pool").rglob("*.*") if path.is_file()) == ["a.wav"]
    assert found["animals"]["same_content"] == 1
    os.utime(sets / "animals" / "audio" / "b.flac", ns=(1, 1))
    before = read_json(tmp_path / "same.json")
    assert find_shared_sound(sets, clips, tests, tmp_path / "same.json") == shared
    assert read_json(tmp_path / "same.json")["identity"] != before["identity"]  # a changed file is compared again


def test_links_follow_the_data_and_sets_that_are_no_longer_wanted_go(sets: Path, tmp_path: Path) -> None:
    build_pool(sets, [PoolSet("animals", "CC0")], [], (), tmp_path / "pool")
    sets.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved" / "animals", tmp_path / "moved" / "birds")
    build_pool(tmp_path / "moved", [PoolSet("animals", "CC0"), PoolSet("birds", "CC0")], [], (), tmp_path / "pool")
    assert soundfile.info(tmp_path / "pool" / "animals" / "audio" / "a.wav").frames == 8000
    build_pool(tmp_path / "moved", [PoolSet("birds", "CC0")], [], (), tmp_path / "pool")
    assert {path.parent.parent.name for path in (tmp_path / "pool").rglob("*.wav")} == {"birds"}


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(PretrainingError, match="animals"):
        build_pool(tmp_path, [ANIMALS], [], (), tmp_path / "pool")


def test_fixed_splits(sets: Path, tmp_path: Path) -> None:
    split = FixedSplit.read(sets, KINDS | {"test": [3], "valid": [5]})
    task = prepare_fixed(split, tmp_path / "work", tmp_path / "tasks")
    assert {split: len(task.labels(split)) for split in task.splits} == {"train": 2, "valid": 1, "test": 2}
    with pytest.raises(TaskError, match="no column part; it has filename"):
        FixedSplit.read(sets, KINDS | {"column": "part"})
    with pytest.raises(TaskError, match="shared_groups = 'maybe'; expected one of refuse, leave_out, keep"):
        FixedSplit.read(sets, KINDS | {"shared_groups": "maybe"})


def test_a_group_in_two_splits_is_refused_left_out_or_declared(sets: Path, tmp_path: Path) -> None:
    torn = FixedSplit.read(sets, KINDS | {"group": "source"})  # s5 is in valid (3) and test (5)
    with pytest.raises(TaskError, match=r"1 groups stand in more than one split: 's5' in test and valid"):
        prepare_fixed(torn, tmp_path / "work", tmp_path / "tasks")
    left_out = FixedSplit.read(sets, APART)
    assert left_out.split_of == {
        "audio/a.wav": "train",
        "audio/b.wav": "train",
        "audio/c.wav": "valid",
        "audio/e.wav": "test",
    }
    assert left_out.test_groups == {"s5"}
    declared = FixedSplit.read(sets, KINDS | {"group": "source", "shared_groups": "keep"})
    assert declared.test_groups == set()
    task = prepare_fixed(declared, tmp_path / "work", tmp_path / "tasks")
    assert {split: len(task.labels(split)) for split in task.splits} == {"train": 2, "valid": 2, "test": 1}
    assert _build(sets, [ANIMALS], tmp_path / "pool", dict(declared.spec))["animals"]["shared_group"] == 0


def test_training_clips_that_sound_as_a_test_clip_go(sets: Path, tmp_path: Path) -> None:
    task = prepare_fixed(
        FixedSplit.read(sets, APART),
        tmp_path / "work",
        tmp_path / "tasks",
        ["audio/b.wav", "audio/e.wav"],
        overwrite=True,
    )
    assert {split: len(task.labels(split)) for split in task.splits} == {"train": 1, "valid": 1, "test": 1}


def test_new_folds_along_groups(sets: Path) -> None:
    spec = {"name": "kinds", "set": "animals", "label": "label", "group": "source"}
    spec |= {"folds": 3, "balance": ["label"], "test": ["fold00"], "valid": ["fold01"]}
    split = FixedSplit.read(sets, spec)
    assert set(split.split_of.values()) == {"train", "valid", "test"}
    assert split.split_of["audio/d.wav"] == split.split_of["audio/e.wav"] == "test"  # the largest group comes first


@cache
def _content(path: Path) -> tuple[int, bytes]:
    """Length and the samples of the middle quarter second, or all where these are silent: quick, and enough to tell."""
    with soundfile.SoundFile(path) as file:
        file.seek(max(0, file.frames // 2 - file.samplerate // 8))
        samples = file.read(file.samplerate // 4, dtype="int16")
        if not samples.any():
            file.seek(0)
            samples = file.read(dtype="int16")
        silent = str(path).encode() if not samples.any() else b""
        return file.frames, silent or samples.tobytes()


def test_no_test_clip_of_the_recipe_is_known_to_pool_or_train(shared: Path, tmp_path: Path) -> None:
    """No group, no recording sample for sample, and none of the copies that the full search found."""
    recipe, data = read_recipe("controlled"), shared / "data"
    splits = [FixedSplit.read(data, one) for one in recipe["tasks"]]
    sets = [PoolSet.from_mapping(one) for one in recipe["pool"]]
    found = [SharedSound(tuple(p["clip"]), tuple(p["test"]), p["correlation"]) for p in _committed_pairs()]
    build_pool(data, sets, splits, {pair.clip for pair in found}, tmp_path / "pool")
    _, tests = clips_and_tests(data, [], splits)
    known = {_content(data / name / file) for name, file in tests}
    pool = {(path.relative_to(tmp_path / "pool").parts[0], path) for path in (tmp_path / "pool").rglob("*.*")}
    in_pool = {(name, path.relative_to(tmp_path / "pool" / name).as_posix()) for name, path in pool if path.is_file()}
    assert len(in_pool) > 6000
    assert not in_pool & set(tests)
    assert not [clip for clip in sorted(in_pool) if _content(data / clip[0] / clip[1]) in known]
    for split in splits:
        group, name = split.spec.get("group"), split.source.name
        row_of = {row["filename"]: row for row in split.rows}
        left_out = same_sound_as_test(split, found)
        train = [file for file, part in split.split_of.items() if part != "test" and file not in left_out]
        if split.spec["name"] == "digits":  # the same six speakers, as the recipe declares
            assert not split.groups_apart
        elif group:
            tested = {row_of[file][group] for file in split.test}
            assert not tested & {row_of[file][group] for file in train}, split.spec["name"]
            assert not tested & {row_of[file][group] for of, file in in_pool if of == name}, split.spec["name"]
        own = {_content(split.source / file) for file in split.test}
        assert not [file for file in train if _content(split.source / file) in own], split.spec["name"]


def test_the_recipe_names_the_pairs_that_a_search_finds(shared: Path) -> None:
    """Every pair on the list, searched again, among them the five utterances that stand in two splits."""
    pairs = _committed_pairs()
    named = [(tuple(pair["clip"]), tuple(pair["test"])) for pair in pairs]
    assert sum(clip[0] == test[0] == "picovoice_slu" for clip, test in named) >= 5
    clips, tests = sorted({clip for clip, _ in named}), sorted({test for _, test in named})
    found = {(pair.clip, pair.test) for pair in find_shared_sound(shared / "data", clips, tests)}
    assert set(named) <= found


@pytest.mark.slow
def test_the_full_search_finds_no_other_pair(shared: Path) -> None:
    recipe, data = read_recipe("controlled"), shared / "data"
    splits = [FixedSplit.read(data, one) for one in recipe["tasks"]]
    clips, tests = clips_and_tests(data, [one["name"] for one in recipe["pool"]], splits)
    found = find_shared_sound(data, clips, tests)
    named = [(tuple(pair["clip"]), tuple(pair["test"])) for pair in _committed_pairs()]
    assert sorted((pair.clip, pair.test) for pair in found) == sorted(named)


def _committed_pairs() -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = read_json(content_dir("reports") / "controlled" / "same_content.json")["pairs"]
    return pairs
