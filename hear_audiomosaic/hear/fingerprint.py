"""What an encoder's embeddings depend on, as one digest: code, options, weights, torch's version.

Code is the encoder's own and what that imports of this library, step by step, read off the source files. Nothing is
taken from ``sys.modules``, so the digest does not depend on what else a process has loaded. Imports by a computed name
(``importlib.import_module``) cannot be seen.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import torch

from hear_audiomosaic.hear.contract import FUNCTIONS
from hear_audiomosaic.hear.parameters import state_of
from hear_audiomosaic.hear.reference import OptionValue

__all__ = ["compiled_code", "encoder_fingerprint", "source_files"]

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARY = _PACKAGE.name
_HOW_CLIPS_ARE_READ = f"{_LIBRARY}.audio.files"


def encoder_fingerprint(
    module: ModuleType, model: torch.nn.Module, options: Iterable[tuple[str, OptionValue]] = ()
) -> str:
    """SHA-256 of what the embeddings depend on.

    Two weight files never share a fingerprint, nor does a module keep its own after its code has changed.

    Args:
        module: the HEAR module; its name, and its code: files, or what is compiled where it lies in none.
        model: what its ``load_model`` returned.
        options: what ``load_model`` was given.

    Returns:
        64 hexadecimal digits, the same in every process.
    """
    digest = hashlib.sha256(repr((module.__name__, tuple(options), torch.__version__)).encode())
    file = getattr(module, "__file__", None)
    path = Path(file) if file else None
    if path is None:
        _add(digest, "code", "\n".join(compiled_code(module, type(model))).encode())
    for name, source in sorted(source_files(module.__name__, path).items()):
        _add(digest, name, source.read_bytes())
    for name, content in state_of(model):
        _add(digest, name, content)
    return digest.hexdigest()


def source_files(module_name: str, path: Path | None, package: Path = _PACKAGE) -> dict[str, Path]:
    """Source files that a HEAR module's embeddings depend on.

    Args:
        module_name: full name of the module.
        path: its file; None for a module that lies in none, of which only the library's part is known
            (its own code: :func:`compiled_code`).
        package: folder of this library.

    Returns:
        Name -> file:

        * of a package all its ``.py`` files, imported or not; of a one-file module that file and what it imports of the
          package that it lies in;
        * what those import of this library, and what that imports in turn, inside functions too;
        * how a clip is read and resampled before it reaches the encoder.

        The library's own package file, which holds its version and its doors, is not among them: importing the library
        stands for importing what the three HEAR functions use.
    """
    roots = {_LIBRARY: package.parent}
    waiting = [_HOW_CLIPS_ARE_READ]
    found: dict[str, Path] = {}
    if path is not None:
        is_package = path.name == "__init__.py"
        top, *rest = module_name.split(".")
        depth = len(rest) + is_package
        home = path.parents[depth] if depth < len(path.parents) else path.parent
        if _file_of(module_name, home) == path:  # it lies where its name says
            roots.setdefault(top, home)
            waiting.append(module_name)
        else:
            home = path.parents[is_package]
            found[path.relative_to(home).as_posix()] = path
            waiting += _imports(path, module_name, roots)
        if is_package and package not in path.resolve().parents:
            for one in path.parent.rglob("*.py"):
                found[one.relative_to(home).as_posix()] = one
                parts = one.relative_to(path.parent).with_suffix("").parts
                waiting += _imports(one, ".".join((module_name, *(p for p in parts if p != "__init__"))), roots)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        root = roots.get(name.partition(".")[0])
        file = None if root is None or name in seen else _file_of(name, root)
        seen.add(name)
        if root is None or file is None:
            continue
        if name != _LIBRARY:
            found[file.relative_to(root).as_posix()] = file
        waiting += _imports(file, name, roots)
    return found


def compiled_code(module: ModuleType, model_class: type) -> list[str]:
    """Code of a module that lies in no file, such as a notebook: its HEAR functions, the model's class, what they use.

    Functions, classes, numbers and texts of the same namespace are followed by name; of imported modules nothing is.
    """
    pending: list[object] = [getattr(module, name, None) for name in FUNCTIONS] + [model_class]
    found: dict[str, str] = {}
    while pending:
        thing = pending.pop()
        if isinstance(thing, type):
            pending += [value for value in vars(thing).values() if isinstance(value, FunctionType)]
            continue
        if not isinstance(thing, FunctionType) or thing.__qualname__ in found:
            continue
        text, names = _code(thing.__code__)
        found[thing.__qualname__] = f"{thing.__qualname__} {thing.__defaults__!r} {thing.__kwdefaults__!r} {text}"
        for name in sorted(names & thing.__globals__.keys()):
            value = thing.__globals__[name]
            if isinstance(value, bool | int | float | str):
                found[f"={name}"] = f"{name} = {value!r}"
            elif getattr(value, "__module__", None) == thing.__module__:
                pending.append(value)
    return [found[name] for name in sorted(found)]


def _code(code: CodeType) -> tuple[str, set[str]]:
    """What a code object does, without where it stands; and the names that it looks up."""
    texts, names = [code.co_code.hex(), repr(code.co_names)], set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner, more = _code(constant)
            names |= more
            texts.append(inner)
        elif isinstance(constant, frozenset):  # its order is another one in every process
            texts.append(repr(sorted(map(repr, constant))))
        else:
            texts.append(repr(constant))
    return " ".join(texts), names


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    digest.update(f"{name}\0{len(content)}\0".encode() + content)


def _file_of(name: str, root: Path) -> Path | None:
    """The file of a module below the folder ``root``; None where there is none."""
    base = root.joinpath(*name.split("."))
    return next((path for path in (base / "__init__.py", base.with_name(f"{base.name}.py")) if path.is_file()), None)


def _imports(path: Path, name: str, roots: dict[str, Path]) -> Iterator[str]:
    """Names of modules that a source file imports, as far as they may lie below ``roots``."""
    tree = _parsed(path)
    statements: Iterable[ast.AST] = _executed(tree)
    if name == _LIBRARY:
        functions = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in FUNCTIONS]
        statements = (statement for function in functions for statement in _executed(function))
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            source = _source(statement, name, path.name == "__init__.py")
            for alias in statement.names:
                part = f"{source}.{alias.name}"
                if source == _LIBRARY and _file_of(part, roots[_LIBRARY]):
                    yield part
                else:
                    yield from (source, part, *_lazily(source, alias.name, roots))


def _source(statement: ast.ImportFrom, name: str, is_package: bool) -> str:
    """The module that a from-import names, relative ones resolved."""
    if not statement.level:
        return statement.module or ""
    parts = name.split(".")
    base = parts[: len(parts) - statement.level + is_package]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _lazily(package: str, attribute: str, roots: dict[str, Path]) -> Iterator[str]:
    """Where a package that imports lazily has a name from: its imports for type checkers say so."""
    root = roots.get(package.partition(".")[0])
    file = None if root is None else _file_of(package, root)
    if file is None or file.name != "__init__.py" or package == _LIBRARY:
        return
    for block in _parsed(file).body:
        for one in block.body if isinstance(block, ast.If) and _for_type_checkers(block) else ():
            if isinstance(one, ast.ImportFrom) and attribute in {a.asname or a.name for a in one.names}:
                yield _source(one, package, is_package=True)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, without what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _for_type_checkers(child):
            yield from (one for part in child.orelse for one in (part, *_executed(part)))
        else:
            yield child
            yield from _executed(child)


def _for_type_checkers(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _parsed(path: Path) -> ast.Module:
    """The file's syntax tree; an empty one where it is not of this Python."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])
