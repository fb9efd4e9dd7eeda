"""The store as a whole: listed, verified, cleaned, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.cli import main
from hear_audiomosaic.embedding import SplitStore
from hear_audiomosaic.embedding.cache import Chosen, clean, export, logs, verify
from hear_audiomosaic.errors import EmbeddingError

ENCODERS = ("logmel-11112222", "random-micro-33334444")
ROWS = {f"clip{i}.wav": np.full((3, 4), i, np.float32) for i in range(5)}


def folder_of(root: Path, encoder: str, split: str = "train", task: str = "mine-v1-full") -> Path:
    return root / encoder / "scene" / task / split


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two encoders, two splits each, five clips a split; one clip was embedded twice."""
    root = tmp_path / "store"
    for encoder in ENCODERS:
        for split in ("train", "test"):
            with SplitStore(folder_of(root, encoder, split), 4, timed=False) as log:
                log.append("clip0.wav", "older", ROWS["clip1.wav"])
                for file, rows in ROWS.items():
                    log.append(file, "audio", rows)
    return root


def damage(folder: Path, row: int) -> None:
    values = folder / "values.f32"
    content = bytearray(values.read_bytes())
    content[row * 16] ^= 1
    values.write_bytes(content)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_list(store: Path) -> None:
    found = list(logs(store))
    assert [(log.encoder, log.split, log.n_clips, log.error) for log in found] == [
        (encoder, split, 5, None) for encoder in ENCODERS for split in ("test", "train")
    ]
    for log in found:
        assert log.n_bytes == sum(path.stat().st_size for path in log.folder.iterdir())
        assert 48 <= log.n_unused_bytes < log.n_bytes - 5 * 48  # the older rows of clip0, and its line


@pytest.mark.parametrize(
    ("encoders", "tasks", "n_logs"),
    [((), (), 4), (("logmel",), (), 2), (("*3333*",), (), 2), (("log",), (), 0), ((), ("mine",), 4), ((), ("x",), 0)],
)
def test_choice(store: Path, encoders: tuple[str, ...], tasks: tuple[str, ...], n_logs: int) -> None:
    assert len(list(logs(store, Chosen(encoders=encoders, tasks=tasks)))) == n_logs
    assert list(logs(store, Chosen(encoders=encoders, not_written_for_days=1))) == []


def test_verify_names_the_clip(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cache", "verify", "--store", str(store)) == 0
    damage(folder_of(store, ENCODERS[0]), row=3 + 3 * 2)  # behind clip0's older rows
    faults = [fault for log in logs(store) for fault in verify(log)]
    assert [(fault.log.encoder, fault.log.split, fault.clip) for fault in faults] == [
        (ENCODERS[0], "train", "clip2.wav")
    ]
    capsys.readouterr()
    assert run("cache", "verify", "--store", str(store), "--json") == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["clip"], row["fault"]) == ("clip2.wav", "damaged")


def test_gc_frees_what_nobody_needs(store: Path) -> None:
    damage(folder_of(store, ENCODERS[0]), row=3 + 3 * 2)
    before = sum(log.n_bytes for log in logs(store))
    assert len(list(clean(store, dry_run=True))) == 4
    assert sum(log.n_bytes for log in logs(store)) == before
    freed = sum(cleaned.n_bytes for cleaned in clean(store))
    assert sum(log.n_bytes for log in logs(store)) == before - freed
    assert freed > 4 * 48
    for log in logs(store):
        assert verify(log) == []
        assert log.n_unused_bytes == 0
        whole = SplitStore.found(log.folder)
        assert set(whole.files) == set(ROWS) - ({"clip2.wav"} if log.folder == folder_of(store, ENCODERS[0]) else set())
        np.testing.assert_array_equal(whole.read(["clip4.wav"]).values, ROWS["clip4.wav"])
    assert list(clean(store)) == []


def test_gc_removes_what_is_named(store: Path) -> None:
    assert run("cache", "gc", "--store", str(store), "--encoders", "logmel") == 0
    assert {log.encoder for log in logs(store)} == {ENCODERS[1]}
    left = [path.name for path in (store / ENCODERS[0]).rglob("*") if path.is_file()]
    assert set(left) <= {"writer.lock"}


def test_gc_removes_what_cannot_be_used(store: Path) -> None:
    folder = folder_of(store, ENCODERS[0])
    (folder / "index.jsonl").write_text('{"file": "a.wav", "audio": "x", "first_row": 0, "n_rows": 1, "size": 4}\n')
    (log,) = [log for log in logs(store) if log.error]
    assert "format 1" in str(log.error)
    assert [fault.clip for fault in verify(log)] == [None]
    (cleaned,) = [cleaned for cleaned in clean(store) if cleaned.path == folder]
    assert "cannot be used" in cleaned.what
    assert len(list(logs(store))) == 3


def test_gc_leaves_what_is_being_written(store: Path) -> None:
    folder = folder_of(store, ENCODERS[0])
    with SplitStore(folder, 4, timed=False) as log:
        (cleaned,) = [cleaned for cleaned in clean(store) if cleaned.path == folder]
        assert "being written to" in cleaned.what
        log.append("new.wav", "audio", ROWS["clip1.wav"])
    assert SplitStore.found(folder).has("new.wav", "audio")


def test_export_is_read_by_numpy_alone(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed = store / ENCODERS[0] / "timestamp" / "events-v1-full" / "train"
    with SplitStore(timed, 2, timed=True) as log:
        log.append("a.wav", "audio", np.ones((2, 2), np.float32), np.array([25.0, 75.0]))
    assert run("cache", "export", "--store", str(store), "--encoders", "logmel", "--out", str(tmp_path / "out")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    with np.load(tmp_path / "out" / ENCODERS[0] / "mine-v1-full" / "train.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"embeddings", "files", "row_file"}
        for file, rows in ROWS.items():
            at = list(arrays["files"]).index(file)
            np.testing.assert_array_equal(arrays["embeddings"][arrays["row_file"] == at], rows)
    with np.load(tmp_path / "out" / ENCODERS[0] / "events-v1-full" / "train.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["timestamps_ms"], [25.0, 75.0])


def test_export_refuses_damage(store: Path, tmp_path: Path) -> None:
    damage(folder_of(store, ENCODERS[0]), row=4)
    log = next(log for log in logs(store, Chosen(encoders=["logmel"])) if log.split == "train")
    with pytest.raises(EmbeddingError, match="damaged"):
        export(log, tmp_path / "out")


def test_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cache", "list", "--store", str(tmp_path / "none")) == 1
    assert "no store" in capsys.readouterr().err
