"""Commands at the same time on the same files: each ends as it would alone, and every byte is right."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import kills
import pytest

ROUNDS = 8
"""Of each mix, in the long form: 64 in all."""
RUN = kills.COMMANDS["run"]
MIXES = {
    "two runs, one folder of results": (RUN, RUN),
    "two runs, two folders": (RUN, RUN.replace("--out new", "--out other")),
    "three runs": (RUN, RUN.replace("--out new", "--out other"), RUN.replace("--out new", "--out third")),
    "run, report, status": (RUN, "report results --out page", "status results"),
    "run, report of what grows": (RUN.replace("--out new", "--out results"), "report results --out page"),
    "run, gc, verify": (RUN, "cache gc --store store", "cache verify --store store"),
    "two preparations": (kills.COMMANDS["prepare"], kills.COMMANDS["prepare"]),
    "two trainings": (kills.COMMANDS["pretrain"], kills.COMMANDS["pretrain"]),
}
MAY_BE_REFUSED = ("nother process trains in", "There is no store at")
"""A second training into one folder, and a look at a store that is not there yet: told, with exit code 1."""


@pytest.fixture(scope="module")
def processes(run: kills.Commands) -> Iterator[list[kills.Commands]]:
    with ExitStack() as stack:
        yield [run, *(stack.enter_context(kills.commands(run)) for _ in range(2))]


def one_round(processes: list[kills.Commands], mix: tuple[str, ...], folder: Path) -> dict[str, object]:
    """Run a mix at once; what it left, without what only says that somebody looked."""
    with ThreadPoolExecutor(len(mix)) as pool:
        ended = list(pool.map(lambda process, line: process.run(line, folder), processes, mix))
    for line, one in zip(mix, ended, strict=False):
        assert "Traceback" not in one.output, f"{line}: {one.output}"
        assert one.code == 0 or any(text in one.output for text in MAY_BE_REFUSED), f"{line}: {one.output}"
    assert any(one.code == 0 for one in ended)
    assert kills.left_over(folder) == []
    return {name: content for name, content in kills.contents(folder).items() if not name.startswith("page/")}


def alone(processes: list[kills.Commands], mix: tuple[str, ...], folder: Path) -> dict[str, object]:
    """The same commands one after the other; a second training finds the first one's work done."""
    for line in mix:
        assert processes[0].run(line, folder).code == 0
    return {name: content for name, content in kills.contents(folder).items() if not name.startswith("page/")}


def together(processes: list[kills.Commands], name: str, n_rounds: int, world: Path, tmp_path: Path) -> None:
    mix = MIXES[name]
    expected = alone(processes, mix, kills.copy_of(world, tmp_path / "alone"))
    for i in range(n_rounds):
        found = one_round(processes, mix, kills.copy_of(world, tmp_path / f"round-{i}"))
        assert found.keys() == expected.keys(), f"{name}, round {i}"
        assert [path for path in expected if found[path] != expected[path]] == [], f"{name}, round {i}"


@pytest.mark.parametrize("name", ["three runs", "run, report of what grows", "two trainings"])
def test_together(processes: list[kills.Commands], world: Path, tmp_path: Path, name: str) -> None:
    together(processes, name, 1, world, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("name", MIXES)
def test_together_many_times(processes: list[kills.Commands], world: Path, tmp_path: Path, name: str) -> None:
    together(processes, name, ROUNDS, world, tmp_path)
