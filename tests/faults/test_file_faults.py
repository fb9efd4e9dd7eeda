"""A disk that refuses: one line, exit code 1, no traceback; then the same command ends as if nothing had been."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import kills
import pytest

N_MOMENTS = 1
"""Of each command and errno in the long form."""
CHANGES = [("ENOSPC", False), ("EDQUOT", False), ("EROFS", False), ("EACCES", False), ("EIO", True), ("EMFILE", True)]
READS = [("EACCES", False), ("EIO", True), ("EMFILE", True)]
REASONS = re.compile(
    r"no space left|quota exceeded|read-only file system|permission denied|input/output error|too many open files", re.I
)
CURES = re.compile(r"choose another|again|permission|write|folder", re.I)


@pytest.fixture(scope="session")
def undisturbed(run: kills.Commands, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Command line and kind -> how many operations it does, and what is there afterwards."""

    @cache
    def after(line: str, kind: str) -> tuple[int, dict[str, Any]]:
        folder = kills.copy_of(world, tmp_path_factory.mktemp("undisturbed") / "world")
        ended = run.run(line, folder, kind=kind)
        assert ended.code == 0, ended.output
        return ended.n, kills.contents(folder)

    return after


def is_clear(ended: kills.Ended) -> bool:
    """One line (or one a cell) that says the fault and the cure; and no traceback."""
    lines = [line for line in ended.output.splitlines() if REASONS.search(line)]
    return "Traceback" not in ended.output and all(CURES.search(line) for line in lines) and bool(lines)


def refused_and_resumed(
    run: kills.Commands,
    undisturbed: Any,
    world: Path,
    folder: Path,
    line: str,
    kind: str,
    at: int,
    fault: str,
    once: bool,
) -> None:
    case = f"{line}: {fault} at {kind} {at}"
    kills.copy_of(world, folder)
    ended = run.run(line, folder, kind=kind, at=at, do=fault, once=once)
    assert "Traceback" not in ended.output, f"{case}\n{ended.output}"
    assert ended.code in (0, 1), f"{case}: {ended.code}\n{ended.output}"
    if ended.code == 1:
        assert is_clear(ended), f"{case}\n{ended.output}"
    again = run.run(line, folder)
    assert again.code == 0, f"{case}\n{ended.output}\n{again.output}"
    found, expected = kills.contents(folder), undisturbed(line, "change")[1]
    differ = [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]
    assert differ == [], f"{case}\n{ended.output}"


SHORT = [
    ("run", "change", 0.5, "ENOSPC", False),
    ("embed", "change", 0.7, "EDQUOT", False),
    ("prepare", "change", 0.6, "ENOSPC", False),
    ("report", "change", 0.5, "EROFS", False),
    ("pretrain", "change", 0.8, "ENOSPC", False),
    ("tasks list", "read", 0.5, "EACCES", False),
]


@pytest.mark.parametrize(("name", "kind", "where", "fault", "once"), SHORT, ids=[f"{s[0]} {s[3]}" for s in SHORT])
def test_a_disk_that_refuses(
    run: kills.Commands,
    undisturbed: Any,
    world: Path,
    tmp_path: Path,
    name: str,
    kind: str,
    where: float,
    fault: str,
    once: bool,
) -> None:
    line = kills.COMMANDS[name]
    at = max(1, round(where * undisturbed(line, kind)[0]))
    refused_and_resumed(run, undisturbed, world, tmp_path / "world", line, kind, at, fault, once)


@pytest.mark.faults
@pytest.mark.parametrize("name", kills.COMMANDS)
def test_a_disk_that_refuses_at_many_moments(
    run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path, name: str
) -> None:
    line = kills.COMMANDS[name]
    for kind, faults in (("change", CHANGES), ("read", READS)):
        n = undisturbed(line, kind)[0]
        for number, (fault, once) in enumerate(faults):
            for at in kills.spread(n, N_MOMENTS):
                moment = max(1, min(n, at + round(number * n / len(faults))))  # not the same ones for every errno
                folder = tmp_path / f"{kind}-{fault}-{moment}-{at}"
                refused_and_resumed(run, undisturbed, world, folder, line, kind, moment, fault, once)


Spoil = Callable[[Path], None]


def a_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way\n")


def a_folder(path: Path) -> None:
    (path / "in the way").mkdir(parents=True)


def a_pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(path.parent)  # its address may have 107 bytes
    try:
        bound.bind(path.name)
    finally:
        os.chdir(here)
        bound.close()


def a_link_to_nowhere(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere/at all")


def a_loop(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)


OUT, TASK, EMBEDDINGS = "new/toy_encoder/pets-v1-full", "tasks/pets-v1-full", "embeddings/toy_encoder/pets-v1-full"
IN_THE_WAY: list[tuple[str, str, Spoil, int]] = [
    # the command, the path, what is there in its stead, the exit code
    *(("run", "new", spoil, 1) for spoil in (a_file, a_link_to_nowhere, a_loop)),
    *(("run", path, a_file, 1) for path in ("new/toy_encoder", OUT)),
    *(("run", f"{OUT}/logistic-seed42.{kind}", spoil, 1) for kind in ("json", "npz") for spoil in (a_folder, a_pipe)),
    *(("run", "store", spoil, 1) for spoil in (a_file, a_link_to_nowhere)),
    ("run", "store/digests", a_file, 0),
    *(("run", f"{TASK}/task_metadata.json", spoil, 1) for spoil in (a_folder, a_pipe, a_loop)),
    *(("run", f"{TASK}/labelvocabulary.csv", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("run", f"{TASK}/train.json", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("run", f"{TASK}/16000/train/clip00.wav", spoil, 1) for spoil in (a_folder, a_pipe, a_link_to_nowhere)),
    *(("embed", "store", spoil, 1) for spoil in (a_file, a_loop)),
    *(("embed for heareval", path, a_file, 1) for path in ("new", "new/toy_encoder")),
    *(("embed for heareval", f"{OUT}/train.embeddings.npy", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("prepare", "new", spoil, 1) for spoil in (a_file, a_link_to_nowhere)),
    *(("prepare", f"new/{path}", a_file, 1) for path in (".locks", ".pets-v1-full.part", "pets-v1-full")),
    *(("prepare", "in/metadata.csv", spoil, 1) for spoil in (a_folder, a_pipe, a_loop)),
    *(("prepare", "in/audio/clip00.wav", spoil, 1) for spoil in (a_folder, a_pipe, a_socket)),
    ("prepare --overwrite", "tasks/.pets-v1-full.ready", a_file, 1),
    *(("probe", f"{EMBEDDINGS}/test.predicted-scores.json", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("probe", f"{EMBEDDINGS}/test.embeddings.npy", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("probe", f"{EMBEDDINGS}/test.json", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("report", "new", spoil, 1) for spoil in (a_file, a_link_to_nowhere)),
    *(("report", "new/index.html", spoil, 1) for spoil in (a_folder, a_pipe, a_socket)),
    *(
        (name, "results/foreign.json", spoil, 0)
        for name in ("report", "status", "compare")
        for spoil in (a_pipe, a_loop)
    ),
    *(("status", "results/foreign.json", spoil, 0) for spoil in (a_socket, a_folder, a_link_to_nowhere)),
    *(("report", "results/toy_encoder/pets-v1-full/logistic-seed42.npz", spoil, 0) for spoil in (a_folder, a_pipe)),
    *(("pretrain", "new", spoil, 1) for spoil in (a_file, a_link_to_nowhere)),
    *(("pretrain", f"new/{path}", a_folder, 1) for path in ("log.csv", "encoder.safetensors")),
    *(
        ("pretrain", f"new/{path}", a_pipe, 1)
        for path in ("run.json", "run.lock", "checkpoint.json", "log.csv", "encoder.safetensors", "encoder.json")
    ),
    ("pretrain", "home", a_file, 0),
    *(("tasks list", f"{TASK}/task_metadata.json", spoil, 1) for spoil in (a_folder, a_pipe)),
    *(("tasks show", f"{TASK}/train.json", spoil, 1) for spoil in (a_pipe, a_loop)),
    ("published", "new/published.md", a_folder, 1),
]
IDS = [f"{name}: {spoil.__name__} at {path}" for name, path, spoil, _ in IN_THE_WAY]
SHORT_OF_THEM = IN_THE_WAY[:: len(IN_THE_WAY) // 8]


def in_the_way(
    run: kills.Commands, undisturbed: Any, world: Path, folder: Path, name: str, path: str, spoil: Spoil, code: int
) -> None:
    line = kills.COMMANDS[name]
    kills.copy_of(world, folder)
    place, aside = folder / path, folder.with_name("aside")
    if os.path.lexists(place):
        place.rename(aside)
    spoil(place)
    ended = run.run(line, folder)
    assert "Traceback" not in ended.output, ended.output
    assert ended.code == code, ended.output
    if code:
        said = [text for text in ended.output.splitlines() if Path(path).name.removesuffix(".part").lstrip(".") in text]
        assert said, ended.output
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    elif spoil is a_file or not place.is_file():  # a pipe can have been replaced by the file that is written there
        place.unlink()
    if aside.exists():
        aside.rename(place)
    again = run.run(line, folder)
    assert again.code == 0, again.output
    found, expected = kills.contents(folder), undisturbed(line, "change")[1]
    assert [one for one in found.keys() | expected.keys() if found.get(one) != expected.get(one)] == []


@pytest.mark.parametrize(
    ("name", "path", "spoil", "code"), SHORT_OF_THEM, ids=[IDS[IN_THE_WAY.index(case)] for case in SHORT_OF_THEM]
)
def test_something_in_the_way(
    run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path, name: str, path: str, spoil: Spoil, code: int
) -> None:
    in_the_way(run, undisturbed, world, tmp_path / "world", name, path, spoil, code)


@pytest.mark.faults
@pytest.mark.parametrize(("name", "path", "spoil", "code"), IN_THE_WAY, ids=IDS)
def test_anything_in_the_way(
    run: kills.Commands, undisturbed: Any, world: Path, tmp_path: Path, name: str, path: str, spoil: Spoil, code: int
) -> None:
    in_the_way(run, undisturbed, world, tmp_path / "world", name, path, spoil, code)


LONG_NAME, LONG_PATH = "x" * 300, "/".join(["x" * 250] * 20)
NO_SUCH = [
    *(
        line.replace("new", long)
        for line in kills.COMMANDS.values()
        for long in (LONG_NAME, LONG_PATH)
        if "new" in line
    ),
    *(f"{line} {long}" for line in ("status", "report", "probe") for long in (LONG_NAME, LONG_PATH)),
    *(f"tasks {line} --tasks-dir {LONG_PATH}" for line in ("list", "show pets")),
    f"pretrain audiomosaic --data {LONG_NAME} --out new",
    *(f"encoders show audiomosaic:{path}" for path in ("in", "in/metadata.csv", "none.pt", LONG_NAME)),
    *(f"{line} --out in/metadata.csv" for line in ("demo", "reproduce aliasing")),
]


@pytest.mark.faults
@pytest.mark.parametrize("line", NO_SUCH, ids=[f"{i}" for i in range(len(NO_SUCH))])
def test_paths_that_cannot_be(run: kills.Commands, world: Path, tmp_path: Path, line: str) -> None:
    ended = run.run(line, kills.copy_of(world, tmp_path / "world"))
    assert "Traceback" not in ended.output, ended.output
    assert ended.code in (1, 2) or "tasks list" in line, ended.output
