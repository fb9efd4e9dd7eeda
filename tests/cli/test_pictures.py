"""Bars in a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from hear_audiomosaic.cli._pictures import bars


@pytest.mark.parametrize("columns", [30, 40, 80, 200])
def test_never_wider_than_the_terminal(columns: int) -> None:
    counts = {f"label {i} " + "x" * (5 * i): 10**i for i in range(12)}
    lines = bars(counts, columns=columns)
    assert len(lines) == 12
    assert max(map(len, lines)) <= min(columns, 100)


def test_lengths_and_order() -> None:
    lines = bars({"rare": 1, "often": 100, "half": 50, "never": 0}, columns=60)
    assert [line.split()[0] for line in lines] == ["often", "half", "rare", "never"]
    lengths = [line.count("\u2588") for line in lines]
    assert lengths[0] == 60 - 5 - 3 - 4
    assert lengths[1] == lengths[0] // 2
    assert lengths[2:] == [1, 0]  # what is there can be seen


def test_more_than_twenty() -> None:
    lines = bars({str(i): 100 - i for i in range(88)})
    assert len(lines) == 21
    assert lines[-1] == "  and 68 more, of 13 to 80 each"
    assert bars({}) == []


def test_labels_cannot_reach_the_terminal() -> None:
    [line] = bars({"\x1b[2J\nnext\tone": 1}, columns=80)
    assert "\x1b" not in line
    assert "\n" not in line
    assert "\\u001b" in line


def test_a_terminal_without_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert bars({"a": 2}, columns=20) == ["  a 2 " + "#" * 14]
