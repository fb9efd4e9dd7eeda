"""A folder of results: what is in it, what is left out and why."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import fake_results as fake
import pytest

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.results.load import load_results


def test_going_over_a_folder_is_going_over_its_results(tmp_path: Path) -> None:
    fake.save(tmp_path, *(fake.success(fake.LOGMEL, on, [0.5]) for on in (fake.ESC50, fake.GUNSHOT)))
    (tmp_path / "stranger.json").write_text('{"hello": "world"}', encoding="utf-8")
    found = load_results(str(tmp_path))
    assert len(found) == 2
    assert [loaded.result.task.name for loaded in found] == ["esc50", "gunshot_triangulation"]
    assert [loaded.file for loaded in found] == sorted(loaded.file for loaded in found.results)
    assert [str(one) for one in found.skipped] == ["stranger.json: is not a result file: status: Field required"]


def test_a_copy_of_a_cell_does_not_count_twice(tmp_path: Path) -> None:
    old = fake.success(fake.LOGMEL, fake.ESC50, [0.5], manifest=fake.manifest(created="2026-01-01T00:00:00+00:00"))
    new = fake.success(fake.LOGMEL, fake.ESC50, [0.7], manifest=fake.manifest(created="2026-01-02T00:00:00+00:00"))
    fake.save(tmp_path / "a", new)
    fake.save(tmp_path / "b", old)
    found = load_results(tmp_path)
    assert [loaded.result.score for loaded in found] == [0.7]
    assert found.skipped[0].file.startswith("b/")
    assert "newer" in found.skipped[0].reason


def test_a_folder_without_results_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"missing is not a folder; .*hear-audiomosaic run"):
        load_results(tmp_path / "missing")
    with pytest.raises(ResultError, match=r"there is no JSON file.*hear-audiomosaic run"):
        load_results(tmp_path)


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.save(tmp_path, fake.success(fake.LOGMEL, fake.ESC50, [0.5]))
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    loaded = load_results(tmp_path)
    assert len(loaded) == 1
    assert [one.file for one in loaded.skipped] == ["closed"]
