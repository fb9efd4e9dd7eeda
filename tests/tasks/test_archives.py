"""Unpacking what strangers packed."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import archives
from hear_audiomosaic.tasks.archives import is_archive, unpack

NAMES = {"a.txt": b"first", "folder/b with space.txt": b"second" * 1000, "folder/deeper/c.bin": bytes(range(256)) * 40}
HOSTILE_NAMES = (
    "../out.txt",
    "folder/../../out.txt",
    "/out.txt",
    "//out.txt",
    "folder\\..\\..\\out.txt",
    "C:out.txt",
    "a\x07b",
    "a\nb",
    "x" * 300,
    "..",
)


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_round_trip(tmp_path: Path, mode: str) -> None:
    suffix = {"zip": ".zip", "w": ".tar"}.get(mode, f".tar.{mode[2:]}")
    archive = tmp_path / f"it{suffix}"
    _ = zip_of(archive, NAMES) if mode == "zip" else tar_of(archive, NAMES, mode)
    assert is_archive(archive)
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == NAMES


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_no_name_leads_out(tmp_path: Path, name: str, pack: Callable[[Path, dict[str, bytes]], Path]) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    archive = pack(inner / "it.archive", {"first.txt": b"1", name: b"2"})
    with pytest.raises(TaskError, match="refused"):
        unpack(archive, inner / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"inner"}
    assert {path.name for path in inner.iterdir()} == {"it.archive", "out"}
    assert not Path("/out.txt").exists()


def links_and_devices() -> dict[str, tarfile.TarInfo]:
    members = {}
    for kind in ("SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"):
        member = tarfile.TarInfo("inside")
        member.type = getattr(tarfile, kind)
        member.linkname = "/etc"
        members[kind] = member
    return members


@pytest.mark.parametrize("kind", list(links_and_devices()))
def test_links_and_devices_are_refused(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "it.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(links_and_devices()[kind])
        member = tarfile.TarInfo("inside/passwd")
        tar.addfile(member, io.BytesIO(b""))
    with pytest.raises(TaskError, match="link or a device"):
        unpack(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as zipped:
        member = zipfile.ZipInfo("inside")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(member, "/etc")
    with pytest.raises(TaskError, match="link or a device"):
        unpack(tmp_path / "it.zip", tmp_path / "out")


@pytest.mark.parametrize("pack", [zip_of, lambda path, files: tar_of(path, files, "w:gz")])
def test_a_bomb_is_stopped(
    tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_ALWAYS_ALLOWED_BYTES", 1 << 16)
    archive = pack(tmp_path / "it.archive", {"zeros": bytes(1 << 24)})
    with pytest.raises(TaskError, match="times its length"):
        unpack(archive, tmp_path / "out")
    assert sum(len(content) for content in contents(tmp_path / "out").values()) < 1 << 23


@pytest.mark.parametrize("pack", [zip_of, tar_of, lambda path, files: tar_of(path, files, "w:gz")])
def test_damage_is_one_clear_error(tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], Path]) -> None:
    """Flipped, cut and inserted bytes: the right files, fewer or changed ones of a plain tar, or a TaskError."""
    whole = pack(tmp_path / "whole", NAMES).read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for i in range(80):
        damaged = bytearray(whole)
        at = int(rng.integers(len(damaged)))
        if i % 3 == 0:
            damaged[at] ^= 1 << int(rng.integers(8))
        elif i % 3 == 1:
            del damaged[at:]
        else:
            damaged[at:at] = bytes(int(rng.integers(1, 600)))
        (tmp_path / "it").write_bytes(damaged)
        try:
            unpack(tmp_path / "it", tmp_path / f"out{i}")
        except TaskError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert max(map(len, messages)) < 2000


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"not an archive")
    with pytest.raises(TaskError, match="no zip or tar"):
        unpack(tmp_path / "it.zip", tmp_path / "out")
