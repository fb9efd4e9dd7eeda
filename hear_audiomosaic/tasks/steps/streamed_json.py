"""A JSON object with many members, read one member at a time (NSynth's tables have 300,000)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hear_audiomosaic.errors import TaskError

__all__ = ["members"]

_BLOCK = 1 << 20


def members(path: Path) -> Iterator[tuple[str, Any]]:
    """Key and value of every member of the object that a file holds, in order.

    Raises:
        TaskError: the file is not a JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Reader(file).members()
    except (ValueError, EOFError) as error:
        raise TaskError(f"{path} is not a whole JSON object ({error}); unpack the data set again") from error


class _Reader:
    """Text of which only what is not read yet is kept."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._decoder = json.JSONDecoder()

    def members(self) -> Iterator[tuple[str, Any]]:
        self._take("{")
        if self._next() == "}":
            return
        while True:
            key = self._value()
            self._take(":")
            yield str(key), self._value()
            if self._next() == "}":
                return
            self._take(",")

    def _next(self) -> str:
        """The next character that is no space."""
        self._text = self._text.lstrip()
        while not self._text:
            self._more()
            self._text = self._text.lstrip()
        return self._text[0]

    def _take(self, expected: str) -> None:
        if self._next() != expected:
            raise ValueError(f"expected {expected!r}, found {self._text[:20]!r}")
        self._text = self._text[1:]

    def _value(self) -> Any:
        """A string, an object or a list: what has an end of its own (a number could go on in the next block)."""
        if self._next() not in '"{[':
            raise ValueError(f"expected an object, found {self._text[:20]!r}")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError:
                self._more()  # it may be cut; if it is wrong, the file ends
            else:
                self._text = self._text[end:]
                return value

    def _more(self) -> None:
        block = self._file.read(_BLOCK)
        if not block:
            raise EOFError(f"it ends or is wrong at {self._text[:40]!r}")
        self._text += block
