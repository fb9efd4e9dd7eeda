"""Files that are no code and that embeddings depend on: of the encoder's package, those its source names, weights."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from hear_audiomosaic.file_digests import FileDigests
from hear_audiomosaic.files import sha256_of_file
from hear_audiomosaic.hear.dependencies.imports import parsed
from hear_audiomosaic.hear.dependencies.installed import SITE_NAMES
from hear_audiomosaic.hear.dependencies.sources import walked

__all__ = ["Digester", "literals", "named_files", "package_files", "path_of", "weight_files"]

_log = logging.getLogger(__name__)

_READ_ANEW_BYTES = 1 << 16
"""A smaller file is read every time, a larger one only when it has changed."""

_MOST_FILES, _MOST_BYTES = 2_000, 1 << 30
"""Of files that nobody gave as weights or option: the smallest ones count by their bytes, the rest by their sizes."""

_MOST_WALKED = 20_000
"""Files of one folder that nobody gave as weights or option; what comes after these does not count."""

_NO_DATA = {".md", ".rst", ".log", ".pyc", ".lock", ".part", ".tmp", ".swp"}
_CARD = "encoder_card.json"  # says what an encoder is, not what it computes
_LONGEST_NAME = 255
_LEAST_CONSTANT = 3
_FIELD = re.compile(r"%[-0-9.]*[sdr]|\{[^{}]*\}")  # what % or format fills in


class Digester:
    """SHA-256 of files and folders, inside ``with``; those of large files are remembered.

    Args:
        memory: where, as of :class:`~hear_audiomosaic.file_digests.FileDigests`.
    """

    def __init__(self, memory: Path) -> None:
        self._path = memory
        self._memory: FileDigests | None = None
        self._known: dict[Path, str] = {}

    def __enter__(self) -> Digester:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._memory is not None:
            self._memory.__exit__(*raised)

    def file(self, path: Path) -> str:
        """Of a file's bytes; "unreadable" of one that this user cannot read, and the encoder neither."""
        if path not in self._known:
            try:
                is_small = path.stat().st_size < _READ_ANEW_BYTES
                self._known[path] = sha256_of_file(path) if is_small else self._remembered().of(path)
            except OSError:
                self._known[path] = "unreadable"
        return self._known[path]

    def path(self, path: Path, name: str) -> dict[str, str]:
        """Of a file, or of all files in a folder whatever their number and size: name -> digest."""
        if path.is_file():
            return {name: self.file(path)}
        return {f"{name}/{one.relative_to(path).as_posix()}": self.file(one) for one in walked(path)}

    def bounded(self, paths: Mapping[str, Path]) -> dict[str, str]:
        """Of files that nobody pointed at: by their bytes, or by their sizes where they are very many or large."""
        found: dict[str, str] = {}
        n_bytes = 0
        for size, name in sorted((path.stat().st_size, name) for name, path in paths.items()):
            n_bytes += size
            is_read = len(found) < _MOST_FILES and n_bytes <= _MOST_BYTES
            found[name] = self.file(paths[name]) if is_read else f"{size} bytes"
        return found

    def _remembered(self) -> FileDigests:
        if self._memory is None:
            self._memory = FileDigests(self._path)
            self._memory.__enter__()
        return self._memory


def weight_files(text: str) -> Iterator[tuple[str, Path]]:
    """Files and folders that WEIGHTS stands for, with a name each.

    The path itself; files beside it whose names go on after its own (``model.onnx.data``); and of a path that is none,
    such as ``folder/model`` or ``folder/model.ckpt``, the files whose names begin so.
    """
    path = path_of(text)
    if path is not None:
        yield "WEIGHTS", path
        if path.is_dir():
            return
    elif not text or "/" not in text:
        return
    whole = _expanded(text)
    for one in _siblings(whole):
        if one.suffix not in _NO_DATA:
            yield f"WEIGHTS{one.name[len(whole.name) :]}", one


def _siblings(path: Path) -> list[Path]:
    try:
        return sorted(
            one
            for one in path.parent.iterdir()
            if re.fullmatch(rf"{re.escape(path.name)}[._-].+", one.name) and one.is_file()
        )
    except (OSError, ValueError):
        return []


def path_of(text: str) -> Path | None:
    """The file or folder that a text names, from the working directory, as for the encoder; None if it names none."""
    if not text or "\0" in text:
        return None
    paths = (Path(text), _expanded(text))
    return next((one for one in paths if _is_file(one) or _is_folder(one)), None)


def package_files(package: Path) -> Iterator[tuple[str, Path]]:
    """Names and paths of a package's files that are neither code nor text about it."""
    for path in islice(walked(package), _MOST_WALKED):
        if path.suffix not in _NO_DATA | {".py"} and path.name != _CARD and not path.name.endswith("~"):
            yield path.relative_to(package.parent).as_posix(), path


def literals(source: Path) -> set[str]:
    """Texts in a source file that may be the name of something: those of one line, with ``*`` for what is filled in."""
    if source.suffix != ".py":
        return set()
    tree = parsed(source)
    pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            found |= {node.value, _FIELD.sub("*", node.value)}
    return {text for text in found if 0 < len(text) <= _LONGEST_NAME and text.isprintable()}


def named_files(source: Path) -> Iterator[tuple[str, Path]]:
    """Names and paths of the files that a source file names in its text.

    A name counts if it is absolute, or that of something beside the file or beside its folder (``"mel.npy"``,
    ``"weights/mel.npy"``, ``"weights"`` and ``"mel.npy"`` apart, ``f"mel_{size}.npy"``), or a suffix of the file's own
    name (``".npy"``). A folder counts with all that lies in it, if it lies beside the file and is named alone.
    """
    folder = source.parent
    texts = sorted(literals(source))
    is_site = folder.name in SITE_NAMES  # folders beside it are other packages
    folders = [] if is_site else [folder / text for text in texts if _is_folder(folder / text)]
    for text in texts:
        candidates = [folder / text, folder.parent / text, _expanded(text), *(one / text for one in folders)]
        if text.startswith((".", "_", "-")):
            candidates.append(folder / f"{source.stem}{text}")
        for path in candidates:
            for one in _matching(path) if "*" in text else (path,):
                if _is_file(one) and one.suffix != ".py":
                    yield _short(one, folder), one
    for inner in folders:
        if inner.parent == folder and inner.name not in ("", ".", ".."):
            yield from (
                (_short(one, folder), one)
                for one in islice(walked(inner), _MOST_WALKED)
                if one.suffix not in _NO_DATA | {".py"}
            )


def _short(path: Path, folder: Path) -> str:
    """A name that does not change when everything is moved to another place."""
    return path.relative_to(folder).as_posix() if folder in path.parents else path.name


def _matching(pattern: Path) -> Iterator[Path]:
    """Files by a pattern with stars in its last part, or none if it is hardly more than stars."""
    if "*" in str(pattern.parent) or len(pattern.name.replace("*", "")) < _LEAST_CONSTANT:
        return iter(())
    return iter(sorted(pattern.parent.glob(re.sub(r"([\[?])", r"[\1]", pattern.name)))[:_MOST_FILES])


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user
        return Path(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
