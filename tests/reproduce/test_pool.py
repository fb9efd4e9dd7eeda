"""The pool: free clips only, and none that a test split holds or that shares its source with one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.errors import PretrainingError, TaskError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.reproduce import read_recipe
from hear_audiomosaic.reproduce.controlled.pool import PoolSet, build_pool
from hear_audiomosaic.reproduce.controlled.sets import prepare_fixed

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


ANIMALS = PoolSet("animals", "", "licence", ("CC0", "CC-BY"), {"fold": ("5",)}, ("source",))


def test_only_free_clips_that_no_test_knows(sets: Path, tmp_path: Path) -> None:
    found = build_pool(sets, [ANIMALS], tmp_path / "pool")
    assert sorted(path.name for path in (tmp_path / "pool").rglob("*.wav")) == ["a.wav", "b.wav"]
    assert found["animals"] == {
        "clips": 2,
        "minutes": 0.2,
        "licences": {"CC0": 2},
        "test_clips": 1,
        "shared_group": 1,
        "not_free": 1,
    }
    assert read_json(tmp_path / "pool.json") == found
    assert soundfile.info(tmp_path / "pool" / "animals" / "audio" / "a.wav").frames == 8000  # the link leads there


def test_links_that_are_no_longer_wanted_go(sets: Path, tmp_path: Path) -> None:
    build_pool(sets, [PoolSet("animals", "CC0")], tmp_path / "pool")
    assert len(list((tmp_path / "pool").rglob("*.wav"))) == 5
    build_pool(sets, [ANIMALS], tmp_path / "pool")
    assert len(list((tmp_path / "pool").rglob("*.wav"))) == 2


def test_a_recording_that_somebody_put_there_stops_it(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "pool" / "animals" / "audio").mkdir(parents=True)
    (tmp_path / "pool" / "animals" / "audio" / "a.wav").write_bytes(b"")
    with pytest.raises(PretrainingError, match=r"a\.wav is in the pool's folder but not part of the pool\. Remove it"):
        build_pool(sets, [ANIMALS], tmp_path / "pool")


def test_a_link_to_a_test_clip_stops_it_whatever_its_name(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "sets" / "animals" / "audio" / "a.wav").unlink()
    (tmp_path / "sets" / "animals" / "audio" / "a.wav").symlink_to("e.wav")
    with pytest.raises(PretrainingError, match=r"1 test clips are in the pool.*animals/audio/a\.wav"):
        build_pool(sets, [ANIMALS], tmp_path / "pool")


def test_links_follow_the_data_and_sets_that_are_no_longer_wanted_go(sets: Path, tmp_path: Path) -> None:
    build_pool(sets, [PoolSet("animals", "CC0")], tmp_path / "pool")
    sets.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved" / "animals", tmp_path / "moved" / "birds")
    build_pool(tmp_path / "moved", [PoolSet("animals", "CC0"), PoolSet("birds", "CC0")], tmp_path / "pool")
    assert soundfile.info(tmp_path / "pool" / "animals" / "audio" / "a.wav").frames == 8000
    build_pool(tmp_path / "moved", [PoolSet("birds", "CC0")], tmp_path / "pool")
    assert {path.parent.parent.name for path in (tmp_path / "pool").rglob("*.wav")} == {"birds"}


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(PretrainingError, match="animals"):
        build_pool(tmp_path, [ANIMALS], tmp_path / "pool")


def test_fixed_splits(sets: Path, tmp_path: Path) -> None:
    spec = {"name": "kinds", "set": "animals", "label": "label", "column": "fold", "test": [3], "valid": [5]}
    task = prepare_fixed(sets, spec, tmp_path / "work", tmp_path / "tasks")
    assert {split: len(task.labels(split)) for split in task.splits} == {"train": 2, "valid": 1, "test": 2}
    with pytest.raises(TaskError, match="no column part; it has filename"):
        prepare_fixed(sets, spec | {"column": "part"}, tmp_path / "work", tmp_path / "tasks")


def test_the_recipe_keeps_the_tests_of_its_tasks_out_of_its_pool(shared: Path) -> None:
    """Set by set: what a task tests on is what the pool leaves out, or the set is not in the pool at all."""
    recipe = read_recipe("controlled")
    pool = {one["name"]: PoolSet.from_mapping(one) for one in recipe["pool"]}
    for task in recipe["tasks"]:
        if task["set"] in pool:
            kept_out = (pool[task["set"]].test or {}).get(task["column"], ())
            assert {str(value) for value in task["test"]} <= set(kept_out), task["name"]
        assert (shared / "data" / task["set"] / "metadata.csv").is_file()
