"""Unpacking what somebody else packed: whole or not at all, and nothing outside the folder."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from audio_files import tar_of
from task_folders import everything

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.archives import Limits, archive_kind, unpack

_CONTENT = {"a/one.txt": b"one", "a/b/two.bin": bytes(range(256)) * 40, "three": b""}


def as_zip(path: Path, content: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (_CONTENT if content is None else content).items():
            archive.writestr(zipfile.ZipInfo(name, (2021, 11, 14, 9, 54, 0)), data, zipfile.ZIP_DEFLATED)
    return path


def as_tar(path: Path, mode: str = "w:gz", **member: object) -> Path:
    """A tar file of the content, or of one member with the given fields."""
    with tarfile.open(path, mode) as archive:
        for name, data in ({"odd": b"x"} if member else _CONTENT).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1636883640
            for field, value in member.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def zip_with(path: Path, name: str, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x" * len(name))
        info.external_attr = mode << 16
        archive.writestr(info, b"evil")
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name.encode()))
    return path


_MAKERS: dict[str, Callable[[Path], Path]] = {
    "zip": as_zip,
    "tar": lambda path: as_tar(path, "w"),
    "tar.gz": as_tar,
    "tar.bz2": lambda path: as_tar(path, "w:bz2"),
    "tar.xz": lambda path: as_tar(path, "w:xz"),
}


@pytest.mark.parametrize("kind", _MAKERS)
def test_content_and_times_of_change(tmp_path: Path, kind: str) -> None:
    archive = _MAKERS[kind](tmp_path / f"x.{kind}")
    unpack(archive, tmp_path / "out")
    assert everything(tmp_path / "out") == _CONTENT
    assert (tmp_path / "out" / "a" / "one.txt").stat().st_mtime == 1636883640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", archive.name]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../out.txt", "is a folder"),
        ("a/../../out.txt", "is a folder"),
        ("/etc/out.txt", "absolute"),
        ("C:out.txt", "drive"),
        ("a\\..\\..\\out", "is a path"),
        ("line\nfeed", "control character"),
        ("z" * 300, "300 bytes"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out(tmp_path: Path, kind: str, name: str, told: str) -> None:
    archive = tmp_path / f"x.{kind}"
    if kind == "zip":
        zip_with(archive, name)
    else:
        as_tar(archive, "w", name=name)
    with pytest.raises(TaskError, match=told):
        unpack(archive, tmp_path / "in" / "out")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_tar_members_that_are_no_files(tmp_path: Path, kind: bytes) -> None:
    archive = as_tar(tmp_path / "x.tar", "w", type=kind, linkname="/etc/passwd", size=0)
    with pytest.raises(TaskError, match=r"'odd' is a (link|device)"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "told"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "device"), (stat.S_IFCHR, "device")])
def test_zip_members_that_are_no_files(tmp_path: Path, mode: int, told: str) -> None:
    with pytest.raises(TaskError, match=told):
        unpack(zip_with(tmp_path / "x.zip", "link", mode | 0o777), tmp_path / "out")


def test_encrypted_member(tmp_path: Path) -> None:
    archive = as_zip(tmp_path / "x.zip")
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(TaskError, match="encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_stops_before_it_is_written(tmp_path: Path, kind: str) -> None:
    content = {"zeros": bytes(3_000_000)}
    archive = tmp_path / f"x.{kind}"
    if kind == "zip":
        as_zip(archive, content)
    else:
        import gzip

        archive.write_bytes(gzip.compress(tar_of(content)))
    limits = Limits(times_its_size=10, bytes_always=100_000)
    with pytest.raises(TaskError, match="would unpack to more than"):
        unpack(archive, tmp_path / "out", limits)
    with pytest.raises(TaskError, match="more than 2 members"):
        unpack(as_zip(tmp_path / "three.zip"), tmp_path / "out", Limits(members=2))
    unpack(archive, tmp_path / "out")  # silence may be packed a thousandfold
    assert everything(tmp_path / "out") == content


def test_a_member_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("one", b"2")
    with pytest.raises(TaskError, match="'one' stands there twice"):
        unpack(tmp_path / "x.zip", tmp_path / "out")
    (tmp_path / "y.tar").write_bytes(tar_of({"a": b"file"})[:1024] + tar_of({"a/b": b"in it"}))
    with pytest.raises(TaskError, match="'a/b' stands there twice"):
        unpack(tmp_path / "y.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", _MAKERS)
def test_every_shortened_archive_is_found(tmp_path: Path, kind: str) -> None:
    whole = _MAKERS[kind](tmp_path / f"x.{kind}").read_bytes()
    end = len(whole.rstrip(b"\0")) if kind == "tar" else len(whole)
    lengths = sorted(
        {0, 1, 10, end // 3, end // 2, end - 9, end - 1, *(range(512, end, 1024) if kind == "tar" else ())}
    )
    for length in lengths:
        (tmp_path / f"cut.{kind}").write_bytes(whole[:length])
        with pytest.raises(TaskError, match="fetch"):
            unpack(tmp_path / f"cut.{kind}", tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_flipped_byte_is_found(tmp_path: Path, kind: str) -> None:
    whole = bytearray(_MAKERS[kind](tmp_path / f"x.{kind}").read_bytes())
    whole[len(whole) // 3] ^= 0x55
    (tmp_path / f"flipped.{kind}").write_bytes(whole)
    with pytest.raises(TaskError, match="damaged"):
        unpack(tmp_path / f"flipped.{kind}", tmp_path / "out")


def test_a_member_that_is_shorter_than_it_says(tmp_path: Path) -> None:
    archive = as_zip(tmp_path / "x.zip", {"one.txt": b"one"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 24] += 1  # size in the list at the end; the checksum is still right
    archive.write_bytes(content)
    with pytest.raises(TaskError, match=r"'one\.txt' has 3 bytes instead of 4"):
        unpack(archive, tmp_path / "out")


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = as_zip(tmp_path / "x.zip")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(TaskError, match=r"no room in .* for 'a/b/two.bin' \(10240 bytes\)"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_programs_archives_name_the_program(tmp_path: Path) -> None:
    (tmp_path / "Hive1.rar").write_bytes(b"Rar!\x1a\x07\x00" + bytes(100))
    with pytest.raises(TaskError, match=r"unrar x Hive1\.rar"):
        unpack(tmp_path / "Hive1.rar", tmp_path / "out")
    (tmp_path / "dev.z01").write_bytes(b"PK\x07\x08" + bytes(100))
    as_zip(tmp_path / "dev.zip")
    for part in ("dev.z01", "dev.zip"):
        with pytest.raises(TaskError, match=r"7z x dev\.zip"):
            unpack(tmp_path / part, tmp_path / "out")
    (tmp_path / "page.zip").write_text("<html>404</html>")
    with pytest.raises(TaskError, match="neither a zip nor a tar"):
        unpack(tmp_path / "page.zip", tmp_path / "out")
    assert archive_kind(tmp_path / "page.zip") is None


def test_what_a_killed_call_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".out.part" / "a").mkdir(parents=True)
    (tmp_path / ".out.part" / "a" / "one.txt").write_bytes(b"half")
    unpack(as_zip(tmp_path / "x.zip"), tmp_path / "out")
    assert everything(tmp_path / "out") == _CONTENT
    assert not (tmp_path / ".out.part").exists()
