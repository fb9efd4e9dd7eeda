"""The imports that stand in a source file: with the module, inside functions, and by a literal name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from hear_audiomosaic.hear.contract import FUNCTIONS

__all__ = ["LIBRARY", "imports", "parsed"]

LIBRARY = __name__.partition(".")[0]
"""Name of this library."""

_DYNAMIC = {"import_module", "__import__"}
_Locate = Callable[[str], Path | None]


def imports(path: Path, name: str, locate: _Locate, is_package: bool = False) -> Iterator[tuple[str, bool]]:
    """Names of modules that a source file imports, or may import.

    Args:
        path: the file.
        name: its full module name.
        locate: the file of a module, where it is known so far.
        is_package: whether it is a package though it is no ``__init__.py``.

    Yields:
        A full module name, and whether it is imported at once, when the file is (and not later, inside a function).
    """
    if path.suffix != ".py" or not path.is_file():
        return
    tree = parsed(path)
    statements: Iterable[tuple[ast.AST, bool]] = _statements(path.read_bytes())
    if name == LIBRARY:
        functions = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in FUNCTIONS]
        statements = (found for function in functions for found in _executed(function, at_once=False))
    is_package = is_package or path.name == "__init__.py"
    for statement, at_once in statements:
        if isinstance(statement, ast.Import):
            yield from ((alias.name, at_once) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            source = _source(statement.module, statement.level, name, is_package)
            yield from ((one, at_once) for one in _from(statement, source, locate))
        elif isinstance(statement, ast.Call) and name.partition(".")[0] != LIBRARY:
            yield from ((one, at_once) for one in _dynamic(statement, name, is_package))


def _from(statement: ast.ImportFrom, source: str, locate: _Locate) -> Iterator[str]:
    for alias in statement.names:
        part = f"{source}.{alias.name}"
        if source == LIBRARY and locate(part):
            yield part
        else:
            yield from (source, part, *_lazily(source, alias.name, locate))


def _dynamic(call: ast.Call, name: str, is_package: bool) -> Iterator[str]:
    """What ``import_module("name")`` and ``__import__("name")`` import."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if function in _DYNAMIC and isinstance(given, str) and given.strip("."):
        level = len(given) - len(given.lstrip("."))
        yield _source(given.lstrip("."), level, name, is_package)


def _source(module: str | None, level: int, name: str, is_package: bool) -> str:
    """The module that an import names, relative ones resolved."""
    if not level:
        return module or ""
    parts = name.split(".")
    base = parts[: len(parts) - level + is_package]
    return ".".join([*base, *([module] if module else [])])


def _lazily(package: str, attribute: str, locate: _Locate) -> Iterator[str]:
    """Where a package that imports lazily has a name from: its imports for type checkers say so."""
    file = locate(package)
    if file is None or file.name != "__init__.py" or package == LIBRARY:
        return
    for block in parsed(file).body:
        for one in block.body if isinstance(block, ast.If) and _for_type_checkers(block) else ():
            if isinstance(one, ast.ImportFrom) and attribute in {a.asname or a.name for a in one.names}:
                yield _source(one.module, one.level, package, is_package=True)


@lru_cache(maxsize=256)
def _statements(source: bytes) -> tuple[tuple[ast.AST, bool], ...]:
    """What may import something."""
    kinds = ast.Import | ast.ImportFrom | ast.Call
    return tuple(
        (node, at_once) for node, at_once in _executed(_parsed(source), at_once=True) if isinstance(node, kinds)
    )


def _executed(node: ast.AST, at_once: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below, without what only type checkers see; and whether they run with the module."""
    inside = at_once and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _for_type_checkers(child):
            for part in child.orelse:
                yield part, inside
                yield from _executed(part, inside)
        else:
            yield child, inside
            yield from _executed(child, inside)


def _for_type_checkers(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def parsed(path: Path) -> ast.Module:
    """The file's syntax tree; an empty one where it is not of this Python."""
    return _parsed(path.read_bytes())


@lru_cache(maxsize=64)
def _parsed(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])
