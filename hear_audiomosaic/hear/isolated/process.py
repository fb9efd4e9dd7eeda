"""A worker process: started, asked with a time limit, and ended, with all that it has started, whatever it does."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import select
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.isolated import worker
from hear_audiomosaic.hear.isolated.worker import PROTOCOL, FrameError, Stream
from hear_audiomosaic.printable import printable

__all__ = ["TIMEOUT_VARIABLE", "Worker", "WorkerFailure", "time_limit_s"]

_log = logging.getLogger(__name__)

TIMEOUT_VARIABLE = "HEAR_AUDIOMOSAIC_WORKER_TIMEOUT_S"
"""Environment variable: seconds that a worker may take to answer, before it is ended as one that hangs."""

_START_LIMIT_S = 120.0
_TAIL_BYTES = 1 << 14
_TAIL_LETTERS, _TAIL_LINES = 900, 12
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux, which the module fcntl names since Python 3.10
_NOT_INHERITED = {"PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"}


class WorkerFailure(Exception):  # noqa: N818 - no error of this library: the caller makes one of it
    """A worker died, hung, or answered with what is no answer; it is ended.

    Attributes:
        hung: whether it had to be ended because it took too long.
    """

    def __init__(self, told: str, hung: bool = False) -> None:
        super().__init__(told)
        self.hung = hung


def time_limit_s(default_s: float) -> float:
    """Seconds that an answer may take: :data:`TIMEOUT_VARIABLE`, where that is set, else ``default_s``.

    Raises:
        EncoderError: the variable is no positive number.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    if not text:
        return default_s
    with contextlib.suppress(ValueError):
        if (limit := float(text)) > 0.0:
            return limit
    raise EncoderError(f"{TIMEOUT_VARIABLE} is '{text}'; expected how many seconds a worker may take, such as 600.")


class Worker:
    """One process that runs ``worker.py``; it ends with this object, and with this process.

    Args:
        python: the interpreter.

    Raises:
        WorkerFailure: it does not start, or does not speak the protocol.
    """

    def __init__(self, python: Path) -> None:
        self._python = python
        self._tail = bytearray()
        self._owner = os.getpid()
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        try:
            process = subprocess.Popen(  # noqa: S603 - the interpreter that the user names
                [python, worker.__file__],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # a group of its own, which ends as a whole
            )
        except OSError as error:
            raise WorkerFailure(f"{python} cannot be started: {error.strerror or error}") from error
        self._process = process
        self._end = weakref.finalize(self, _end, process, self._owner)
        self._listener = threading.Thread(target=_listen, args=(process.stderr, self._tail), daemon=True)
        self._listener.start()
        self._limit = _Limit()
        self._stream = _streamed(process, self._limit)
        answer, _ = self.ask({"do": "hello"}, time_limit=time_limit_s(_START_LIMIT_S))
        if answer.get("protocol") != PROTOCOL:
            raise self._failure(f"speaks protocol {answer.get('protocol')}, not {PROTOCOL}")

    @property
    def is_there(self) -> bool:
        """Whether it can be asked: by the process that has started it, and not by a fork of that."""
        return self._end.alive and self._owner == os.getpid()

    def ask(
        self, request: Mapping[str, Any], arrays: Sequence[Any] = (), *, time_limit: float
    ) -> tuple[dict[str, Any], list[Any]]:
        """Ask and wait for the answer.

        Args:
            request: header of the frame.
            arrays: its arrays.
            time_limit: seconds, for asking and answering.

        Raises:
            WorkerFailure: it died, took longer, or answered with what is no frame. It is ended then.
        """
        self._limit.deadline = time.monotonic() + time_limit
        try:
            self._stream.send(dict(request), arrays)
            return self._stream.receive()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise self._failure(self._how_it_ended()) from None
        except TimeoutError:
            raise self._failure(f"did not answer within {time_limit:g} s (set {TIMEOUT_VARIABLE})", hung=True) from None
        except FrameError as error:
            raise self._failure(f"answered with {printable(error)}") from None
        except BaseException:  # Ctrl-C among them: what it is about to answer would be taken for the next answer
            self.end()
            raise

    def end(self) -> None:
        """End it, with all that it has started."""
        self._end()

    def tail(self) -> str:
        """The last lines of its stderr; empty where it said nothing."""
        lines = printable(bytes(self._tail).decode("utf-8", "replace").replace("\r", "\n")).strip().splitlines()
        text = "\n".join(lines[-_TAIL_LINES:])
        return text if len(text) <= _TAIL_LETTERS else f"...{text[-_TAIL_LETTERS:]}"

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        code = self._process.returncode
        if code is None:
            return "closed its stdout"
        if code >= 0:
            return f"ended with exit code {code}"
        names = {one.value: one.name for one in signal.Signals}
        return f"was ended by the signal {names.get(-code, -code)}"

    def _failure(self, what: str, hung: bool = False) -> WorkerFailure:
        self.end()
        self._listener.join(1.0)  # what it said last
        tail = self.tail()
        said = f". The end of its stderr:\n{tail}" if tail else "; it said nothing on stderr"
        return WorkerFailure(f"the worker ({self._python}) {what}{said}", hung)


class _Limit:
    """Until when an answer is waited for."""

    deadline = 0.0


def _streamed(process: subprocess.Popen[bytes], limit: _Limit) -> Stream:
    stdin, stdout = process.stdin, process.stdout
    assert isinstance(stdin, io.FileIO) and isinstance(stdout, io.FileIO)  # noqa: S101, PT018 - bufsize=0
    os.set_blocking(stdin.fileno(), False)  # a worker that does not read must not hold us
    for pipe in (stdin, stdout):
        _enlarge(pipe.fileno())
    polls = {stdout: (select.poll(), select.POLLIN), stdin: (select.poll(), select.POLLOUT)}
    for pipe, (poll, event) in polls.items():
        poll.register(pipe.fileno(), event)

    def wait(pipe: Any, reads: bool) -> None:
        left_s = limit.deadline - time.monotonic()
        if left_s <= 0.0 or not polls[pipe][0].poll(1000.0 * left_s):
            raise TimeoutError

    return Stream(stdout, stdin, wait)


def _listen(stderr: Any, tail: bytearray) -> None:
    """Keep the last bytes of what a worker says; however much it says, it is never held up."""
    with stderr:
        while content := stderr.read(1 << 16):
            tail += content
            del tail[:-_TAIL_BYTES]
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s", printable(content.decode("utf-8", "replace")))


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if owner != os.getpid():  # a fork of the process whose worker it is
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _enlarge(pipe: int) -> None:
    """Let a pipe hold more at once, where the system can: fewer changes between two processes."""
    try:
        import fcntl

        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    except (ImportError, OSError):
        return
