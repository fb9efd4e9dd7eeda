"""The world of the commands that are disturbed, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import kills
import pytest


@pytest.fixture(scope="session")
def run() -> Iterator[kills.Commands]:
    with kills.commands() as started:
        yield started


@pytest.fixture(scope="session")
def world(run: kills.Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_world(tmp_path_factory.mktemp("world"), run)
