"""Names that somebody wrote into a file and that become part of a path."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from names_that_are_paths import ATTACKS, HARMLESS

from hear_audiomosaic.paths import plain_name_fault


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_what_is_no_plain_name(name: str) -> None:
    message = plain_name_fault(name, "clip")
    assert message is not None
    assert message.startswith("the clip '")
    assert "rename it" in message
    assert len(message) < 250
    assert message.isprintable()


@pytest.mark.parametrize("name", HARMLESS, ids=ascii)
def test_a_plain_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    assert plain_name_fault(name, "clip") is None
    assert PureWindowsPath(name).name == name or ":" in name
    (tmp_path / name).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_fewer_bytes_where_something_is_added() -> None:
    assert plain_name_fault("x" * 200, "split", 200) is None
    assert "has 201 bytes" in str(plain_name_fault("x" * 201, "split", 200))
