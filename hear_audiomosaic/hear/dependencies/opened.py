"""Files that are opened for reading while an encoder is imported and loaded, seen by an audit hook of Python.

The hook sees what Python code opens by whatever library: ``open``, ``numpy.load``, ``torch.load``, a memory map, a
shared library by ctypes. It does not see files that compiled code opens by itself (ONNX Runtime, TensorFlow,
safetensors), nor anything after loading. It cannot be taken away again, so that it is set when the first encoder is
loaded, and does nothing outside :func:`files_read`.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import source_from_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from hear_audiomosaic.hear.dependencies.installed import is_installed, is_of_python

__all__ = ["files_read", "of_the_encoder", "remembered"]

_EVENTS = {"open": 0, "ctypes.dlopen": 0, "sqlite3.connect": 0}
"""Events and the place of the path among their arguments."""

_OF_THE_SYSTEM = tuple(
    {Path(one) for one in ("/proc", "/sys", "/dev", "/etc", "/run", "/usr/share", "/usr/lib", "/lib", "/lib64")}
    | {Path(sysconfig.get_path("data")) / one for one in ("share", "lib", "etc")}
)
_CACHES = {".git", ".triton", "torch_extensions", "matplotlib", "fontconfig", "pip", "numba"}
_CACHE_PREFIXES = ("torchinductor", "triton")
_CARD = "encoder_card.json"  # says what an encoder is, not what it computes
_METADATA = (".dist-info", ".egg-info")

_watches: list[tuple[set[str], set[int]]] = []
_is_set = threading.Event()
_remembered: WeakKeyDictionary[ModuleType, dict[str, set[str]]] = WeakKeyDictionary()


@contextmanager
def files_read() -> Iterator[set[str]]:
    """Collect the absolute paths of the files that are opened for reading inside ``with``.

    What other threads that run already open is not collected.
    """
    if not _is_set.is_set():
        _is_set.set()
        sys.addaudithook(_hook)
    found: set[str] = set()
    others = {thread.ident for thread in threading.enumerate() if thread.ident is not None}
    watch = found, others - {threading.get_ident()}
    _watches.append(watch)
    try:
        yield found
    finally:
        _watches.remove(watch)


def remembered(module: ModuleType, ref: str, read: set[str]) -> set[str]:
    """Add what was read now to what was read when this module, or this reference of it, was loaded before.

    A module is imported once in a process: a file that its import reads is opened for the first encoder only.

    Args:
        module: the HEAR module.
        ref: the encoder's reference; empty for what its import read.
        read: paths.

    Returns:
        What importing and loading this reference has read in this process.
    """
    known = _remembered.setdefault(module, {})
    known.setdefault(ref, set()).update(read)
    return known.get("", set()) | known[ref]


def of_the_encoder(path: Path, library: Path) -> bool:
    """Whether a file that was read can belong to the encoder: not of Python, the system, an installation, a cache."""
    folders = path.parts[:-1]
    if not path.is_file() or path.name == _CARD or is_of_python(path) or is_installed(path):
        return False
    if any(one in path.parents for one in _OF_THE_SYSTEM) or not _CACHES.isdisjoint(folders):
        return False
    if any(one.startswith(_CACHE_PREFIXES) or one.endswith(_METADATA) for one in folders):
        return False
    return not (path.suffix == ".py" and library in path.parents)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watches or event not in _EVENTS:
        return
    thread = threading.get_ident()
    path = arguments[_EVENTS[event]]
    if event == "open" and not _reads(arguments[1], arguments[2]):
        return
    try:
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - a link is not followed
    except (TypeError, ValueError, OSError):  # a number of an open file, or no working directory
        return
    if os.sep + "__pycache__" + os.sep in name:
        try:
            name = source_from_cache(name)
        except ValueError:
            return
    for found, others in tuple(_watches):
        if thread not in others:
            found.add(name)


def _reads(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return not set(mode) & set("wxa")
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY
