"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the project's root; a user does not have it."""
    folder = Path(os.environ.get("HEAR_AUDIOMOSAIC_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the reference data (../shared) is not here")
    return folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own data folder."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HEAR_AUDIOMOSAIC_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def _synth_pitch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hear_audiomosaic import api

    return api.prepare_task("synth_pitch", tasks_dir=tmp_path_factory.mktemp("synthetic")).directory


@pytest.fixture
def synth_pitch(_own_home: Path, _synth_pitch: Path) -> Path:
    """The task of that name, which takes seconds to make, where a user has it: in the data folder."""
    return Path(shutil.copytree(_synth_pitch, _own_home / "tasks" / _synth_pitch.name))
