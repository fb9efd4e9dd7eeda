"""Where the module of an encoder reference is found, and its import.

A NAME without a slash is a registered short name, or a module that Python finds: installed, on ``PYTHONPATH``, and
after all these in the current folder. A NAME with a slash is a path: of one file, or of a package's folder. What lies
beside it is found first, as when Python runs a script. Nothing of this stays on the process's own search path: it is
the encoder's own (:mod:`~hear_audiomosaic.hear.surroundings`).
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.beside import hide, modules_beside, set_apart
from hear_audiomosaic.hear.dependencies.imports import LIBRARY
from hear_audiomosaic.hear.dependencies.installed import is_installed
from hear_audiomosaic.hear.dependencies.sources import PACKAGE
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.reference import EncoderRef, is_path
from hear_audiomosaic.hear.registry import registered_encoders
from hear_audiomosaic.hear.surroundings import Own

__all__ = ["Place", "import_encoder", "place_of"]

_Stamp = tuple[int, int] | None

_MOST_NAMED = 3


@dataclass(frozen=True)
class Place:
    """Where a module is imported from.

    Attributes:
        module: its full name.
        folders: absolute; what the search path has for this module beside what it has for everybody.
        is_first: whether the folders stand at the front of the search path, or at its end.
        file: the file that is the module, where it is not found by its name: a single file that is given by its path.
            It is a package of its own, with what lies beside it as submodules: ``from .helper import x`` works.
    """

    module: str
    folders: tuple[Path, ...] = ()
    is_first: bool = False
    file: Path | None = None

    @property
    def search_path(self) -> list[str]:
        """``sys.path`` as it is for this module."""
        own = [str(folder) for folder in self.folders]
        others = [folder for folder in sys.path if folder not in own]
        return [*own, *others] if self.is_first else [*others, *own]


def place_of(name: str) -> Place:
    """Where the module of a reference's NAME is.

    Args:
        name: a registered name, a module's name, or a path (with a slash; relative ones from the current folder).

    Raises:
        EncoderError: a path where there is no module; the message says where there is one.
    """
    if is_path(name):
        return _of_path(name)
    registered = registered_encoders()
    if name in registered:
        return Place(registered[name])
    here = _current_folder()
    return Place(name, (here,) if here else ())


def import_encoder(ref: EncoderRef, own: Own) -> ModuleType:
    """Import the module that a reference names.

    Args:
        ref: the reference.
        own: filled with what the import sets for the encoder's later calls, its search path among it.

    Raises:
        EncoderError: there is none, or its import raised.
    """
    place = place_of(ref.name)
    failed = f"Importing {ref.name if place.file else place.module} failed"
    if not place.is_first:  # a folder that stands at the end is needed only for what is nowhere else
        with foreign(failed, own):
            if _is_there(place.module):
                return importlib.import_module(place.module)
    if place.folders:
        set_apart(place.folders, *((place.module,) if place.file else ()))
        with foreign(failed, own):
            sys.path[:] = place.search_path
            _compile_as_they_are(place.folders)
            importlib.invalidate_caches()
            hide(place.folders)
            sys.modules.update(_unchanged(place))
            if place.file or _is_there(place.module):
                module = _of_file(place) if place.file else importlib.import_module(place.module)
                _known[place] = {name: (one, _stamp(one)) for name, one in modules_beside().items()}
                return module
    registered = registered_encoders()
    if ref.name in registered:
        raise EncoderError(
            f"The encoder '{ref.name}' is registered by an installed package as the module {place.module}, which is "
            "not there; install that package again."
        )
    raise EncoderError(
        f"There is no encoder '{ref.name}': neither a registered name ({', '.join(registered)}) "
        f"nor an importable module.{_hint(ref.name, registered)}"
    )


def _of_path(name: str) -> Place:
    try:
        path = Path(name).expanduser()
        path = Path(os.path.normpath(path.absolute()))  # links are not followed
        is_file, is_package = path.is_file(), (path / "__init__.py").is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise EncoderError(f"'{name}' cannot be looked up: {error}.") from error
    if not is_package and not (is_file and path.suffix == ".py"):
        raise EncoderError(f"'{name}' is no Python module: {_what_is_there(path, name)}")
    if path.name == "__init__.py":
        path = path.parent
    home, parts = path.parent, [path.stem if path.suffix == ".py" and path.is_file() else path.name]
    while (home / "__init__.py").is_file() and home != home.parent:
        parts.insert(0, home.name)
        home = home.parent
    if path.is_file() and (len(parts) == 1 or any("." in part for part in parts)):
        return Place(_free_name(path.stem.replace(".", "_")), (path.parent,), is_first=True, file=path)
    return Place(".".join(parts), tuple(dict.fromkeys((home, path.parent))), is_first=True)


def _free_name(stem: str) -> str:
    """A name for a file's module under which it hides neither Python's own modules nor installed ones."""
    if stem in sys.stdlib_module_names or stem == LIBRARY:
        return f"{stem}_"
    try:
        spec = PathFinder.find_spec(stem)
    except (ImportError, ValueError):
        return stem
    is_other = spec is not None and spec.origin is not None and is_installed(Path(spec.origin))
    return f"{stem}_" if is_other else stem


class _FromSource(SourceFileLoader):
    """Compiles a file as it is now.

    Python's cached bytecode goes by size and by time in whole seconds, so that a file that is edited twice within one,
    or unpacked from an archive without times, could run as it was before, under the digest of what it is.
    """

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError("no bytecode is read or written")


_from_source: set[Path] = set()


def _compile_as_they_are(folders: Iterable[Path]) -> None:
    """Read no cached bytecode of modules that lie in these folders, or in folders below."""
    if not _from_source:
        sys.path_hooks.insert(0, _finder_of_source)
    _from_source.update(folders)
    for path in [path for path in sys.path_importer_cache if _is_from_source(Path(path))]:
        del sys.path_importer_cache[path]


def _is_from_source(folder: Path) -> bool:
    if is_installed(folder) or folder == PACKAGE or PACKAGE in folder.parents:
        return False
    return not _from_source.isdisjoint((folder, *folder.parents))


def _finder_of_source(path: str) -> FileFinder:
    """A hook of ``sys.path_hooks``: Python's own finder, with another loader of sources."""
    if not Path(path).is_dir() or not _is_from_source(Path(path)):
        raise ImportError(f"{path} is left to Python's own finders")
    return FileFinder(
        path,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_FromSource, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )


def _of_file(place: Place) -> ModuleType:
    """The module of a single file, which is executed once."""
    if place.module in sys.modules:
        return sys.modules[place.module]
    folder = str(place.file.parent) if place.file else ""
    spec = spec_from_file_location(
        place.module,
        place.file,
        loader=_FromSource(place.module, str(place.file)),
        submodule_search_locations=[folder],
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{place.file} is no Python module")
    module = module_from_spec(spec)
    sys.modules[place.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(place.module, None)
        raise
    return sys.modules[place.module]


_known: dict[Place, dict[str, tuple[ModuleType, _Stamp]]] = {}  # what an import has loaded, to be loaded once


def _unchanged(place: Place) -> dict[str, ModuleType]:
    """What was loaded when this place was imported before; nothing where a file of it has changed since."""
    known = _known.get(place, {})
    if any(_stamp(module) != stamp for module, stamp in known.values()):
        return {}
    return {name: module for name, (module, _) in known.items()}


def _stamp(module: ModuleType) -> _Stamp:
    """Time and size of a module's file."""
    try:
        found = Path(module.__file__ or "").stat()
    except (AttributeError, OSError, TypeError):
        return None
    return found.st_mtime_ns, found.st_size


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


def _current_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed
        return None


def _hint(name: str, registered: Iterable[str]) -> str:
    """What a name that names nothing may mean: a file below the current folder, or a name that is like it."""
    here = _current_folder()
    if here is None:
        return ""
    stem = name.removesuffix(".py")
    below = [one for depth in ("", "*/", "*/*/") for one in _matching(here, f"{depth}{stem}.py")]
    if below:
        shown = [f"./{one.relative_to(here).as_posix()}" for one in below[:_MOST_NAMED]]
        folder = shown[0].rpartition("/")[0]
        return f" There is a {below[0].name} in {folder}: give {' or '.join(shown)}"
    files = {one.stem: one.stem if one.stem.isidentifier() else f"./{one.name}" for one in _matching(here, "*.py")}
    close = difflib.get_close_matches(name, [*registered, *files], n=1)
    return f" Did you mean '{files.get(close[0], close[0])}'?" if close else ""


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(one for one in folder.glob(pattern) if not is_installed(one))
    except (OSError, ValueError, NotImplementedError):
        return []


def _what_is_there(path: Path, name: str) -> str:
    """What stands where a path leads that is no module's."""
    if path.is_dir():
        files = [one.name for one in _matching(path, "*.py")][:_MOST_NAMED]
        give = f"; give a file: {' or '.join(f'{name}/{one}' for one in files)}" if files else ""
        return f"it is a folder without __init__.py{give}"
    if path.is_file():
        return "it is a file whose name does not end in .py; give the HEAR module, and this file as its weights"
    beside = [one.name for one in _matching(path.parent, "*") if one.suffix == ".py" or one.is_dir()]
    close = difflib.get_close_matches(path.name, beside, n=1) or [one for one in beside if one == f"{path.name}.py"]
    folder = name.rpartition("/")[0]
    return "there is no such file or folder." + (f" Did you mean {folder}/{close[0]}?" if close else "")
