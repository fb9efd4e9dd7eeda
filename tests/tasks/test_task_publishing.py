"""A task's folder is the old one or the new one, whole, whenever a kill comes; and a ready one needs no lock."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest
from task_folders import everything, prepare, scene_folder

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask, find_task, list_rows, prepare_synthetic, publishing
from hear_audiomosaic.tasks.layout import METADATA
from hear_audiomosaic.tasks.publishing import (
    fill_folder,
    finish_publishing,
    prepared_names,
    preparing,
    publish,
    put_in_place,
    tidy,
    unfinished,
)


def folder(path: Path, content: str) -> Path:
    path.mkdir(parents=True)
    (path / METADATA).write_text(content)
    return path


def state(tasks: Path) -> dict[str, str]:
    return {path.name: (path / METADATA).read_text() for path in tasks.iterdir() if path.name != ".locks"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": "old"}, {"a": "old"}),
        ({"a": "old", ".a.ready": "new"}, {"a": "new"}),
        ({".a.before": "old", ".a.ready": "new"}, {"a": "new"}),
        ({"a": "new", ".a.before": "old"}, {"a": "new"}),
        ({".a.before": "old"}, {"a": "old"}),
        ({"a": "new", ".a.gone": "old"}, {"a": "new"}),
        ({"a": "newer", ".a.before": "old", ".a.gone": "older", ".a.ready": "newest"}, {"a": "newest"}),
        ({".a.gone": "old"}, {}),
        ({}, {}),
    ],
)
def test_every_state_is_brought_to_its_end(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> None:
    for name, content in before.items():
        folder(tmp_path / name, content)
    finish_publishing(tmp_path / "a")
    assert state(tmp_path) == after


@pytest.mark.parametrize("there", [False, True])
def test_what_is_published_replaces_what_is_there(tmp_path: Path, there: bool) -> None:
    if there:
        folder(tmp_path / "a", "old")
    publish(folder(unfinished(tmp_path / "a"), "new"), tmp_path / "a")
    assert state(tmp_path) == {"a": "new"}


def refuse(patched: pytest.MonkeyPatch, at: int) -> None:
    renames, rename = [], Path.rename

    def counted(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    patched.setattr(Path, "rename", counted)


def test_a_disk_that_refuses_keeps_the_old_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the renames is refused, one of the two is found afterwards."""
    for refused in range(1, 5):
        tasks = tmp_path / str(refused)
        folder(tasks / "a", "old")
        with monkeypatch.context() as patched:
            refuse(patched, refused)
            with pytest.raises(OSError, match=r"cannot be renamed to \S+: input/output error"):
                publish(folder(unfinished(tasks / "a"), "new"), tasks / "a")
        assert prepared_names(tasks) == ["a"]
        assert state(tasks)["a"] in ("old", "new")


def test_whoever_looks_first_puts_a_task_in_its_place(tmp_path: Path) -> None:
    task = prepare(scene_folder(tmp_path / "in"), tmp_path / "tasks", split_column="split")
    whole, tasks = everything(task.directory), tmp_path / "tasks"
    looks = (
        lambda: PreparedTask.open(task.directory),
        lambda: find_task("pets", tasks),
        lambda: list_rows(None, tasks),
        lambda: prepare(tmp_path / "in", tasks, split_column="split"),
    )
    for look in looks:
        task.directory.rename(tasks / ".pets-v1-full.ready")
        look()
        assert everything(task.directory) == whole
        assert sorted(path.name for path in tasks.iterdir()) == [".locks", "pets-v1-full"]


def test_a_reader_waits_for_a_living_replacement(tmp_path: Path) -> None:
    """Between the two renames of one that is alive: nothing is put back under its hands."""
    target, seen = tmp_path / "a", []
    folder(tmp_path / ".a.before", "old")
    folder(tmp_path / ".a.ready", "new")
    with preparing(target):
        reader = threading.Thread(target=lambda: (put_in_place(target), seen.append((target / METADATA).read_text())))
        reader.start()
        time.sleep(0.2)
        assert not seen
        assert not target.exists()
        finish_publishing(target)
    reader.join()
    assert seen == ["new"]


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that cannot be written to."""

    def refuse(*_: object) -> None:
        raise TaskError("cannot be locked: read-only file system")

    monkeypatch.setattr(publishing, "locked", refuse)
    monkeypatch.setattr(publishing, "locked_or_refused", refuse)


@pytest.mark.usefixtures("no_lock")
def test_an_unprepared_task_needs_the_lock(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot be locked"):
        prepare(scene_folder(tmp_path / "in"), tmp_path / "tasks", split_column="split")


def test_a_ready_task_needs_no_lock_nor_a_disk_that_can_be_written_to(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source, tasks = scene_folder(tmp_path / "in"), tmp_path / "tasks"
    first, synthetic = prepare(source, tasks, split_column="split"), prepare_synthetic("synth_pitch", tasks)
    folder(tasks / ".pets-v1-full.before", "of a killed overwrite")
    unfinished(synthetic.directory).mkdir()
    before = everything(tasks)
    request.getfixturevalue("no_lock")
    assert prepare(source, tasks, split_column="split") == first
    assert prepare_synthetic("synth_pitch", tasks) == synthetic
    assert find_task("pets", tasks) == first
    assert {row["task"] for row in list_rows(None, tasks) if row["state"] != "card"} >= {
        "pets-v1-full",
        "synth_pitch-v1-full",
    }
    assert everything(tasks) == before


def test_what_killed_preparations_left_is_removed_when_the_task_is_asked_for(tmp_path: Path) -> None:
    source, tasks = scene_folder(tmp_path / "in"), tmp_path / "tasks"
    prepare(source, tasks, split_column="split")
    folder(tasks / ".pets-v1-full.before", "old")
    folder(tasks / ".pets-v1-full.gone", "older")
    (tasks / ".pets-v1-full.part" / "8000" / "train").mkdir(parents=True)
    prepare(source, tasks, split_column="split")
    assert sorted(path.name for path in tasks.iterdir()) == [".locks", "pets-v1-full"]
    half = tasks / ".pets-v1-full.part" / "8000" / "train" / "clip00.wav"  # of another rate, to be resumed
    half.parent.mkdir(parents=True)
    half.write_bytes(b"converted")
    prepare(source, tasks, split_column="split")
    assert half.exists()


def test_nothing_of_a_preparation_that_is_alive_is_removed(tmp_path: Path) -> None:
    target = folder(tmp_path / "a", "old")
    unfinished(target).mkdir()
    with preparing(target):
        tidy(target)
        assert unfinished(target).exists()
    tidy(target)
    assert not unfinished(target).exists()


def test_a_folder_is_filled_file_by_file(tmp_path: Path) -> None:
    for path, content in (("new/x/a", "new a"), ("new/x/b", "new b"), ("old/x/b", "old b"), ("old/x/c", "old c")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    fill_folder(tmp_path / "new", tmp_path / "old")
    assert everything(tmp_path) == {"old/x/a": b"new a", "old/x/b": b"new b", "old/x/c": b"old c"}
