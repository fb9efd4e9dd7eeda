"""The embedding log: what was appended is read, in any order, also after a kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.embedding import SplitStore
from hear_audiomosaic.embedding.rows import NewRows
from hear_audiomosaic.errors import EmbeddingError


def fill(folder: Path, n_clips: int = 5, timed: bool = True) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    clips = {f"{i}.wav": rng.standard_normal((1 + i if timed else 1, 3)).astype(np.float32) for i in range(n_clips)}
    with SplitStore(folder, 3, timed) as store:
        for file, values in clips.items():
            store.append(file, f"digest of {file}", values, np.arange(len(values)) * 10.0 if timed else None)
    return clips


@pytest.mark.parametrize("timed", [True, False])
def test_rows_come_back_in_any_order(tmp_path: Path, timed: bool) -> None:
    clips = fill(tmp_path, timed=timed)
    files = ["3.wav", "0.wav", "4.wav"]
    rows = SplitStore(tmp_path, 3, timed).read(files)
    assert np.array_equal(rows.values, np.concatenate([clips[file] for file in files]))
    assert rows.row_file.tolist() == [i for i, file in enumerate(files) for _ in clips[file]]
    if timed:
        assert rows.timestamps_ms is not None
        assert rows.timestamps_ms.tolist() == [10.0 * t for file in files for t in range(len(clips[file]))]
    else:
        assert rows.timestamps_ms is None


def test_a_changed_clip_is_not_there(tmp_path: Path) -> None:
    fill(tmp_path)
    store = SplitStore(tmp_path, 3, True)
    assert store.has("1.wav", "digest of 1.wav")
    assert not store.has("1.wav", "another digest")
    with SplitStore(tmp_path, 3, True) as store:
        store.append("1.wav", "another digest", np.ones((2, 3), np.float32), np.zeros(2))
    assert np.array_equal(SplitStore(tmp_path, 3, True).read(["1.wav"]).values, np.ones((2, 3)))


@pytest.mark.parametrize("name", ["values.f32", "times.f64", "index.jsonl"])
def test_a_kill_at_any_byte_loses_no_whole_clip(tmp_path: Path, name: str) -> None:
    clips = fill(tmp_path / "whole")
    original = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    for cut in range(0, len(original[name]), 7):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        for file, content in original.items():
            (folder / file).write_bytes(content[:cut] if file == name else content)
        store = SplitStore(folder, 3, True)
        kept = [file for file in clips if store.has(file, f"digest of {file}")]
        assert kept == list(clips)[: len(kept)]
        with store:  # goes on where it was
            for file in list(clips)[len(kept) :]:
                store.append(file, f"digest of {file}", clips[file], np.arange(len(clips[file])) * 10.0)
        rows = SplitStore(folder, 3, True).read(list(clips))
        assert np.array_equal(rows.values, np.concatenate(list(clips.values())))


def test_all_at_one_stroke_is_one_by_one(tmp_path: Path) -> None:
    """Where one does not fit, those before it are there."""
    clips = fill(tmp_path / "one by one")
    new = [
        NewRows(file, f"digest of {file}", values, np.arange(len(values)) * 10.0, "cpu")
        for file, values in clips.items()
    ]
    with SplitStore(tmp_path / "all", 3, True) as store:
        store.append_all(new)
    for name in ("values.f32", "times.f64", "index.jsonl"):
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "one by one" / name).read_bytes()
    too_large = NewRows("large.wav", "its digest", np.full((1, 3), 1e6, np.float32), np.zeros(1), "cpu")
    with SplitStore(tmp_path / "half", 3, True, "float16") as store:
        with pytest.raises(EmbeddingError, match=r"large\.wav reach 1e\+06"):
            store.append_all([*new[:2], too_large, *new[2:]])
        store.append_all(new[3:])
    assert SplitStore(tmp_path / "half", 3, True, "float16").files == ("0.wav", "1.wav", "3.wav", "4.wav")


def test_errors(tmp_path: Path) -> None:
    fill(tmp_path)
    with pytest.raises(EmbeddingError, match="absent"):
        SplitStore(tmp_path, 3, True).read(["0.wav", "absent.wav"])
    with pytest.raises(EmbeddingError, match="of 3 features"):
        SplitStore(tmp_path, 4, True)
    with pytest.raises(EmbeddingError, match="with-statement"):
        SplitStore(tmp_path, 3, True).append("a", "b", np.zeros((1, 3), np.float32))


def test_a_split_is_synced_once_when_it_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fill(tmp_path, n_clips=1)
    monkeypatch.setattr("hear_audiomosaic.embedding.store.os.fsync", synced.append)
    with SplitStore(tmp_path, 3, True) as store:
        for file in ("a", "b", "c"):
            store.append(file, "digest", np.ones((1, 3), np.float32), np.zeros(1))
        assert synced == []
    assert len(synced) == 3  # values, times and index
    with SplitStore(tmp_path, 3, True):
        pass
    assert len(synced) == 3
