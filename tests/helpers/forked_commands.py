"""Commands in forks of one process that has imported everything, disturbed at the k-th file operation in a folder.

``python forked_commands.py`` takes a line of JSON per command and answers with one (see ``kills.Commands``). A fork
costs milliseconds where a new process imports for seconds; a real process ends in a real ``os._exit``.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

KILLED = 137
NEEDS_SPACE = {"open", "write", "mkdir", "symlink"}
TIMEOUT_S = 120
WARM = (
    *("hear_audiomosaic.cli._app", "hear_audiomosaic.api", "hear_audiomosaic.bench.embed"),
    *("hear_audiomosaic.bench.runner", "hear_audiomosaic.heareval.read", "hear_audiomosaic.heareval.write"),
    *("hear_audiomosaic.pretraining.engine", "hear_audiomosaic.probing.logistic", "hear_audiomosaic.reporting.report"),
    *("hear_audiomosaic.reporting.published", "hear_audiomosaic.audiomosaic.objective", "hear_audiomosaic.floors"),
    *("hear_audiomosaic.reporting.result_set", "hear_audiomosaic.reporting.comparison.status"),
    *("sklearn.linear_model", "torch._dynamo", "encodings.utf_8_sig", "encodings.cp437"),
    *("pandas", "scipy.optimize", "scipy.stats", "sklearn.metrics", "soxr", "torch.utils.tensorboard", "toy_encoder"),
)


class Disturbance:
    """Counts what is done to files in a folder and disturbs the k-th operation.

    Args:
        folder: in which operations count.
        kind: "change" counts openings for writing, writes, renames, removals, new folders, flushes; "read" counts
            openings for reading.
        at: 1 is the first one; 0 disturbs none.
        do: "kill", or the name of an errno that is raised; before a kill, half of a write is done.
        once: only that operation, or all from there on.
    """

    def __init__(self, folder: str, kind: str, at: int, do: str, once: bool) -> None:
        self.folder, self.kind, self.at, self.do, self.once = os.path.realpath(folder), kind, at, do, once
        self.n = 0
        self.log: list[str] = []

    def install(self) -> None:
        for name in ("rename", "replace", "unlink", "remove", "mkdir", "rmdir", "truncate", "symlink"):
            setattr(os, name, self._counted(getattr(os, name), name))
        for module in (io, builtins):
            module.open = self._opener(module.open)
        plain, flush = os.open, os.fsync

        def low_level(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            if named.get("dir_fd") is None:
                self._operation("open", path, "change" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else "read")
            return plain(path, flags, *rest, **named)

        def flushed(descriptor: int) -> None:
            self._operation("fsync", opened_path(descriptor), "change")
            flush(descriptor)

        os.open, os.fsync = low_level, flushed

    def _counted(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(path: Any, *rest: Any, **named: Any) -> Any:
            self._operation(name, path, "change")
            return function(path, *rest, **named)

        return counted

    def _opener(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            writes = any(letter in mode for letter in "wxa+")
            if not isinstance(file, int):
                self._operation("open", file, "change" if writes else "read")
            raw = function(file, mode, *rest, **named)
            path = opened_path(file) if isinstance(file, int) else os.fspath(file)
            return _Disturbed(raw, path, self) if writes and self._is_inside(path) else raw

        return opened

    def _is_inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        path = os.fsdecode(path)
        return os.path.realpath(Path(path).parent).startswith(self.folder)

    def _operation(self, name: str, path: Any, kind: str) -> bool:
        """Count one; whether the process is to die in the middle of it."""
        if kind != self.kind or not self._is_inside(path):
            return False
        self.n += 1
        self.log.append(f"{name} {os.path.relpath(os.fsdecode(path), self.folder)}")
        if not self.at or self.n < self.at or (self.once and self.n > self.at):
            return False
        if self.do == "kill":
            if name == "write":
                return True
            os._exit(KILLED)
        code = getattr(errno, self.do)
        if name in NEEDS_SPACE or code not in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(code, os.strerror(code), None if name in ("write", "fsync") else os.fsdecode(path))
        return False


def opened_path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


class _Disturbed:
    """An open file whose writes count."""

    def __init__(self, file: Any, path: str, disturbance: Disturbance) -> None:
        self._file, self._path, self._disturbance = file, path, disturbance

    def write(self, content: Any) -> int:
        if self._disturbance._operation("write", self._path, "change"):
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            os._exit(KILLED)
        return int(self._file.write(content))

    def truncate(self, size: int | None = None) -> int:
        self._disturbance._operation("truncate", self._path, "change")
        return int(self._file.truncate(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Disturbed:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Any:
        return iter(self._file)


def leave_memory(mib: int) -> None:
    """Let this process have so much more address space than it has."""
    status = Path("/proc/self/status").read_text()
    (kib,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize:"))
    limit = kib * 1024 + mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def child(request: dict[str, Any], report: int) -> None:
    """The command, in the fork; never returns."""
    from hear_audiomosaic.cli import main

    signal.alarm(TIMEOUT_S)
    os.chdir(request["folder"])
    os.environ["HEAR_AUDIOMOSAIC_HOME"] = "home"
    os.dup2(os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    disturbance = Disturbance(request["folder"], request["kind"], request["at"], request["do"], request["once"])
    code = 70
    if request["spare_mib"] is not None:
        leave_memory(request["spare_mib"])
    try:
        disturbance.install()
        main(request["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - as Python ends
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(report, json.dumps({"n": disturbance.n, "log": disturbance.log}).encode())
        os._exit(code)


def warm() -> None:
    """Import what the commands import."""
    import torch

    torch.set_num_threads(1)
    for module in WARM:
        importlib.import_module(module)


def serve(asked: TextIO, answers: TextIO) -> None:
    """Answer until nothing more is asked."""
    for line in asked:
        request = json.loads(line)
        if "twin" in request:
            if os.fork() == 0:
                asked_of_twin, answers_of_twin = map(Path, request["twin"])
                with asked_of_twin.open() as asked, answers_of_twin.open("w") as answers:
                    serve(asked, answers)
                os._exit(0)
            continue
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(request, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        answer = {"code": code, "output": Path(request["output"]).read_text(errors="replace")}
        answers.write(json.dumps(answer | (json.loads(told) if told else {"n": 0, "log": []})) + "\n")
        answers.flush()


if __name__ == "__main__":
    warm()
    serve(sys.stdin, sys.stdout)
