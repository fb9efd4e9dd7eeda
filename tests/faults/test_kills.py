"""Commands killed at the k-th change of a file: the same command then ends as one that was not, and nothing is left."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import kills
import pytest

N_KILLS = 7
"""Of each command that writes in the long form, spread over all its changes."""
N_LAST = 20
"""Last changes of a replacement of a task, each a kill of its own: the renames are among them."""


@pytest.fixture(scope="session")
def undisturbed(run: kills.Commands, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Name of a command -> how many changes it makes, and what is there afterwards."""

    @cache
    def after(name: str) -> tuple[int, dict[str, Any]]:
        folder = kills.copy_of(world, tmp_path_factory.mktemp("undisturbed") / "world")
        ended = run.run(kills.COMMANDS[name], folder)
        assert ended.code == 0, ended.output
        assert kills.left_over(folder) == []
        return ended.n, kills.contents(folder)

    return after


def killed_and_resumed(run: kills.Commands, undisturbed: Any, world: Path, folder: Path, name: str, at: int) -> None:
    kills.copy_of(world, folder)
    ended = run.run(kills.COMMANDS[name], folder, at=at)
    assert ended.code == kills.KILLED, f"{name}, change {at}: {ended.output}"
    if "overwrite" in name:  # the old task or the new one, whole
        shown = run.run("tasks show pets --json --tasks-dir tasks", folder)
        assert shown.code == 0, f"change {at}: {shown.output}"
        task = {key: value for key, value in kills.contents(folder).items() if key.startswith("tasks/pets-v1-full/")}
        assert task in [
            {key: value for key, value in whole.items() if key.startswith("tasks/pets-v1-full/")}
            for whole in (kills.contents(world), undisturbed(name)[1])
        ], f"change {at}"
    again = run.run(kills.COMMANDS[name], folder)
    assert again.code == 0, f"{name}, change {at}: {again.output}"
    assert kills.left_over(folder) == [], f"{name}, change {at}"
    found, expected = kills.contents(folder), undisturbed(name)[1]
    assert found.keys() == expected.keys(), f"{name}, change {at}"
    assert [key for key in found if found[key] != expected[key]] == [], f"{name}, change {at}"


SHORT = {
    "prepare": 0.7,
    "prepare --overwrite": 0.9,
    "embed": 0.5,
    "embed for heareval": 0.8,
    "run": 0.9,
    "probe": 0.6,
    "report": 0.4,
    "pretrain": 0.6,
}


@pytest.mark.parametrize(("name", "where"), SHORT.items(), ids=list(SHORT))
def test_a_kill(run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path, name: str, where: float) -> None:
    at = round(where * undisturbed(name)[0])
    killed_and_resumed(run, undisturbed, world, tmp_path / "killed", name, at)


@pytest.mark.faults
@pytest.mark.parametrize("name", kills.WRITING)
def test_kills_at_many_moments(run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path, name: str) -> None:
    n = undisturbed(name)[0]
    for at in kills.spread(n, N_KILLS):
        killed_and_resumed(run, undisturbed, world, tmp_path / f"killed-{at}", name, at)


@pytest.mark.faults
def test_a_kill_at_each_of_the_last_changes_of_a_replacement(
    run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path
) -> None:
    n = undisturbed("prepare --overwrite")[0]
    for at in range(n - N_LAST + 1, n + 1):
        killed_and_resumed(run, undisturbed, world, tmp_path / f"killed-{at}", "prepare --overwrite", at)
