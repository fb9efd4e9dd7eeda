"""Finding the module that a reference names: registered, importable, or a file or folder given by its path.

The current folder counts as a place to import from, behind all others, as users expect who try a module that they have
just written. The folder that a path lies in counts before all others, so that what lies beside a one-file module can be
imported by it. Both hold for that encoder only (:mod:`hear_audiomosaic.hear.surroundings`).
"""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.hear.registry import registered_encoders
from hear_audiomosaic.hear.surroundings import Own

__all__ = ["Found", "find_module", "import_module", "search_folders"]

_MOST_LOOKED_AT = 2000
"""Files that are looked at for a hint."""

_by_path: set[Path] = set()
"""Folders of the modules that were imported by their paths."""


@dataclass(frozen=True)
class Found:
    """Where a reference's module is.

    Attributes:
        name: of the module, as it is imported.
        file: the source file, or the ``__init__.py`` of a package; None for what is found by its name alone.
    """

    name: str
    file: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that the module or package lies in; None for what is found by its name."""
        if self.file is None:
            return None
        return self.file.parents[1] if self.file.name == "__init__.py" else self.file.parent


def find_module(ref: EncoderRef) -> Found:
    """The module that a reference names, as far as is known without importing anything.

    Args:
        ref: the reference; a NAME with a slash is the path of a ``.py`` file or of a package's folder.

    Raises:
        EncoderError: there is no such file, or it is neither.
    """
    if "/" not in ref.name:
        return Found(registered_encoders().get(ref.name, ref.name))
    path = Path(os.path.abspath(ref.name))  # noqa: PTH100 - a link is not followed: what lies beside the link counts
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file() or file.suffix != ".py":
        what = (
            "a folder without an __init__.py" if path.is_dir() else "not a .py file" if path.is_file() else "not there"
        )
        raise EncoderError(f"There is no encoder '{ref.name}': it is {what}. {_hint(path.stem)}".rstrip())
    return Found(re.sub(r"\W", "_", path.name if path.is_dir() else path.stem), file)


def search_folders(found: Found) -> list[str]:
    """Folders that an encoder's module and what it imports are looked for in, beside those of installed packages.

    Args:
        found: as of :func:`find_module`.

    Returns:
        The folder of a path, those of ``PYTHONPATH``, and the current one.
    """
    folders = [str(found.folder)] if found.folder is not None else []
    folders += filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return [*folders, os.getcwd()]  # noqa: PTH109 - as sys.path has it


def import_module(ref: EncoderRef, own: Own) -> ModuleType:
    """Import the module that a reference names.

    Args:
        ref: the reference.
        own: what the encoder sets for itself; the folders that it is imported from are added to it.

    Raises:
        EncoderError: there is none, or its import failed.
    """
    found = find_module(ref)
    with foreign(f"Importing {found.name if found.file is None else ref.name} failed", own):
        folders = search_folders(found)
        sys.path[:0] = folders[:1] if found.file is not None else []
        sys.path += [folder for folder in folders if folder not in sys.path]
        if found.file is not None:
            return _imported(found, found.file)
        if _is_there(found.name):
            return importlib.import_module(found.name)
    registered = registered_encoders()
    if ref.name in registered:
        raise EncoderError(
            f"The encoder '{ref.name}' is registered by an installed package as the module {found.name}, which is not "
            "there; install that package again."
        )
    raise EncoderError(
        f"There is no encoder '{ref.name}': neither a registered name ({', '.join(registered)}) "
        f"nor an importable module. {_hint(ref.name)}".rstrip()
    )


def _imported(found: Found, file: Path) -> ModuleType:
    """Import a file under its own name; of another folder's module of that name, nothing is left to be found."""
    folder = found.folder
    assert folder is not None  # noqa: S101 - it has a file
    there = sys.modules.get(found.name)
    if there is not None and getattr(there, "__file__", None) == str(file):
        return there
    if there is not None and not _lies_in(there, _by_path):
        raise EncoderError(
            f"{file} has the name of the module {found.name}, which is loaded already from "
            f"{getattr(there, '__file__', None) or 'Python itself'}; give the file another name."
        )
    _forget_namesakes(folder)
    _by_path.add(folder)
    is_package = [str(file.parent)] if file.name == "__init__.py" else None
    spec = spec_from_file_location(found.name, file, submodule_search_locations=is_package)
    assert spec is not None  # noqa: S101 - of a .py file
    assert spec.loader is not None  # noqa: S101
    module = module_from_spec(spec)
    sys.modules[found.name] = module  # before it runs, as the import statement has it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[found.name]
        raise
    return module


def _forget_namesakes(folder: Path) -> None:
    """Let the modules of ``folder`` be imported where those of the same names came from beside another path."""
    others = _by_path - {folder}
    names = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in names and _lies_in(module, others):
            del sys.modules[name]
    importlib.invalidate_caches()


def _lies_in(module: ModuleType, folders: set[Path]) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and not folders.isdisjoint(Path(file).parents)


def _is_there(module_name: str) -> bool:
    """Whether there is such a module; the packages that it lies in are imported, and may raise."""
    try:
        return find_spec(module_name) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            return False  # the package that it would lie in
        raise
    except ValueError:  # a module that was made by hand, such as __main__
        return False


def _hint(name: str) -> str:
    """What may have been meant: a registered name that is like it, or files of that name near by."""
    close = difflib.get_close_matches(name, list(registered_encoders()), n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    stem = Path(name).stem if name.endswith(".py") else name
    paths = [f"./{path}" for path in _near_by() if path.stem == stem or path.parent.name == stem]
    return f"There is {paths[0]}; give that path." if paths else ""


def _near_by() -> Iterator[Path]:
    """Source files and packages in the current folder and the folders in it."""
    folder = Path()
    for n_seen, path in enumerate(folder.glob("*"), start=1):
        if n_seen > _MOST_LOOKED_AT:
            return
        if path.suffix == ".py":
            yield path
        elif path.is_dir() and not path.name.startswith("."):
            yield from (inner for inner in sorted(path.glob("*.py"))[:_MOST_LOOKED_AT] if inner.name != "__init__.py")
            if (path / "__init__.py").is_file():
                yield path
