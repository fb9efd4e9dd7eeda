"""What is remembered of a file's digest is right, or it is not believed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hear_audiomosaic import file_digests as module
from hear_audiomosaic.file_digests import FileDigests


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read."""
    files: list[Path] = []
    real = module.sha256_of_file
    monkeypatch.setattr(module, "sha256_of_file", lambda path: files.append(path) or real(path))
    return files


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLED_NS", 0)


def digest(memory: Path, path: Path) -> str:
    with FileDigests(memory) as digests:
        return digests.of(path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("settled")
def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path, read: list[Path]) -> None:
    path, memory = tmp_path / "a.wav", tmp_path / "store" / "digests.txt"
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        assert [digest(memory, path) for _ in range(3)] == [sha256(content)] * 3
    assert len(read) == 3
    other = tmp_path / "b.wav"
    other.write_bytes(b"other")
    other.replace(path)  # another inode
    assert digest(memory, path) == sha256(b"other")


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("fault", ["digest", "state", "half", "text", "list", "bytes", "gone"])
def test_a_broken_memory_is_not_believed(tmp_path: Path, read: list[Path], fault: str) -> None:
    path, memory = tmp_path / "a.wav", tmp_path / "digests.txt"
    path.write_bytes(b"content")
    digest(memory, path)
    line = memory.read_bytes().strip()
    broken = {
        "digest": line.replace(sha256(b"content").encode(), sha256(b"another").encode()),
        "state": line.replace(b"[7, ", b"[8, "),
        "half": line[: len(line) // 2],
        "text": b"no record",
        "list": b"[1, 2]",
        "bytes": b"\xff\xfe\x00",
        "gone": b"",
    }
    assert broken[fault] != line
    memory.write_bytes(broken[fault])
    read.clear()
    assert digest(memory, path) == sha256(b"content")
    assert read == [path]
    assert digest(memory, path) == sha256(b"content")  # and remembered anew, after what was broken
    assert read == [path]


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path, read: list[Path]) -> None:
    """It could change once more within one tick of the file system's clock."""
    path, memory = tmp_path / "a.wav", tmp_path / "digests.txt"
    path.write_bytes(b"content")
    assert digest(memory, path) == digest(memory, path) == sha256(b"content")
    assert read == [path, path]
    assert not memory.exists()


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, memory = tmp_path / "a.wav", tmp_path / "digests.txt"
    path.write_bytes(b"content")
    real = module.sha256_of_file

    def meanwhile(of: Path) -> str:
        found = real(of)
        of.write_bytes(b"changed content")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(module, "sha256_of_file", meanwhile)
        digest(memory, path)
    assert digest(memory, path) == sha256(b"changed content")


@pytest.mark.usefixtures("settled")
def test_what_was_read_before_an_interruption_is_remembered(tmp_path: Path, read: list[Path]) -> None:
    path, memory = tmp_path / "a.wav", tmp_path / "digests.txt"
    path.write_bytes(b"content")

    def interrupted() -> None:
        with FileDigests(memory) as digests:
            digests.of(path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    digest(memory, path)
    assert read == [path]
