"""A small world of tasks, results, embeddings and recordings, and commands in it that are killed or refused a file."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audio_files import folder_of
from task_folders import scene_folder, scene_rows

HERE = Path(__file__).resolve().parent
PREPARE = "tasks prepare in --name pets --split split --tasks-dir"
RUN = "--tasks pets --tasks-dir tasks"
COMMANDS = {
    "prepare": f"{PREPARE} new --label label",
    "prepare --overwrite": f"{PREPARE} tasks --label tags --separator | --overwrite",
    "prepare another rate": f"{PREPARE} tasks --label label --rate 16000 8000",
    "embed": f"embed --encoder toy_encoder {RUN} --out store",
    "embed for heareval": f"embed --encoder toy_encoder {RUN} --out new --layout heareval --store store",
    "run": f"run --encoders toy_encoder {RUN} --protocols logistic few-shot-2 --out new --store store",
    "probe": "probe embeddings/toy_encoder/pets-v1-full --protocol logistic",
    "report": "report results --out new",
    "pretrain": "pretrain audiomosaic --data audio --steps 3 --batch-size 4 --crop 0.5 --option augment=off --workers 0"
    " --log-every 1 --save-every 1 --out new",
    "status": "status results",
    "compare": "compare results toy_encoder toy_encoder?layer=0",
    "tasks list": "tasks list --tasks-dir tasks",
    "tasks show": "tasks show pets --tasks-dir tasks",
    "published": "report --published hear2021 --out new",
}
WRITING = [name for name in COMMANDS if name not in ("status", "compare", "tasks list", "tasks show")]
KILLED = 137
LEFT_OVER = (".part", ".ready", ".before", ".gone", ".old")
_NOT_COMPARED = {".locks", "writer.lock", "run.lock", "digests", "tensorboard", "home"}


@dataclass(frozen=True)
class Ended:
    """A command that has ended: 137 is a kill; ``n`` operations, listed in ``log``, unless it was killed."""

    code: int
    output: str
    n: int
    log: list[str]


class Commands:
    """Runs commands in forks of one warm process (``forked_commands.py``).

    Args:
        of: another one, of whose process this one's is a fork: it starts at once. (Default: a new process)
    """

    def __init__(self, of: Commands | None = None) -> None:
        self._process = None
        if of is not None:
            with tempfile.TemporaryDirectory() as folder:
                paths = [str(Path(folder, name)) for name in ("asked", "answers")]
                for path in paths:
                    os.mkfifo(path)
                of._ask({"twin": paths})
                self._asked, self._answers = Path(paths[0]).open("w"), Path(paths[1]).open()  # noqa: SIM115
            return
        paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "forked_commands.py")],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(path for path in paths if path), "OMP_NUM_THREADS": "1"}
            | {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._answers = self._process.stdin, self._process.stdout

    def run(
        self,
        line: str,
        folder: Path,
        *,
        at: int = 0,
        do: str = "kill",
        kind: str = "change",
        once: bool = False,
        spare_mib: int | None = None,
    ) -> Ended:
        with tempfile.NamedTemporaryFile() as output:
            request: dict[str, Any] = {"arguments": line.split(), "folder": str(folder), "output": output.name}
            request |= {"at": at, "do": do, "kind": kind, "once": once, "spare_mib": spare_mib}
            self._ask(request)
            return Ended(**json.loads(self._answers.readline()))

    def _ask(self, request: dict[str, Any]) -> None:
        self._asked.write(json.dumps(request) + "\n")
        self._asked.flush()

    def close(self) -> None:
        self._asked.close()  # it ends when nothing more is asked
        self._answers.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def commands(of: Commands | None = None) -> Iterator[Commands]:
    started = Commands(of)
    try:
        yield started
    finally:
        started.close()


def make_world(folder: Path, run: Commands) -> Path:
    """Everything that the commands read; paths are relative to it."""
    scene_folder(folder / "in", scene_rows(12))
    folder_of(folder / "audio", 4)
    for line in (
        f"{PREPARE} tasks --label label",
        f"run --encoders toy_encoder {RUN} --protocols logistic --out results --store other-store",
        f"embed --encoder toy_encoder {RUN} --out embeddings --layout heareval --store other-store",
    ):
        ended = run.run(line, folder)
        assert ended.code == 0, ended.output
    (result,) = (folder / "results").rglob("*.json")
    other = json.loads(result.read_text())
    other["encoder"] |= {"ref": "toy_encoder?layer=0", "label": "toy_encoder?layer=0", "fingerprint": "0" * 64}
    beside = result.with_name("other.json")
    beside.write_text(json.dumps(other))
    return folder


def copy_of(world: Path, folder: Path) -> Path:
    shutil.copytree(world, folder, symlinks=True)
    return folder


def contents(folder: Path) -> dict[str, Any]:
    """Every file but locks and caches, without what is of the clock; what stands where."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() and not path.name.endswith(LEFT_OVER):
            continue
        if not _NOT_COMPARED & set(parts) or path.name.endswith(LEFT_OVER):
            found["/".join(parts)] = _timeless(path) if path.is_file() else path.name
    return found


def left_over(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name.endswith(LEFT_OVER)]


def spread(n: int, count: int) -> Sequence[int]:
    """At most ``count`` of the moments 1 .. n, the last one among them."""
    return sorted({round(1 + i * (n - 1) / max(1, count - 1)) for i in range(count)}) if n else []


def _without_times(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in ("manifest", "time", "time_in_min")}


def _timeless(path: Path) -> object:
    content = path.read_bytes()
    if path.suffix == ".json":
        return json.loads(content, object_hook=_without_times)
    if path.name == "log.csv":
        rows = csv.DictReader(io.StringIO(content.decode()))
        return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
    return content
