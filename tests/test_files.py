"""Files are whole or not there, a dead writer's leavings go, a living one's stay, and what refuses is told."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hear_audiomosaic import files
from hear_audiomosaic.errors import FileError, HearAudioMosaicError
from hear_audiomosaic.file_errors import described, file_errors, hits_every_file
from hear_audiomosaic.files import make_folder, read_bytes, read_json, remove_leftovers, write_bytes, write_text

OLD_S = 2 * 24 * 3600


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def part(folder: Path, name: str = "a.json", age_s: float = 0.0) -> Path:
    path = folder / f".{name}.0123456789ab.part"
    path.write_bytes(b"half of o")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@pytest.mark.parametrize("name", ["a", "a" * 255, "\u00e9" * 127, "a" * 199 + "\u00e9" * 28])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / "new" / name, "content")
    assert (tmp_path / "new" / name).read_text() == "content"
    assert names(tmp_path / "new") == [name]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    part(tmp_path)
    part(tmp_path, "another")
    write_text(tmp_path / "b", "content")
    assert names(tmp_path) == ["b"]


def test_leftovers_are_found_at_any_depth_and_named(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    left = [part(tmp_path), part(tmp_path / "x" / "y"), tmp_path / ".b.json.123.part", tmp_path / ".c.part"]
    for path in left[2:]:  # of an earlier version, which took no lock
        path.write_bytes(b"half")
        os.utime(path, (time.time() - OLD_S,) * 2)
    kept = [tmp_path / "a.part", tmp_path / "b", tmp_path / ".d.json.456.part"]
    for path in kept:
        path.write_bytes(b"whole, or young and without a lock")
    (tmp_path / ".folder.0123456789ab.part").mkdir()
    assert remove_leftovers(tmp_path) == sorted(left)
    assert all(path.exists() for path in kept)
    assert (tmp_path / ".folder.0123456789ab.part").is_dir()
    assert remove_leftovers(tmp_path) == []


def test_a_living_writer_keeps_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that removes leftovers while this one writes takes nothing."""
    remove = (
        "import sys, pathlib; from hear_audiomosaic.files import *; print(remove_leftovers(pathlib.Path(sys.argv[1])))"
    )
    fsync, removed = os.fsync, []

    def slow(descriptor: int) -> None:
        if not removed:
            removed.append(
                subprocess.run(
                    [sys.executable, "-c", remove, str(tmp_path)], capture_output=True, text=True, check=True
                ).stdout
            )
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    write_text(tmp_path / "a", "content")
    assert removed == ["[]\n"]
    assert names(tmp_path) == ["a"]


def test_a_writer_whose_file_was_taken_for_a_leftover_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.fcntl is not None
    flock, taken = files.fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not taken:
            taken.extend(tmp_path.glob(".*.part"))
            taken[0].unlink()
        flock(descriptor, how)

    monkeypatch.setattr(files.fcntl, "flock", late)
    write_text(tmp_path / "a", "content")
    assert len(taken) == 1
    assert (tmp_path / "a").read_text() == "content"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_no_lock_can_tell_only_what_is_a_day_old_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(code, os.strerror(code))

    assert files.fcntl is not None
    monkeypatch.setattr(files.fcntl, "flock", refuse)
    young, old = part(tmp_path), part(tmp_path, "old", OLD_S)
    write_text(tmp_path / "a", "content")
    assert young.exists()
    assert not old.exists()


def test_many_writers_of_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    contents = [bytes([65 + i]) * 10_000 for i in range(8)]
    threads = [
        threading.Thread(target=lambda one=one: [write_bytes(tmp_path / "a", one) for _ in range(20)])
        for one in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert names(tmp_path) == ["a"]


def test_a_file_is_on_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        happened.append(f"fsync {'file' if path.endswith('.part') else Path(path).relative_to(tmp_path)}")
        fsync(descriptor)

    def replaced(path: Path, target: Path) -> Path:
        happened.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", replaced)
    write_text(tmp_path / "x" / "y" / "a", "content")
    assert happened == ["fsync x", "fsync .", "fsync file", "replace", "fsync x/y"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_refused_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    write_text(tmp_path / "a", "before")

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileError, match=r"a cannot be written: .*; .*again: what is finished is kept\.$") as raised:
        write_text(tmp_path / "a", "after")
    assert raised.value.errno == code
    assert str(tmp_path / "a") in str(raised.value)
    assert "\n" not in str(raised.value)
    assert (tmp_path / "a").read_text() == "before"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_cannot_be_flushed_is_not_needed_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def only_files(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(errno.EINVAL, "of a network file system")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    write_text(tmp_path / "a", "content")
    assert (tmp_path / "a").read_text() == "content"


def test_what_stands_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    for path, said in (
        ("file", "file is a file"),
        ("file/x/y", "file is a file"),
        ("link", "link is a link that leads"),
    ):
        with pytest.raises(FileError, match=rf"cannot be made: .*{said}.*; move it away, or choose another folder\.$"):
            make_folder(tmp_path / path)
    with pytest.raises(FileError, match="file is a file"):
        write_text(tmp_path / "file" / "a", "content")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(FileError, match=r"a cannot be written: is a directory; .*move it away"):
        write_text(tmp_path / "a", "content")
    assert names(tmp_path) == ["a"]


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    for read in (read_bytes, read_json):
        with pytest.raises(FileError, match=r"a\.json cannot be read: it is a named pipe, not a file; move it away"):
            read(tmp_path / "a.json")
    with pytest.raises(FileError, match="it is a device"):
        read_bytes(Path("/dev/zero"))


@pytest.mark.timeout(20)
def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "b.json").symlink_to("a.json")
    for name in ("a.json", "b.json"):
        with pytest.raises(FileError, match=rf"{name} cannot be written: it is a named pipe, not a file; move it away"):
            write_text(tmp_path / name, "content")
    assert (tmp_path / "a.json").is_fifo()
    (tmp_path / "link").symlink_to("nowhere")
    write_text(tmp_path / "link", "content")  # nothing is lost
    assert names(tmp_path) == ["a.json", "b.json", "link"]


def test_a_file_error_is_both_kinds_of_error_and_keeps_its_cause() -> None:
    cause = PermissionError(errno.EACCES, "Permission denied", "/x/y")
    with pytest.raises(FileError) as raised, file_errors("read"):
        raise cause
    assert (
        str(raised.value)
        == "/x/y cannot be read: permission denied; give yourself the permission, or choose another folder."
    )
    assert isinstance(raised.value, OSError)
    assert isinstance(raised.value, HearAudioMosaicError)
    assert raised.value.__cause__ is cause
    with pytest.raises(FileError, match="/x/y cannot be read: ") as again, file_errors("written", "/z"):
        raise raised.value
    assert again.value is raised.value


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_every_errno_has_a_line_with_a_cure(code: int) -> None:
    line = described(OSError(code, os.strerror(code), "/x/y"), "written")
    assert line.startswith("/x/y cannot be written: ")
    assert "; " in line
    assert line.endswith(".")


def test_a_full_disk_hits_every_file_and_a_wrong_folder_does_not() -> None:
    every = {code for code in errno.errorcode if hits_every_file(OSError(code, ""))}
    assert every == {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}
