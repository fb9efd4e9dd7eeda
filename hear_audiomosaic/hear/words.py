"""Where the words of foreign code go: to stderr, as stdout is for what was asked for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["diverted"]

_OUT, _ERR = 1, 2


class _Aside:
    """A stream that foreign code may write to, but not close."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        written: int = self._stream.write(text)
        return written

    def close(self) -> None:
        self._stream.flush()

    def detach(self) -> Any:
        return self._stream.buffer

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __enter__(self) -> _Aside:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def diverted() -> Callable[[], None]:
    """Send stdout to stderr: Python's stream, and the file behind it, which C code and child processes write to.

    Returns:
        What ends it; streams that were replaced or closed meanwhile are as before then.
    """
    out, err = sys.stdout, sys.stderr
    _flush(out)
    kept = [_duplicate(number) for number in (_OUT, _ERR)]
    if None not in kept:
        os.dup2(_ERR, _OUT)
    if err is not None:
        sys.stdout, sys.stderr = _Aside(err), _Aside(err)

    def end() -> None:
        _flush(sys.__stdout__)  # what was printed past the diversion
        _flush_c(None)
        for number, copy in zip((_OUT, _ERR), kept, strict=True):
            if copy is not None:
                os.dup2(copy, number)
                os.close(copy)
        sys.stdout, sys.stderr = _open(out, _OUT), _open(err, _ERR)

    return end


def _duplicate(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:  # a process without that stream
        return None


def _flush(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none
        stream.flush()


def _open(stream: Any, number: int) -> Any:
    """The stream, or, if foreign code closed it, another one on the same file."""
    if not getattr(stream, "closed", False):
        return stream
    encoding, errors = getattr(stream, "encoding", None), getattr(stream, "errors", None)
    return os.fdopen(number, "w", encoding=encoding, errors=errors, closefd=False)


def _c_flush() -> Callable[[None], object]:
    try:
        flush: Callable[[None], object] = ctypes.CDLL(None).fflush
    except (AttributeError, OSError, TypeError):  # a system without a C library to ask
        return lambda _: None
    return flush


_flush_c = _c_flush()
