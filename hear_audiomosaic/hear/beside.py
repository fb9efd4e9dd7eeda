"""Modules that lie beside encoders which are given by a path, or found in the current folder: each encoder has its own.

Two encoders may each have a ``helper.py`` beside them, and Python knows one module of a name. So these modules are in
``sys.modules`` only while the encoder that they belong to is called: they are one of the settings that
:mod:`~hear_audiomosaic.hear.surroundings` puts back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from hear_audiomosaic.hear.dependencies.installed import is_installed, is_of_python

__all__ = ["hide", "modules_beside", "put_back", "set_apart"]

_LIBRARY = __name__.partition(".")[0]
_names: set[str] = set()  # top-level names; what Python and this library have is never among them


_last: dict[str, Any] = {}  # what was found last, and in which state


def set_apart(folders: Iterable[Path], *more: str) -> None:
    """From now on, what lies in these folders is an encoder's own.

    Args:
        folders: folders that are on the path of an encoder.
        more: further names of modules, such as that of a file which is not imported by its own name.
    """
    found = {name for folder in folders for name in _top_level_names(folder)}
    _names.update((found | set(more)) - set(sys.stdlib_module_names) - {_LIBRARY})
    _last.clear()


def hide(folders: Iterable[Path]) -> None:
    """Forget modules of the names that lie in these folders which came from elsewhere, so that these are imported.

    What is installed stays, as does what was loaded from these very files. To be called inside
    :func:`~hear_audiomosaic.hear.foreign.foreign`, which puts back what was there.
    """
    folders = tuple(folders)
    tops = {name for folder in folders for name in _top_level_names(folder)}
    for name in tops & _names:
        file = getattr(sys.modules.get(name), "__file__", None)
        path = Path(file) if file else None
        if path is None or is_installed(path) or is_of_python(path):
            continue
        if not any(folder in path.parents for folder in folders):
            for one in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                del sys.modules[one]
    _last.clear()


def modules_beside() -> dict[str, ModuleType]:
    """Those modules that are loaded now: full name -> module."""
    if not _names:
        return {}
    # Asked around every call, of a table of thousands; it is read again when it grew or shrank, or one of them changed.
    state = (len(sys.modules), *(id(sys.modules.get(name)) for name in _names))
    if _last.get("state") != state:
        found = {name: module for name, module in tuple(sys.modules.items()) if name.partition(".")[0] in _names}
        _last.update(state=state, found=found)
    return dict(_last["found"])


def put_back(modules: Mapping[str, ModuleType]) -> None:
    """Let these modules be loaded, and no others that lie beside an encoder."""
    for name in modules_beside().keys() - modules.keys():
        del sys.modules[name]
    sys.modules.update(modules)
    _last.clear()


def _top_level_names(folder: Path) -> set[str]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return set()
    files = {one.stem for one in entries if one.suffix == ".py" and one.stem != "__init__"}
    return files | {one.name for one in entries if (one / "__init__.py").is_file()}
