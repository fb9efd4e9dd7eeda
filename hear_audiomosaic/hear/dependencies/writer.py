"""One value written into a digest: every part with its kind, in an order that is the same in every process."""

from __future__ import annotations

import enum
import functools
import io
import logging
import os
import re
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hear_audiomosaic.hear.dependencies.compiled import code_text

__all__ = ["IGNORED", "Digests", "Writer"]

IGNORED = (ModuleType, torch.device, logging.Logger, logging.Handler, io.IOBase, GeneratorType, type(os.environ))
"""Kinds of values that no embedding depends on, or that count elsewhere."""

_OF_THE_PROCESS = frozenset(map(id, (sys.path, sys.argv, sys.modules, sys.meta_path)))
_MOST_THINGS = 200_000  # of one attribute; what comes after these does not count
_DEEPEST = 12
_MANY = 1_000
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|meta)(:\d+)?")
_FAST = {bool, int, float, str, bytes, type(None)}
_PLAIN = (bool, int, float, complex, bytes, bytearray, type(None), type(...), range, slice, np.generic, torch.dtype)
_OPEN_OBJECTS = (SimpleNamespace, Namespace)
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, functools.partial, type, np.ufunc)


class Digests(Protocol):
    """What a writer asks of :class:`~hear_audiomosaic.hear.dependencies.values.ValueDigests`."""

    def of_member(self, value: object, name: str, n_sets: int) -> str:
        """Digest of one member of a set that lies in so many sets."""

    def of_inner_model(self, model: nn.Module) -> dict[str, str]:
        """Digests of a model that another value holds."""

    def is_own(self, kind: object) -> bool:
        """Whether a class or a function is the encoder's."""

    def tensor(self, tensor: Tensor, name: str) -> bytes:
        """Digest of a tensor."""

    def path(self, text: str | PurePath) -> str | None:
        """What a text counts as that is a path."""


class Writer:
    """Writes one value and all that it holds.

    Args:
        digests: of tensors, files, models.
        feed: takes the bytes.
        name: of the value, for messages.
        n_sets: how many sets the value lies in.
    """

    def __init__(self, digests: Digests, feed: Callable[[Any], None], name: str, n_sets: int = 0) -> None:
        self._digests, self._feed, self._name, self._n_sets = digests, feed, name, n_sets
        self._seen: dict[int, tuple[int, object]] = {}
        self._n_things = 0

    def write(self, value: object, *, whole: bool = True, depth: int = 0) -> None:
        """Write a value.

        Args:
            value: anything.
            whole: False inside an object of an installed package, of which only what can be weights counts.
            depth: how many objects it lies in.
        """
        self._n_things += 1
        if isinstance(value, IGNORED) or id(value) in _OF_THE_PROCESS:
            return
        if self._n_things > _MOST_THINGS or depth > _DEEPEST:
            return
        if isinstance(value, enum.Enum):
            self._text(str(value))
        elif isinstance(value, (str, PurePath)):
            self._written(value, whole)
        elif isinstance(value, _PLAIN):
            if whole:
                self._text(f"{type(value).__name__} {value!r}")
        elif id(value) in self._seen:
            self._text(f"again {self._seen[id(value)][0]}")
        else:
            self._seen[id(value)] = len(self._seen), value
            self._compound(value, whole, depth + 1)

    def _written(self, value: str | PurePath, whole: bool) -> None:
        counts_as = self._digests.path(value)
        if counts_as is not None:
            self._text(f"path {counts_as}")
        elif whole and _DEVICE.fullmatch(str(value)) is None:
            self._text(f"text {value}")

    def _compound(self, value: Any, whole: bool, depth: int) -> None:
        if isinstance(value, Tensor):
            self._text("tensor")
            self._feed(self._digests.tensor(value, self._name))
        elif isinstance(value, np.ndarray):
            self._array(value, whole, depth)
        elif isinstance(value, nn.Module):
            self._all(sorted(self._digests.of_inner_model(value).items()), depth)
        elif isinstance(value, dict | MappingProxyType):
            self._mapping(dict(value), whole, depth)
        elif isinstance(value, set | frozenset):
            self._all(sorted(self._digests.of_member(part, self._name, self._n_sets + 1) for part in value), depth)
        elif isinstance(value, list | tuple | deque):
            self._text(f"{len(value)} values")
            if len(value) > _MANY and all(type(one) in _FAST for one in value):
                self._text(repr(list(value)))
            else:
                self._all(value, depth, whole)
        elif isinstance(value, _FUNCTIONS):
            self._function(value, depth)
        else:
            self._object(value, whole, depth)

    def _all(self, values: Any, depth: int, whole: bool = True) -> None:
        for one in values:
            self.write(one, whole=whole, depth=depth)

    def _array(self, array: np.ndarray[Any, Any], whole: bool, depth: int) -> None:
        self._text(f"array {array.dtype} {array.shape}")
        if array.dtype.hasobject:
            self._all(array.reshape(-1).tolist(), depth, whole)
        else:
            self._feed(np.ascontiguousarray(array).tobytes())

    def _mapping(self, values: dict[Any, Any], whole: bool, depth: int) -> None:
        items = sorted(values.items(), key=lambda item: _sortable(item[0]))
        self._text(f"{len(items)} items")
        if len(items) > _MANY and all(type(one) in _FAST for item in items for one in item):
            self._text(repr(items))
        else:
            self._all((one for item in items for one in item), depth, whole)

    def _function(self, function: Any, depth: int) -> None:
        if isinstance(function, functools.partial):
            self._all((function.func, function.args, function.keywords), depth)
            return
        self._text(f"{getattr(function, '__module__', '')} {getattr(function, '__qualname__', function)}")
        inner = getattr(function, "__func__", function)
        if isinstance(function, MethodType):
            self.write(function.__self__, depth=depth)
        if isinstance(inner, FunctionType) and self._digests.is_own(inner):
            self._text(code_text(inner.__code__)[0])
            self._all((inner.__defaults__, inner.__kwdefaults__), depth)
            self._all(_held(inner), depth)

    def _object(self, value: Any, whole: bool, depth: int) -> None:
        kind = type(value)
        self._text(f"{kind.__module__}.{kind.__qualname__}")
        if isinstance(value, torch.Generator):
            self.write(value.get_state(), depth=depth)
        elif isinstance(value, np.random.Generator):
            self.write(value.bit_generator.state, depth=depth)
        elif isinstance(value, np.random.RandomState):
            self.write(value.get_state(), depth=depth)
        else:
            is_open = self._digests.is_own(kind) or isinstance(value, _OPEN_OBJECTS)
            for name, part in _attributes(value):
                if is_open and whole:
                    self._text(name)
                self.write(part, whole=is_open, depth=depth)

    def _text(self, text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        self._feed(f"{len(content)} ".encode())
        self._feed(content)


def _sortable(key: object) -> tuple[str, str]:
    """An order of a dictionary's keys that no address in memory has a part in."""
    return type(key).__name__, repr(key) if isinstance(key, (str, *_PLAIN, tuple, frozenset)) else ""


def _held(function: FunctionType) -> Iterator[object]:
    """What a function has taken from around it."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    """Names and values of an object's own attributes; no property is asked."""
    found = dict(getattr(thing, "__dict__", None) or {})
    for kind in type(thing).__mro__:
        for name, slot in vars(kind).items():
            if isinstance(slot, MemberDescriptorType) and name not in found and hasattr(thing, name):
                found[name] = getattr(thing, name)
    yield from sorted((item for item in found.items() if isinstance(item[0], str)), key=lambda item: item[0])
