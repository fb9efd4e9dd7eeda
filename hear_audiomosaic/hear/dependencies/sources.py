"""Source files that a HEAR module's embeddings depend on, read off the import statements, step by step.

Nothing is taken from ``sys.modules`` and nothing is imported, so the answer does not depend on what else a process has
loaded. An import by a computed name is not seen here; a literal one (``import_module("helper")``) is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ModuleSpec, PathFinder
from importlib.metadata import Distribution
from pathlib import Path

from hear_audiomosaic.hear.dependencies.imports import LIBRARY, imports
from hear_audiomosaic.hear.dependencies.installed import distributions_of, is_of_python

__all__ = ["PACKAGE", "Sources", "read_sources", "source_files", "walked"]

PACKAGE = Path(__file__).resolve().parents[2]
"""Folder of this library."""

_HOW_CLIPS_ARE_READ = f"{LIBRARY}.audio.files"
_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
_MOST_PARSED = 300
"""A package of more files counts whole, too, but only the imports of files that are reached by imports are followed."""

_NOT_WALKED = {"__pycache__", "node_modules", "wandb", "mlruns", "lightning_logs"}


@dataclass
class Sources:
    """What a module imports, step by step.

    Attributes:
        files: name -> file, of the module itself, of what it imports that is neither of Python nor installed, and of
            this library. Names are relative to the folder that the top-level package lies in.
        own: those that are not of this library, by full module name; ``eager`` ones are imported with the module, the
            others perhaps later, inside a function.
        eager: names of modules that are imported as soon as the module is.
        package: folder of the module's own top-level package; None for a one-file module and for this library's own.
        installed: top-level names -> the installed distributions that provide them.
        installed_by_own: those of them that not only this library imports.
    """

    files: dict[str, Path] = field(default_factory=dict)
    own: dict[str, Path] = field(default_factory=dict)
    eager: set[str] = field(default_factory=set)
    package: Path | None = None
    installed: dict[str, tuple[Distribution, ...]] = field(default_factory=dict)
    installed_by_own: set[str] = field(default_factory=set)


def source_files(module_name: str, path: Path | None, package: Path = PACKAGE) -> dict[str, Path]:
    """Names and files of :func:`read_sources`."""
    return read_sources(module_name, path, package).files


def read_sources(
    module_name: str,
    path: Path | None,
    package: Path = PACKAGE,
    loaded: Collection[str] = (),
    *,
    is_package: bool = False,
) -> Sources:
    """Source files that a HEAR module's embeddings depend on.

    Args:
        module_name: full name of the module.
        path: its file; None for a module that lies in none, of which only the library's part is known.
        package: folder of this library.
        loaded: names of modules that are used beside what is imported, such as those of the model's classes.
        is_package: whether a module of one file has what lies beside it as its submodules.

    Returns:
        * the module's file; of a module in a package all sources of the top-level package, imported or not;
        * what those import that is neither of Python nor installed as a distribution, wherever it lies, inside
          functions too: sources, compiled extensions, the ``__init__`` files on the way;
        * what those import of this library, and what that imports in turn;
        * how a clip is read and resampled before it reaches the encoder.

        The library's own package file, which holds its version and its doors, is not among them: importing the library
        stands for importing what the three HEAR functions use.
    """
    return _Walk(package).of(module_name, path, loaded, is_package)


def walked(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, links followed, without hidden folders and those that tools write into."""
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(one for one in folders if one not in _NOT_WALKED and not one.startswith("."))
        yield from (path for path in (Path(root, one) for one in sorted(files)) if path.is_file())


@dataclass(frozen=True)
class _Place:
    """Where a top-level name lies: its file, and the folders that its submodules are looked for in."""

    file: Path | None
    folders: tuple[Path, ...] = ()


class _Walk:
    def __init__(self, library: Path) -> None:
        self._library = library
        self._places: dict[str, _Place | None] = {LIBRARY: _Place(library / "__init__.py", (library,))}
        self._beside: list[Path] = []
        self._waiting: list[tuple[str, bool, bool]] = [(_HOW_CLIPS_ARE_READ, False, False)]
        self._seen: dict[str, bool] = {}
        self._found = Sources()

    def of(self, name: str, path: Path | None, loaded: Collection[str], is_package: bool) -> Sources:
        self._alone = path if is_package and path is not None and path.name != "__init__.py" else None
        self._waiting += [(one, True, True) for one in sorted(loaded)]
        if path is not None:
            self._start(name, path)
        while self._waiting:
            one, eager, by_own = self._waiting.pop()
            self._visit(one, eager, by_own)
        return self._found

    def _start(self, name: str, path: Path) -> None:
        is_package = path.name == "__init__.py"
        top, *rest = name.split(".")
        depth = len(rest) + is_package
        home = path.parents[depth] if depth < len(path.parents) else path.parent
        lies_as_named = _file_of(name, home) == path
        if not lies_as_named:
            home = path.parents[is_package]
        self._beside = list(dict.fromkeys((path.parent, home)))
        folder = home / top if lies_as_named else path.parent
        is_ours = self._library == path.resolve().parent or self._library in path.resolve().parents
        if lies_as_named:
            if not is_ours:
                self._places[top] = _Place(_file_of(top, home), (folder,))
            self._waiting.append((name, True, True))
        else:
            self._add(path.relative_to(home).as_posix(), name, path)
            self._found.eager.add(name)
            self._follow(path, name, eager=True)
        if self._alone == path:  # what lies beside it are its submodules
            self._places[top] = _Place(path, (path.parent,))
        if not is_ours and (is_package or (lies_as_named and rest)):
            self._found.package = folder
            self._whole_package(folder, home, top if lies_as_named else name)

    def _whole_package(self, folder: Path, home: Path, name: str) -> None:
        files = [one for one in walked(folder) if one.suffix == ".py"]
        for one in files:
            parts = one.relative_to(folder).with_suffix("").parts
            full = ".".join((name, *(part for part in parts if part != "__init__")))
            self._add(one.relative_to(home).as_posix(), full, one)
            if len(files) <= _MOST_PARSED:
                self._follow(one, full, eager=False)

    def _visit(self, name: str, eager: bool, by_own: bool) -> None:
        top, *rest = name.split(".")
        place = self._place(top, by_own)
        if name in self._seen and (self._seen[name] or not eager):
            return
        self._seen[name] = eager
        if place is None:
            return
        is_ours = top == LIBRARY
        if not is_ours:  # importing a.b.c runs a and a.b
            self._waiting += [(".".join((top, *rest[:i])), eager, by_own) for i in range(len(rest))]
        file = _below(place, rest)
        if file is None:
            return
        if name != LIBRARY:
            folders = name.split(".") if file.name.startswith("__init__.") else name.split(".")[:-1]
            self._add("/".join((*folders, file.name)), None if is_ours else name, file)
        if eager and not is_ours:
            self._found.eager.add(name)
        self._follow(file, name, eager=eager)

    def _add(self, label: str, name: str | None, file: Path) -> None:
        if not file.is_file():  # inside a zip archive, which counts whole
            file = next((one for one in file.parents if one.is_file()), file)
        self._found.files[label] = file
        if name is not None:
            self._found.own[name] = file

    def _follow(self, file: Path, name: str, *, eager: bool) -> None:
        is_ours = name.partition(".")[0] == LIBRARY
        for imported, at_once in imports(file, name, self._locate, is_package=file == self._alone):
            self._waiting.append((imported, eager and at_once, not is_ours))

    def _locate(self, name: str) -> Path | None:
        """The file of a module that is not installed; None where there is none."""
        top, *rest = name.split(".")
        place = self._places.get(top)
        return None if place is None else _below(place, rest)

    def _place(self, top: str, by_own: bool) -> _Place | None:
        if top not in self._places:
            self._places[top] = self._looked_up(top)
        if by_own and top in self._found.installed:
            self._found.installed_by_own.add(top)
        return self._places[top]

    def _looked_up(self, top: str) -> _Place | None:
        if not top or top in sys.builtin_module_names:
            return None
        spec = _spec(top)
        if spec is None:
            files = (_file_of(top, folder) for folder in self._beside)
            file = next((one for one in files if one is not None), None)
            return None if file is None else _Place(file, (file.parent,) if file.stem == "__init__" else ())
        folders = tuple(map(Path, spec.submodule_search_locations or ()))
        origin = Path(spec.origin) if spec.has_location and spec.origin else None
        where = folders[0] if folders else origin
        if where is None or is_of_python(where):
            return None
        provided_by = distributions_of(top, where.parent)
        if provided_by:
            self._found.installed[top] = provided_by
            return None
        if origin is not None and not origin.is_file():  # inside a zip archive
            self._add(f"{top} in an archive", top, origin)
            return None
        return _Place(origin, folders)


def _spec(top: str) -> ModuleSpec | None:
    """Where a top-level module would be imported from; it is not imported."""
    try:
        found = PathFinder.find_spec(top)
    except (ImportError, ValueError):
        return None
    if found is not None:
        return found
    for finder in sys.meta_path:  # of editable installations
        if "editable" in str(getattr(finder, "__module__", "")).lower():
            found = finder.find_spec(top, None)
            if found is not None:
                return found
    return None


def _below(place: _Place, rest: Iterable[str]) -> Path | None:
    name = ".".join(rest)
    if not name:
        return place.file
    return next((file for file in (_file_of(name, folder) for folder in place.folders) if file is not None), None)


def _file_of(name: str, root: Path) -> Path | None:
    """The file of a module below the folder ``root``; None where there is none."""
    base = root.joinpath(*name.split("."))
    packages = (base / f"__init__{suffix}" for suffix in (*SOURCE_SUFFIXES, *BYTECODE_SUFFIXES))
    modules = (base.with_name(f"{base.name}{suffix}") for suffix in _SUFFIXES)
    return next((path for path in (*packages, *modules) if path.is_file()), None)
